// Package models holds the vocabulary that every other package speaks: the
// network graph, its named parameter tensors and their masks.
//
// A [Network] is a list of nodes in topological order and the parameters that
// they own. It has no behaviour of its own: package engine runs it, package
// prune thins it, package checkpoint keeps it. Activations are laid out NCHW,
// linear weights out x in, filters OIHW, everything float32 and row-major.
//
// The package imports nothing else of this module.
package models

import (
	"fmt"
	"math"
	"slices"
)

// Op names what a node computes.
type Op string

// The operations of the graph.
const (
	OpInput   Op = "input"   // the network's input, one per network, first
	OpFlatten Op = "flatten" // all axes but the batch joined, row-major
	OpLinear  Op = "linear"  // y = x W^T + b; parameters NAME.weight (out x in), NAME.bias (out)
	OpReLU    Op = "relu"    // max(x, 0)
	OpDropout Op = "dropout" // zeroes a share Attrs.Rate in training, identity otherwise
)

// Shape is the extent of each axis, outermost first, without the batch axis
// for activations.
type Shape []int

// maxElements bounds a tensor, so that products of extents never overflow.
const maxElements = 1 << 40

// check refuses a shape without elements and one too large to count.
func (s Shape) check() error {
	if len(s) == 0 {
		return fmt.Errorf("shape %v has no axes", s)
	}
	n := 1
	for _, d := range s {
		if d <= 0 || d > maxElements/n {
			return fmt.Errorf("shape %v: every extent is at least 1 and their product at most %d", s, maxElements)
		}
		n *= d
	}
	return nil
}

// Size is the number of elements.
func (s Shape) Size() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Attrs are the settings of a node; which ones count depends on its Op.
type Attrs struct {
	Out  int     `json:"out,omitempty"`  // linear: output features
	Rate float64 `json:"rate,omitempty"` // dropout: share of activations zeroed in training
}

// Node is one operation of the graph.
type Node struct {
	Name   string   `json:"name"`
	Op     Op       `json:"op"`
	Inputs []string `json:"inputs,omitempty"` // names of earlier nodes
	Attrs  Attrs    `json:"attrs,omitzero"`
}

// Role says what part a parameter plays in its node, so that criteria and
// regularizers can choose by it.
type Role string

// The roles of parameters.
const (
	RoleWeight Role = "weight"
	RoleBias   Role = "bias"
)

// Param is a named tensor of a node. Its name is the node's name, a dot and a
// role: "fc1.weight".
type Param struct {
	Name  string    `json:"name"`
	Node  string    `json:"node"`
	Role  Role      `json:"role"`
	Shape Shape     `json:"shape"`
	Data  []float32 `json:"-"`
	// Mask is nil for a dense parameter, otherwise one entry for each element:
	// true stays, false is pruned and its value is exactly 0.
	Mask []bool `json:"-"`
}

// Network is a directed acyclic graph of nodes and the parameters they own.
type Network struct {
	Name   string   `json:"name"`
	Input  Shape    `json:"input"` // of one sample
	Nodes  []Node   `json:"nodes"`
	Params []*Param `json:"params"` // in the order of the nodes, weight before bias
}

// Node returns the node with that name.
func (n *Network) Node(name string) (Node, bool) {
	for _, node := range n.Nodes {
		if node.Name == name {
			return node, true
		}
	}
	return Node{}, false
}

// Param returns the parameter with that name, or nil.
func (n *Network) Param(name string) *Param {
	for _, p := range n.Params {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Output is the last node's name: the logits. The network must have nodes.
func (n *Network) Output() string { return n.Nodes[len(n.Nodes)-1].Name }

// Clone returns a deep copy.
func (n *Network) Clone() *Network {
	c := &Network{Name: n.Name, Input: slices.Clone(n.Input), Nodes: make([]Node, len(n.Nodes)), Params: make([]*Param, len(n.Params))}
	for i, node := range n.Nodes {
		node.Inputs = slices.Clone(node.Inputs)
		c.Nodes[i] = node
	}
	for i, p := range n.Params {
		q := *p
		q.Shape, q.Data, q.Mask = slices.Clone(p.Shape), slices.Clone(p.Data), slices.Clone(p.Mask)
		c.Params[i] = &q
	}
	return c
}

// Shapes returns the output shape of every node, by name, without the batch
// axis. It fails on a graph that is not valid.
func (n *Network) Shapes() (map[string]Shape, error) {
	if len(n.Nodes) == 0 {
		return nil, fmt.Errorf("network %s: no nodes", n.Name)
	}
	shapes := make(map[string]Shape, len(n.Nodes))
	for i, node := range n.Nodes {
		if _, dup := shapes[node.Name]; dup || node.Name == "" {
			return nil, fmt.Errorf("network %s: node %d: name %q is empty or used twice", n.Name, i, node.Name)
		}
		shape, err := n.shapeOf(i, node, shapes)
		if err != nil {
			return nil, fmt.Errorf("network %s: node %s: %w", n.Name, node.Name, err)
		}
		shapes[node.Name] = shape
	}
	return shapes, nil
}

func (n *Network) shapeOf(i int, node Node, known map[string]Shape) (Shape, error) {
	if (node.Op == OpInput) != (i == 0) {
		return nil, fmt.Errorf("op %q at position %d: the input is the first node and only there", node.Op, i)
	}
	if node.Op == OpInput {
		if len(node.Inputs) != 0 {
			return nil, fmt.Errorf("op %q takes no inputs, not %d", node.Op, len(node.Inputs))
		}
		if err := n.Input.check(); err != nil {
			return nil, fmt.Errorf("input %w", err)
		}
		return n.Input, nil
	}
	if len(node.Inputs) != 1 {
		return nil, fmt.Errorf("op %q takes 1 input, not %d", node.Op, len(node.Inputs))
	}
	in, ok := known[node.Inputs[0]]
	if !ok {
		return nil, fmt.Errorf("input %q is not an earlier node", node.Inputs[0])
	}
	switch node.Op {
	case OpFlatten:
		return Shape{in.Size()}, nil
	case OpReLU:
		return in, nil
	case OpDropout:
		if !(node.Attrs.Rate >= 0 && node.Attrs.Rate < 1) {
			return nil, fmt.Errorf("dropout rate %g is not in [0, 1)", node.Attrs.Rate)
		}
		return in, nil
	case OpLinear:
		if len(in) != 1 {
			return nil, fmt.Errorf("linear wants a flat input, not %v", in)
		}
		if node.Attrs.Out <= 0 {
			return nil, fmt.Errorf("linear has %d outputs", node.Attrs.Out)
		}
		if err := (Shape{node.Attrs.Out, in[0]}).check(); err != nil {
			return nil, fmt.Errorf("weight %w", err)
		}
		return Shape{node.Attrs.Out}, nil
	default:
		return nil, fmt.Errorf("op %q is not known", node.Op)
	}
}

// Validate checks the graph, that every parameter that it needs is there with
// the right shape and length, that no other is, and that masked elements are
// exactly zero.
func (n *Network) Validate() error {
	want, err := n.Layout()
	if err != nil {
		return err
	}
	if len(want) != len(n.Params) {
		return fmt.Errorf("network %s: %d parameters, the graph needs %d", n.Name, len(n.Params), len(want))
	}
	for i, w := range want {
		if err := n.Params[i].matches(w); err != nil {
			return fmt.Errorf("network %s: %w", n.Name, err)
		}
	}
	return nil
}

func (p *Param) matches(want *Param) error {
	if p == nil {
		return fmt.Errorf("parameter %s %v is missing", want.Name, want.Shape)
	}
	if p.Name != want.Name || p.Node != want.Node || p.Role != want.Role || !slices.Equal(p.Shape, want.Shape) {
		return fmt.Errorf("parameter %s %v: the graph needs %s %v here", p.Name, p.Shape, want.Name, want.Shape)
	}
	size := p.Shape.Size()
	if len(p.Data) != size || (p.Mask != nil && len(p.Mask) != size) {
		return fmt.Errorf("parameter %s %v: %d values and %d mask entries, want %d", p.Name, p.Shape, len(p.Data), len(p.Mask), size)
	}
	for i, stays := range p.Mask {
		if !stays && math.Float32bits(p.Data[i]) != 0 {
			return fmt.Errorf("parameter %s: element %d is pruned but holds %g", p.Name, i, p.Data[i])
		}
	}
	return nil
}

// Layout returns the parameters that the graph needs, without data: names,
// roles and shapes in the order in which Params must have them.
func (n *Network) Layout() ([]*Param, error) {
	shapes, err := n.Shapes()
	if err != nil {
		return nil, err
	}
	var params []*Param
	for _, node := range n.Nodes {
		if node.Op == OpLinear {
			in := shapes[node.Inputs[0]][0]
			params = append(params,
				&Param{Name: node.Name + ".weight", Node: node.Name, Role: RoleWeight, Shape: Shape{node.Attrs.Out, in}},
				&Param{Name: node.Name + ".bias", Node: node.Name, Role: RoleBias, Shape: Shape{node.Attrs.Out}})
		}
	}
	return params, nil
}

// ApplyMask zeroes the masked elements of p.Data.
func (p *Param) ApplyMask() {
	for i, stays := range p.Mask {
		if !stays {
			p.Data[i] = 0
		}
	}
}
