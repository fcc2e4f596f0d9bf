package gorgonia

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models"
	"espalier/models/engine/conv"
)

// builder turns nodes of a network into nodes of an expression. Images are
// tensors of samples, rows, columns and channels (NHWC) there.
type builder struct {
	graph
	mode
	net      *models.Network
	shapes   map[string]models.Shape
	produced map[string]*G.Node
	pixels   *G.Node // the network's input as NHWC, once somebody reads it
}

// size is the shape of a node's value for the whole batch.
func (b *builder) size(name string) tensor.Shape {
	s := b.shapes[name]
	if len(s) == 3 {
		return tensor.Shape{b.batch, s[1], s[2], s[0]}
	}
	return append(tensor.Shape{b.batch}, s...)
}

// layouts says whether an image of that shape lies in memory differently by
// planes and by pixels.
func layouts(s models.Shape) bool { return len(s) == 3 && s[0] > 1 && s[1]*s[2] > 1 }

func (b *builder) group(g group) (*G.Node, error) {
	node := g.core
	switch node.Op {
	case models.OpInput:
		size := append(tensor.Shape{b.batch}, b.shapes[node.Name]...)
		b.input = G.NewTensor(b.g, tensor.Float32, len(size), G.WithShape(size...), G.WithName("input "+node.Name))
		return b.input, nil
	case models.OpFlatten:
		return b.flatten(node)
	case models.OpLinear:
		return b.linear(g)
	case models.OpConv2D:
		return b.conv2d(g)
	case models.OpBatchNorm:
		return b.batchNorm(g)
	}
	in := make([]*G.Node, len(node.Inputs))
	for i, name := range node.Inputs {
		var err error
		if in[i], err = b.operand(name); err != nil {
			return nil, err
		}
	}
	return b.plain(g, in)
}

// plain builds the operations that have no parameters.
func (b *builder) plain(g group, in []*G.Node) (*G.Node, error) {
	node, size := g.core, b.size(g.core.Name)
	switch node.Op {
	case models.OpReLU:
		return G.ApplyOp(newReLU(node.Name, size), in...)
	case models.OpDropout:
		if b.draw == nil || node.Attrs.Rate == 0 {
			return in[0], nil
		}
		return G.ApplyOp(newDropout(node.Name, "dropout "+node.Name, size, node.Attrs.Rate, b.draw), in...)
	case models.OpAdd:
		return G.ApplyOp(newAdd(node.Name, size, g.relu, types(in...)), in...)
	default:
		return b.channelOp(node, in)
	}
}

// operand is the value of an earlier node, images as NHWC.
func (b *builder) operand(name string) (*G.Node, error) {
	x := b.produced[name]
	shape := b.shapes[name]
	if x != b.input || len(shape) != 3 {
		return x, nil
	}
	if b.pixels != nil {
		return b.pixels, nil
	}
	var op G.Op = newFlatten(name, x.Shape(), b.size(name))
	if layouts(shape) {
		op = newTranspose(name, x.Shape(), b.size(name), shape[0], shape[1]*shape[2], true)
	}
	var err error
	b.pixels, err = G.ApplyOp(op, x)
	return b.pixels, err
}

// flatten joins an image's axes in the order channels, rows, columns.
func (b *builder) flatten(node models.Node) (*G.Node, error) {
	x, from := b.produced[node.Inputs[0]], b.shapes[node.Inputs[0]]
	if x == b.input || !layouts(from) {
		return G.ApplyOp(newFlatten(node.Name, x.Shape(), b.size(node.Name)), x)
	}
	return G.ApplyOp(newTranspose(node.Name, x.Shape(), b.size(node.Name), from[0], from[1]*from[2], false), x)
}

// param is the node of a parameter.
func (b *builder) param(node models.Node, role models.Role, shape ...int) *G.Node {
	name := node.Name + "." + string(role)
	n := G.NewTensor(b.g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName("parameter "+name))
	b.params[name] = n
	return n
}

// normParams are the attributes of a batch normalization and its parameters:
// gamma, beta and, in inference, the running statistics.
func (b *builder) normParams(node models.Node) (normAttrs, []*G.Node) {
	attrs, c := node.Attrs.Defaults(), b.shapes[node.Name][0]
	a := normAttrs{node: node.Name, channels: c, eps: attrs.Eps, scale: !attrs.NoScale, shift: !attrs.NoShift}
	var params []*G.Node
	if a.scale {
		params = append(params, b.param(node, models.RoleGamma, c))
	}
	if a.shift {
		params = append(params, b.param(node, models.RoleBeta, c))
	}
	if b.draw == nil {
		params = append(params, b.param(node, models.RoleMean, c), b.param(node, models.RoleVariance, c))
	}
	return a, params
}

func (b *builder) linear(g group) (*G.Node, error) {
	node := g.core
	x, out := b.produced[node.Inputs[0]], node.Attrs.Out
	if b.kept(node) {
		return b.sparseLinear(g, x)
	}
	in := b.shapes[node.Inputs[0]][0]
	operands := []*G.Node{x, b.param(node, models.RoleWeight, out, in)}
	if !node.Attrs.NoBias {
		operands = append(operands, b.param(node, models.RoleBias, out))
	}
	op := newLinear(b.lib, node.Name, b.batch, in, out, !node.Attrs.NoBias, g.relu)
	if g.norm == nil && !b.fixed {
		return G.ApplyOp(op, operands...)
	}
	var norm *normAttrs
	if g.norm != nil {
		attrs, params := b.normParams(*g.norm)
		norm, operands = &attrs, append(operands, params...)
	}
	return G.ApplyOp(newPackedLinear(op, norm, b.fixed, types(operands...)), operands...)
}

func (b *builder) conv2d(g group) (*G.Node, error) {
	node, a := g.core, g.core.Attrs.Defaults()
	x, err := b.operand(node.Inputs[0])
	if err != nil {
		return nil, err
	}
	in := b.shapes[node.Inputs[0]]
	shape := conv.Shape{
		H: in[1], W: in[2], C: in[0], K: a.Out,
		Kernel: a.Kernel, Stride: a.Stride, Pad: a.Pad, Dilation: a.Dilation, Groups: a.Groups,
	}
	if b.kept(node) {
		return b.sparseConv(g, x, shape)
	}
	operands := []*G.Node{x, b.param(node, models.RoleWeight, a.Out, in[0]/a.Groups, a.Kernel[0], a.Kernel[1])}
	if !a.NoBias {
		operands = append(operands, b.param(node, models.RoleBias, a.Out))
	}
	var norm *normAttrs
	if g.norm != nil {
		attrs, params := b.normParams(*g.norm)
		norm, operands = &attrs, append(operands, params...)
	}
	if g.residual != "" {
		r, err := b.operand(g.residual)
		if err != nil {
			return nil, err
		}
		operands = append(operands, r)
	}
	layer := conv.New(shape)
	if b.fixed {
		layer = conv.NewFor(shape, b.batch)
	}
	op := newConv2D(node.Name, shape, layer, b.batch, epilogue{bias: !a.NoBias, residual: g.residual != "", relu: g.relu}, types(operands...))
	op.norm = norm
	return G.ApplyOp(op, operands...)
}

// batchNorm builds a batch normalization that is not folded.
func (b *builder) batchNorm(g group) (*G.Node, error) {
	x, err := b.operand(g.core.Inputs[0])
	if err != nil {
		return nil, err
	}
	a, params := b.normParams(g.core)
	operands := append([]*G.Node{x}, params...)
	if b.draw != nil {
		stats, err := G.ApplyOp(newMoments(g.core.Name, x), x)
		if err != nil {
			return nil, err
		}
		b.norms = append(b.norms, normNode{node: g.core, moments: stats, pixels: sampleSize(x.Shape()) / a.channels})
		operands = append([]*G.Node{x, stats}, params...)
	}
	if g.residual != "" {
		r, err := b.operand(g.residual)
		if err != nil {
			return nil, err
		}
		operands = append(operands, r)
	}
	var op G.Op = newScaleShift(a, x, g.residual != "", g.relu, types(operands...))
	if b.draw != nil {
		op = newNormalize(a, x, g.residual != "", g.relu, types(operands...))
	}
	return G.ApplyOp(op, operands...)
}
