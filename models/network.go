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

// Shape is the extent of each axis, outermost first, without the batch axis
// for activations.
type Shape []int

// maxElements bounds a tensor, so that products of extents never overflow.
const maxElements = math.MaxInt32

// maxExtent bounds kernels, strides and padding.
const maxExtent = 1 << 16

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

// Node is one operation of the graph.
type Node struct {
	Name   string   `json:"name"`
	Op     Op       `json:"op"`
	Inputs []string `json:"inputs,omitempty"` // names of earlier nodes
	Attrs  Attrs    `json:"attrs,omitzero"`
}

// Param is a named tensor of a node. Its name is the node's name, a dot and a
// role: "fc1.weight", "bn1.gamma".
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
	Params []*Param `json:"params"` // in the order of the nodes and, within a node, of its roles
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
		node.Inputs, node.Attrs.Channels = slices.Clone(node.Inputs), slices.Clone(node.Attrs.Channels)
		c.Nodes[i] = node
	}
	for i, p := range n.Params {
		q := *p
		q.Shape, q.Data, q.Mask = slices.Clone(p.Shape), slices.Clone(p.Data), slices.Clone(p.Mask)
		c.Params[i] = &q
	}
	return c
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

// ApplyMask zeroes the masked elements of p.Data.
func (p *Param) ApplyMask() {
	for i, stays := range p.Mask {
		if !stays {
			p.Data[i] = 0
		}
	}
}
