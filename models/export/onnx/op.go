package onnx

import (
	"fmt"
	"strings"

	"espalier/models"
	"espalier/models/export/onnx/internal/onnxpb"
)

// operator reads one kind of node.
type operator func(o *op) error

// op is one node of the graph while it is read.
type op struct {
	*reader
	proto *onnxpb.NodeProto
	in    []*value
	known map[string]bool // the attributes that were asked for
	err   error           // the first attribute of a wrong type
}

// done checks that no attribute went unread: it could have changed the result.
func (o *op) done() error {
	if o.err != nil {
		return o.err
	}
	for _, a := range o.proto.GetAttribute() {
		if !o.known[a.GetName()] {
			return fmt.Errorf("attribute %.60q is not known", a.GetName())
		}
	}
	for _, out := range o.proto.GetOutput() {
		if out != "" && o.values[out] == nil && o.readers[out] > 0 {
			return fmt.Errorf("its output %.200q is not supported", out)
		}
	}
	return nil
}

// set makes v the node's first output.
func (o *op) set(v *value) error {
	out := o.proto.GetOutput()[0]
	if _, twice := o.values[out]; twice {
		return fmt.Errorf("output %.200q is there already", out)
	}
	o.values[out] = v
	return nil
}

// has says whether the optional input i is given.
func (o *op) has(i int) bool { return i < len(o.in) && o.proto.GetInput()[i] != "" }

// activation is input i, which the network computes.
func (o *op) activation(i int) (*value, error) {
	if !o.has(i) {
		return nil, fmt.Errorf("input %d is missing", i)
	}
	if o.in[i].constant != nil {
		return nil, fmt.Errorf("input %.200q is a constant, which is not supported there", o.proto.GetInput()[i])
	}
	return o.in[i], nil
}

// constant is input i, whose value is known.
func (o *op) constant(i int) (*constant, error) {
	if !o.has(i) {
		return nil, fmt.Errorf("input %d is missing", i)
	}
	if o.in[i].constant == nil {
		return nil, fmt.Errorf("input %.200q is no constant, which is not supported there", o.proto.GetInput()[i])
	}
	return o.in[i].constant, nil
}

// alone says whether this node alone reads its input i.
func (o *op) alone(i int) bool { return o.readers[o.proto.GetInput()[i]] == 1 }

// folds says whether the node's first n inputs are all constants.
func (o *op) folds(n int) bool {
	for i := range n {
		if o.has(i) && o.in[i].constant == nil {
			return false
		}
	}
	return len(o.in) > 0
}

func (o *op) attribute(name string, kind onnxpb.AttributeProto_AttributeType) *onnxpb.AttributeProto {
	o.known[name] = true
	for _, a := range o.proto.GetAttribute() {
		if a.GetName() != name {
			continue
		}
		if a.GetType() != kind {
			o.err = fmt.Errorf("attribute %q is of type %v, want %v", name, a.GetType(), kind)
			return nil
		}
		return a
	}
	return nil
}

func (o *op) int(name string, def int64) int64 {
	if a := o.attribute(name, onnxpb.AttributeProto_INT); a != nil {
		return a.GetI()
	}
	return def
}

func (o *op) ints(name string) []int64 {
	return o.attribute(name, onnxpb.AttributeProto_INTS).GetInts()
}

func (o *op) float(name string, def float32) float32 {
	if a := o.attribute(name, onnxpb.AttributeProto_FLOAT); a != nil {
		return a.GetF()
	}
	return def
}

func (o *op) text(name, def string) string {
	if a := o.attribute(name, onnxpb.AttributeProto_STRING); a != nil {
		return string(a.GetS())
	}
	return def
}

// intsAt is a list that is an attribute up to one opset and input i from the
// next. It says whether it is given.
func (o *op) intsAt(name string, i int) ([]int64, bool, error) {
	if list := o.ints(name); list != nil {
		return list, true, nil
	}
	if !o.has(i) {
		return nil, false, nil
	}
	c, err := o.constant(i)
	if err != nil {
		return nil, false, err
	}
	list, err := c.integers()
	return list, true, err
}

// name is what the node is called in the network: as the layer is whose weights
// it reads, in PyTorch's way ("layer1.0.conv1.weight"), or as in the graph, or
// as its operation.
func (o *op) name(op models.Op) string {
	if len(o.proto.GetInput()) > 1 {
		if layer, ok := layerOf(o.proto.GetInput()[1]); ok {
			return layer
		}
	}
	if o.proto.GetName() != "" {
		return module(o.proto.GetName(), o.proto.GetOpType())
	}
	return string(op)
}

// module is the name of the PyTorch module that a node's name tells of:
// "layer1.0.conv1" of "/layer1/layer1.0/conv1/Conv". Other names stay.
func module(name, operator string) string {
	rest, ok := strings.CutPrefix(name, "/")
	if !ok {
		return name
	}
	parts := strings.Split(rest, "/")
	if n := len(parts); n > 1 && parts[n-1] == operator {
		parts = parts[:n-1]
	}
	var kept []string
	for i, p := range parts {
		if i+1 < len(parts) && strings.HasPrefix(parts[i+1], p+".") {
			continue
		}
		kept = append(kept, p)
	}
	return strings.Join(kept, ".")
}

// node adds a node that reads v, with v's waiting steps done, and makes it the
// output.
func (o *op) node(v *value, kind models.Op, a models.Attrs, params map[models.Role][]float32) error {
	in, err := o.materialize(v)
	if err != nil {
		return err
	}
	out, err := o.add(models.Node{Name: o.name(kind), Op: kind, Attrs: a, Inputs: []string{in}}, nil, params)
	if err != nil {
		return err
	}
	return o.set(out)
}
