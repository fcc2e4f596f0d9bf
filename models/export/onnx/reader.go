package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/models"
	"espalier/models/export/onnx/internal/onnxpb"
)

// The bounds of a graph: the largest classifiers have some thousand nodes and
// channels.
const (
	maxNodes    = 1 << 16
	maxChannels = 1 << 22
)

// reader builds the network while it walks through the graph.
type reader struct {
	graph    *onnxpb.GraphProto
	opset    int64
	external opener
	batch    int64 // the size that the file is for, 0 for any

	values  map[string]*value // by tensor of the graph
	readers map[string]int    // how many times each tensor is read, the graph's output included
	output  string

	net    *models.Network
	shapes map[string]models.Shape // of the network's nodes
	data   map[string][]float32    // of the network's parameters
	suffix map[string]int          // the next number for names that are taken
	notes  []string
	budget int // elements that constants and parameters may still take
}

func newReader(file *onnxpb.ModelProto, size int, external opener) (*reader, error) {
	opset, err := opsetOf(file)
	if err != nil {
		return nil, err
	}
	g := file.GetGraph()
	r := &reader{
		graph: g, opset: opset, external: external,
		values: map[string]*value{"": {}}, readers: map[string]int{},
		net:    &models.Network{},
		shapes: map[string]models.Shape{}, data: map[string][]float32{}, suffix: map[string]int{},
		// A weight is a constant once and a parameter once.
		budget: 4*size + 1<<20,
	}
	if len(g.GetOutput()) != 1 {
		return nil, fmt.Errorf("the graph has %d outputs; a classifier has 1", len(g.GetOutput()))
	}
	if n := len(g.GetNode()); n > maxNodes {
		return nil, fmt.Errorf("the graph has %d nodes, more than %d", n, maxNodes)
	}
	if len(g.GetSparseInitializer()) > 0 {
		return nil, errors.New("sparse weights are not supported")
	}
	r.output = g.GetOutput()[0].GetName()
	r.readers[r.output]++
	for _, n := range g.GetNode() {
		for _, in := range n.GetInput() {
			r.readers[in]++
		}
	}
	return r, nil
}

// name makes text fit to be a network's or a node's name.
func name(text string) string {
	text = strings.ToValidUTF8(strings.Trim(text, "/"), "")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "")
	}
	if text == "" {
		return "onnx"
	}
	return text
}

func (r *reader) run() error {
	for _, t := range r.graph.GetInitializer() {
		c, err := r.tensor(t)
		if err != nil {
			return fmt.Errorf("weights %.200q: %w", t.GetName(), err)
		}
		r.values[t.GetName()] = &value{constant: c}
	}
	if err := r.input(); err != nil {
		return err
	}
	table := operators()
	for _, n := range r.graph.GetNode() {
		if err := r.step(n, table); err != nil {
			return fmt.Errorf("node %.200q (%.60s, opset %d): %w", n.GetName(), n.GetOpType(), r.opset, err)
		}
	}
	return r.finish()
}

// input adds the input node. Before ONNX 1.3 the weights are inputs too.
func (r *reader) input() error {
	var inputs []*onnxpb.ValueInfoProto
	for _, in := range r.graph.GetInput() {
		if r.values[in.GetName()] == nil {
			inputs = append(inputs, in)
		}
	}
	if len(inputs) != 1 {
		return fmt.Errorf("the graph has %d inputs beside weights; a classifier has 1", len(inputs))
	}
	in := inputs[0]
	dims := in.GetType().GetTensorType().GetShape().GetDim()
	if len(dims) < 2 || len(dims) > 4 {
		return fmt.Errorf("input %.200q has %d axes; a batch of vectors or of images has 2 to 4", in.GetName(), len(dims))
	}
	for i, d := range dims[1:] {
		if d.GetDimValue() <= 0 || d.GetDimValue() > 1<<20 {
			return fmt.Errorf("input %.200q: axis %d has no fixed size (%.40q); export the model for the size of its images", in.GetName(), i+1, d.GetDimParam())
		}
		r.net.Input = append(r.net.Input, int(d.GetDimValue()))
	}
	r.net.Nodes = []models.Node{{Name: "input", Op: models.OpInput}}
	r.shapes["input"] = r.net.Input
	r.values[in.GetName()] = &value{node: "input", shape: r.net.Input, alone: true}
	if r.batch = dims[0].GetDimValue(); r.batch > 1 {
		r.notes = append(r.notes, fmt.Sprintf("the file is for batches of %d; the network takes any", r.batch))
	}
	return nil
}

func (r *reader) step(n *onnxpb.NodeProto, table map[string]operator) error {
	if d := n.GetDomain(); d != "" && d != "ai.onnx" {
		return fmt.Errorf("operators of domain %.60q are not supported", d)
	}
	run, ok := table[n.GetOpType()]
	if !ok {
		return fmt.Errorf("the operator is not supported; supported are %s", strings.Join(names(table), ", "))
	}
	o := &op{reader: r, proto: n, known: map[string]bool{}}
	for i, in := range n.GetInput() {
		v := r.values[in]
		if in == "" && (i == 0 || !optional(n.GetOpType())) {
			return fmt.Errorf("input %d is missing", i)
		}
		if v == nil {
			return fmt.Errorf("input %.200q comes from no earlier node", in)
		}
		o.in = append(o.in, v)
	}
	if len(n.GetOutput()) == 0 {
		return errors.New("it has no output")
	}
	if err := run(o); err != nil {
		return err
	}
	return o.done()
}

// optional says whether inputs of an operator may be left out in the middle.
func optional(operator string) bool {
	return slices.Contains([]string{"BatchNormalization", "Clip", "Conv", "Dropout", "Gemm", "Pad", "ReduceMean", "Slice", "Split", "Squeeze"}, operator)
}

func names(table map[string]operator) []string {
	out := make([]string, 0, len(table))
	for name := range table {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// add appends a node to the network, under a name of its own, and returns what
// it computes. Nodes of one input get their shape from package models; the
// shape of others is given.
func (r *reader) add(node models.Node, shape models.Shape, params map[models.Role][]float32) (*value, error) {
	node.Name = r.unique(node.Name)
	if shape == nil {
		trial := models.Network{Name: r.net.Name, Input: r.shapes[node.Inputs[0]], Nodes: []models.Node{{Name: "input", Op: models.OpInput}, node}}
		trial.Nodes[1].Inputs = []string{"input"}
		shapes, err := trial.Shapes()
		if err != nil {
			return nil, err
		}
		shape = shapes[node.Name]
	}
	if shape[0] > maxChannels {
		return nil, fmt.Errorf("%d channels, more than %d", shape[0], maxChannels)
	}
	if err := r.spend(len(node.Attrs.Channels)); err != nil {
		return nil, err
	}
	for role, data := range params {
		if err := r.spend(len(data)); err != nil {
			return nil, err
		}
		r.data[node.Name+"."+string(role)] = slices.Clone(data)
	}
	r.net.Nodes = append(r.net.Nodes, node)
	r.shapes[node.Name] = shape
	return &value{node: node.Name, shape: shape, alone: true}, nil
}

// unique is a name that no node has yet.
func (r *reader) unique(want string) string {
	want = name(want)
	for try := want; ; try = fmt.Sprintf("%s_%d", want, r.suffix[want]+1) {
		if _, taken := r.shapes[try]; !taken {
			return try
		}
		r.suffix[want]++
	}
}

// spend takes elements off the budget: repeated concatenation of a constant
// doubles it with every node.
func (r *reader) spend(elements int) error {
	if r.budget -= elements; r.budget < 0 {
		return errors.New("its constants need more memory than a file of this size can ask for")
	}
	return nil
}

// finish ends the network in the node that computes the output, without nodes
// that nothing reads, and gives it its parameters.
func (r *reader) finish() error {
	v := r.values[r.output]
	if v == nil || v.constant != nil {
		return fmt.Errorf("output %.200q is computed by no node", r.output)
	}
	v.softmax = false
	out, err := r.materialize(v)
	if err != nil {
		return fmt.Errorf("output %.200q: %w", r.output, err)
	}
	if len(r.shapes[out]) > 1 {
		flat, err := r.add(models.Node{Name: "flatten", Op: models.OpFlatten, Inputs: []string{out}}, nil, nil)
		if err != nil {
			return err
		}
		out = flat.node
	}
	r.prune(out)
	if r.net.Params, err = r.net.Layout(); err != nil {
		return err
	}
	for _, p := range r.net.Params {
		p.Data = r.data[p.Name]
	}
	return r.net.Validate()
}

// prune removes the nodes that the output does not depend on.
func (r *reader) prune(out string) {
	live := map[string]bool{out: true, "input": true}
	for _, n := range slices.Backward(r.net.Nodes) {
		for _, in := range n.Inputs {
			live[in] = live[in] || live[n.Name]
		}
	}
	r.net.Nodes = slices.DeleteFunc(r.net.Nodes, func(n models.Node) bool { return !live[n.Name] })
}
