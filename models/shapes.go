package models

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

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
		if err := shape.check(); err != nil {
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
	if err := node.arity(); err != nil {
		return nil, err
	}
	in := make([]Shape, len(node.Inputs))
	for k, name := range node.Inputs {
		shape, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("input %q is not an earlier node", name)
		}
		in[k] = shape
	}
	return node.output(in)
}

// arity checks how many inputs the node reads.
func (n Node) arity() error {
	switch n.Op {
	case OpAdd, OpConcat:
		if len(n.Inputs) < 2 {
			return fmt.Errorf("op %q takes 2 inputs or more, not %d", n.Op, len(n.Inputs))
		}
	case OpMul:
		if len(n.Inputs) != 2 {
			return fmt.Errorf("op %q takes 2 inputs, not %d", n.Op, len(n.Inputs))
		}
	default:
		if len(n.Inputs) != 1 {
			return fmt.Errorf("op %q takes 1 input, not %d", n.Op, len(n.Inputs))
		}
	}
	return nil
}

// output is the shape that the node makes of its inputs'.
func (n Node) output(in []Shape) (Shape, error) {
	x := in[0]
	switch n.Op {
	case OpFlatten:
		return Shape{x.Size()}, nil
	case OpLinear:
		return n.linear(x)
	case OpConv2D:
		return n.conv2d(x)
	case OpMaxPool, OpAvgPool:
		return n.pool(x)
	case OpGlobalAvgPool:
		if err := x.image(n.Op); err != nil {
			return nil, err
		}
		return Shape{x[0], 1, 1}, nil
	case OpAdd, OpMul:
		return n.elementwise(in)
	case OpConcat:
		return n.concat(in)
	case OpChannelSelect:
		return n.channelSelect(x)
	default:
		return x, n.pointwise(x)
	}
}

// pointwise checks the operations that leave the shape as it is.
func (n Node) pointwise(x Shape) error {
	a := n.Attrs
	switch n.Op {
	case OpReLU, OpReLU6, OpSigmoid, OpTanh, OpHardSigmoid, OpHardSwish, OpSiLU:
		return nil
	case OpLeakyReLU:
		if !finite(a.Slope) {
			return fmt.Errorf("slope %g is not a number", a.Slope)
		}
	case OpDropout:
		if !(a.Rate >= 0 && a.Rate < 1) {
			return fmt.Errorf("dropout rate %g is not in [0, 1)", a.Rate)
		}
	case OpBatchNorm:
		if len(x) != 1 && len(x) != 3 {
			return fmt.Errorf("batch_norm wants a flat input or an image of channels, height and width, not %v", x)
		}
		if !(a.Eps >= 0 && finite(a.Eps)) || !(a.Momentum >= 0 && a.Momentum <= 1) {
			return fmt.Errorf("batch_norm eps %g and momentum %g: want eps 0 or more and momentum in [0, 1]", a.Eps, a.Momentum)
		}
	case OpLRN:
		if err := x.image(n.Op); err != nil {
			return err
		}
		if a.Size < 1 || !finite(a.Alpha) || !finite(a.Beta) || !finite(a.Bias) {
			return fmt.Errorf("lrn of size %d, alpha %g, beta %g, bias %g: want a size of 1 or more and numbers", a.Size, a.Alpha, a.Beta, a.Bias)
		}
	default:
		return fmt.Errorf("op %q is not known", n.Op)
	}
	return nil
}

func (n Node) linear(x Shape) (Shape, error) {
	if len(x) != 1 {
		return nil, fmt.Errorf("linear wants a flat input, not %v", x)
	}
	if n.Attrs.Out <= 0 {
		return nil, fmt.Errorf("linear has %d outputs", n.Attrs.Out)
	}
	if err := (Shape{n.Attrs.Out, x[0]}).check(); err != nil {
		return nil, fmt.Errorf("weight %w", err)
	}
	return Shape{n.Attrs.Out}, nil
}

func (n Node) conv2d(x Shape) (Shape, error) {
	if err := x.image(n.Op); err != nil {
		return nil, err
	}
	a := n.Attrs.Defaults()
	if a.Out < 1 || a.Groups < 1 || x[0]%a.Groups != 0 || a.Out%a.Groups != 0 {
		return nil, fmt.Errorf("conv2d of %d channels to %d filters in %d groups: both must be multiples of the groups", x[0], a.Out, a.Groups)
	}
	if a.Dilation[0] < 1 || a.Dilation[1] < 1 {
		return nil, fmt.Errorf("dilation %v is not at least 1", a.Dilation)
	}
	h, w, err := windows(x, a, false)
	if err != nil {
		return nil, err
	}
	if err := (Shape{a.Out, x[0] / a.Groups, a.Kernel[0], a.Kernel[1]}).check(); err != nil {
		return nil, fmt.Errorf("weight %w", err)
	}
	return Shape{a.Out, h, w}, nil
}

func (n Node) pool(x Shape) (Shape, error) {
	if err := x.image(n.Op); err != nil {
		return nil, err
	}
	a := n.Attrs.Defaults()
	a.Dilation = [2]int{1, 1}
	for i, p := range a.Pad {
		if p >= max(1, a.Kernel[i%2]) {
			return nil, fmt.Errorf("padding %v: a window of %v would lie in it entirely", a.Pad, a.Kernel)
		}
	}
	h, w, err := windows(x, a, a.Ceil)
	if err != nil {
		return nil, err
	}
	return Shape{x[0], h, w}, nil
}

// windows is how many windows fit an image in either direction.
func windows(x Shape, a Attrs, ceil bool) (h, w int, err error) {
	out := [2]int{}
	for d := range 2 {
		k, s, before, after := a.Kernel[d], a.Stride[d], a.Pad[d], a.Pad[d+2]
		if k < 1 || s < 1 || before < 0 || after < 0 || k > maxExtent || s > maxExtent || before > maxExtent || after > maxExtent || a.Dilation[d] > maxExtent {
			return 0, 0, fmt.Errorf("kernel %v, stride %v, padding %v: want kernel and stride from 1, padding from 0, all to %d", a.Kernel, a.Stride, a.Pad, maxExtent)
		}
		room := x[1+d] + before + after - (a.Dilation[d]*(k-1) + 1)
		if room < 0 {
			return 0, 0, fmt.Errorf("kernel %v with dilation %v is larger than the padded image %v", a.Kernel, a.Dilation, x)
		}
		out[d] = room/s + 1
		// A window that hangs over must begin inside the image or the padding before it.
		if ceil && room%s != 0 && out[d]*s < x[1+d]+before {
			out[d]++
		}
	}
	return out[0], out[1], nil
}

func (n Node) elementwise(in []Shape) (Shape, error) {
	for i, s := range in[1:] {
		spread := n.Op == OpMul && len(s) == 3 && len(in[0]) == 3 && s[0] == in[0][0] && s[1] == 1 && s[2] == 1
		if !slices.Equal(s, in[0]) && !spread {
			return nil, fmt.Errorf("input %s is %v, want %v as %s", n.Inputs[i+1], s, in[0], n.Inputs[0])
		}
	}
	return in[0], nil
}

func (n Node) concat(in []Shape) (Shape, error) {
	out := slices.Clone(in[0])
	for i, s := range in[1:] {
		if len(s) != len(out) || !slices.Equal(s[1:], out[1:]) {
			return nil, fmt.Errorf("input %s is %v, want %v but for the channels, as %s", n.Inputs[i+1], s, in[0], n.Inputs[0])
		}
		out[0] += s[0]
	}
	return out, nil
}

func (n Node) channelSelect(x Shape) (Shape, error) {
	if len(n.Attrs.Channels) == 0 {
		return nil, errors.New("channel_select selects no channels")
	}
	for _, c := range n.Attrs.Channels {
		if c < -1 || c >= x[0] {
			return nil, fmt.Errorf("channel %d: the input has channels 0 to %d, and -1 is one of zeros", c, x[0]-1)
		}
	}
	out := slices.Clone(x)
	out[0] = len(n.Attrs.Channels)
	return out, nil
}

// image refuses what is not channels, height and width.
func (s Shape) image(op Op) error {
	if len(s) != 3 {
		return fmt.Errorf("%s wants an image of channels, height and width, not %v", op, s)
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// Layout returns the parameters that the graph needs, without data: names,
// roles and shapes in the order in which Params must have them.
func (n *Network) Layout() ([]*Param, error) {
	shapes, err := n.Shapes()
	if err != nil {
		return nil, err
	}
	var params []*Param
	for _, node := range n.Nodes {
		if len(node.Inputs) == 0 {
			continue
		}
		params = append(params, node.params(shapes[node.Inputs[0]])...)
	}
	return params, nil
}

// params are the parameters of a node that reads x.
func (n Node) params(x Shape) []*Param {
	var params []*Param
	add := func(role Role, shape ...int) {
		params = append(params, &Param{Name: n.Name + "." + string(role), Node: n.Name, Role: role, Shape: shape})
	}
	a := n.Attrs.Defaults()
	switch n.Op {
	case OpLinear:
		add(RoleWeight, a.Out, x[0])
	case OpConv2D:
		add(RoleWeight, a.Out, x[0]/a.Groups, a.Kernel[0], a.Kernel[1])
	case OpBatchNorm:
		if !a.NoScale {
			add(RoleGamma, x[0])
		}
		if !a.NoShift {
			add(RoleBeta, x[0])
		}
		add(RoleMean, x[0])
		add(RoleVariance, x[0])
		return params
	default:
		return nil
	}
	if !a.NoBias {
		add(RoleBias, a.Out)
	}
	return params
}
