package gorgonia

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models"
	"espalier/models/engine/kernel"
)

// channelOp builds the pools, the operations on channels and the activations.
func (b *builder) channelOp(node models.Node, in []*G.Node) (*G.Node, error) {
	a, size := node.Attrs, b.size(node.Name)
	switch node.Op {
	case models.OpMaxPool:
		return G.ApplyOp(newMaxPool(node.Name, b.batch, b.window(node)), in...)
	case models.OpAvgPool:
		return G.ApplyOp(newAvgPool(node.Name, b.batch, b.window(node)), in...)
	case models.OpGlobalAvgPool:
		from := b.shapes[node.Inputs[0]]
		return G.ApplyOp(newGlobalAvgPool(node.Name, b.batch, from[1], from[2], from[0]), in...)
	case models.OpMul:
		return G.ApplyOp(newMul(node.Name, size, !in[1].Shape().Eq(size)), in...)
	case models.OpLRN:
		return G.ApplyOp(newLRN(node.Name, size, kernel.LRN{Size: a.Size, Alpha: a.Alpha, Beta: a.Beta, Bias: a.Bias}), in...)
	case models.OpConcat:
		return b.concat(node, in)
	case models.OpChannelSelect:
		return b.channelSelect(node, in[0])
	}
	kind, ok := activationOf(node.Op)
	if !ok {
		return nil, fmt.Errorf("op %q is not one that this engine runs", node.Op)
	}
	return G.ApplyOp(newActivation(node.Name, size, kind, a.Slope), in...)
}

func (b *builder) window(node models.Node) kernel.Window {
	a, from, to := node.Attrs.Defaults(), b.shapes[node.Inputs[0]], b.shapes[node.Name]
	return kernel.Window{
		H: from[1], W: from[2], C: from[0], OH: to[1], OW: to[2],
		Kernel: a.Kernel, Stride: a.Stride, Pad: a.Pad, CountPad: a.CountPad,
	}
}

// A value that is neither flat nor an image has its channels outermost. What
// belongs to a channel lies together, so that a sample is one row of channels
// of several elements each.

func (b *builder) rows(name string) (size tensor.Shape, elements int) {
	size, s := b.size(name), b.shapes[name]
	if len(s) == 1 || len(s) == 3 {
		return size, 1
	}
	return tensor.Shape{b.batch, s.Size()}, s[1:].Size()
}

func (b *builder) concat(node models.Node, in []*G.Node) (*G.Node, error) {
	operands := make([]tensor.Shape, len(in))
	for i, name := range node.Inputs {
		operands[i], _ = b.rows(name)
		var err error
		if in[i], err = reshape(name, in[i], operands[i]); err != nil {
			return nil, err
		}
	}
	y, err := G.ApplyOp(newConcat(node.Name, operands...), in...)
	if err != nil {
		return nil, err
	}
	return reshape(node.Name, y, b.size(node.Name))
}

func (b *builder) channelSelect(node models.Node, x *G.Node) (*G.Node, error) {
	from, elements := b.rows(node.Inputs[0])
	x, err := reshape(node.Inputs[0], x, from)
	if err != nil {
		return nil, err
	}
	var list []int
	for _, c := range node.Attrs.Channels {
		for i := range elements {
			if c < 0 {
				list = append(list, c)
			} else {
				list = append(list, c*elements+i)
			}
		}
	}
	y, err := G.ApplyOp(newChannelSelect(node.Name, from, list), x)
	if err != nil {
		return nil, err
	}
	return reshape(node.Name, y, b.size(node.Name))
}

// reshape gives a value another shape, where it has not got it.
func reshape(name string, x *G.Node, size tensor.Shape) (*G.Node, error) {
	if x.Shape().Eq(size) {
		return x, nil
	}
	return G.ApplyOp(newFlatten("as rows "+name, x.Shape(), size), x)
}
