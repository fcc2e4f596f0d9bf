package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

// onRaw adds a node that works on each element or channel by itself, so that
// an image of 1 x 1 may stay one.
func (o *op) onRaw(x *value, kind models.Op, a models.Attrs, params map[models.Role][]float32) error {
	in, err := o.image(x)
	if err != nil {
		return err
	}
	out, err := o.add(models.Node{Name: o.name(kind), Op: kind, Attrs: a, Inputs: []string{in}}, nil, params)
	if err != nil {
		return err
	}
	out.lost = x.lost
	return o.set(out)
}

// pointwise is an activation without attributes.
func pointwise(kind models.Op) operator {
	return func(o *op) error {
		x, err := o.activation(0)
		if err != nil {
			return err
		}
		return o.onRaw(x, kind, models.Attrs{}, nil)
	}
}

func swish(o *op) error {
	if alpha := o.float("alpha", 1); alpha != 1 {
		return fmt.Errorf("alpha %g is not supported, only 1", alpha)
	}
	return pointwise(models.OpSiLU)(o)
}

func hardSigmoid(o *op) error {
	alpha, beta := o.float("alpha", 0.2), o.float("beta", 0.5)
	if math.Abs(float64(alpha)-1.0/6) > 1e-6 || beta != 0.5 {
		return fmt.Errorf("alpha %g and beta %g are not supported, only 1/6 and 1/2", alpha, beta)
	}
	return pointwise(models.OpHardSigmoid)(o)
}

func leakyReLU(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	return o.onRaw(x, models.OpLeakyReLU, models.Attrs{Slope: decimal(o.float("alpha", 0.01))}, nil)
}

// pReLU is leaky ReLU where all channels have one slope.
func pReLU(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	c, err := o.constant(1)
	if err != nil {
		return err
	}
	if len(c.floats) == 0 || slices.ContainsFunc(c.floats, func(s float32) bool { return s != c.floats[0] }) {
		return errors.New("slopes that differ by channel are not supported, only one for all")
	}
	return o.onRaw(x, models.OpLeakyReLU, models.Attrs{Slope: decimal(c.floats[0])}, nil)
}

// clip is ReLU6 or ReLU. Of x + 3 it is six times the hard sigmoid of x.
func clip(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	low, err := o.limit("min", 1, -math.MaxFloat32)
	if err != nil {
		return err
	}
	high, err := o.limit("max", 2, math.MaxFloat32)
	if err != nil {
		return err
	}
	plain := x.scale == nil && x.shift == nil && x.pad == [4]int{} && !x.softmax && x.channels == nil
	below, _ := o.net.Node(x.node)
	switch {
	case low <= -math.MaxFloat32 && high >= math.MaxFloat32:
		return o.pass(x)
	case low == 0 && high >= math.MaxFloat32:
		return o.onRaw(x, models.OpReLU, models.Attrs{}, nil)
	case low <= 0 && high == 6 && plain && below.Op == models.OpReLU:
		// PyTorch before opset 11 writes ReLU6 as ReLU and a clip from above.
		x = &value{node: below.Inputs[0], shape: x.shape, lost: x.lost}
		if from, ok := o.plusThree(x.node); ok {
			return o.sixHard(&value{node: from, shape: x.shape, lost: x.lost})
		}
	case low != 0 || high != 6:
		return fmt.Errorf("to %g and %g is not supported, only to 0 and 6, or 0 and none", low, high)
	case x.scale == nil && len(x.shift) == 1 && x.shift[0] == 3 && x.pad == [4]int{} && !x.softmax && x.channels == nil:
		return o.sixHard(x)
	}
	return o.onRaw(x, models.OpReLU6, models.Attrs{}, nil)
}

// sixHard is six times the hard sigmoid of x's node.
func (o *op) sixHard(x *value) error {
	hard, err := o.add(models.Node{Name: o.name(models.OpHardSigmoid), Op: models.OpHardSigmoid, Inputs: []string{x.node}}, nil, nil)
	if err != nil {
		return err
	}
	hard.lost, hard.scale = x.lost, []float32{6}
	return o.set(hard)
}

// plusThree says whether a node is the convolution that adds 3 and no more, and
// to which node.
func (r *reader) plusThree(node string) (string, bool) {
	n, _ := r.net.Node(node)
	weight, bias := r.data[node+"."+string(models.RoleWeight)], r.data[node+"."+string(models.RoleBias)]
	if n.Op != models.OpConv2D || n.Attrs.Groups != len(weight) || len(bias) != len(weight) || n.Attrs.Pad != [4]int{} || n.Attrs.Stride != [2]int{} {
		return "", false
	}
	for i := range weight {
		if weight[i] != 1 || bias[i] != 3 {
			return "", false
		}
	}
	return n.Inputs[0], true
}

// limit is an end of clip: an attribute before opset 11, an input since.
func (o *op) limit(name string, i int, def float32) (float32, error) {
	limit := o.float(name, def)
	if !o.has(i) {
		return limit, nil
	}
	c, err := o.constant(i)
	if err != nil {
		return 0, err
	}
	limit, ok := c.scalar()
	if !ok {
		return 0, fmt.Errorf("%s is no scalar", name)
	}
	return limit, nil
}

// softmax at the end is left out: a network ends in logits, and what trains
// and measures it knows.
func softmax(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	def := int64(1)
	if o.opset >= 13 {
		def = -1
	}
	at := o.int("axis", def)
	sizes := x.sizes()
	if a, err := axis(at, len(sizes)+1); err != nil || a != 1 || sizes.Size() != sizes[0] {
		return fmt.Errorf("over axis %d of a tensor of shape %v is not supported, only over the classes", at, sizes)
	}
	o.notes = append(o.notes, fmt.Sprintf("%s %q at the end is left out: the network ends in logits", o.proto.GetOpType(), o.proto.GetName()))
	next := *x
	next.alone, next.softmax = x.alone && o.alone(0), true
	return o.set(&next)
}

func dropout(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	rate := o.float("ratio", 0.5)
	o.int("seed", 0)
	o.int("is_test", 0)
	if o.has(1) {
		c, err := o.constant(1)
		if err != nil {
			return err
		}
		r, ok := c.scalar()
		if !ok {
			return errors.New("its ratio is no scalar")
		}
		rate = r
	}
	if !(rate >= 0 && rate < 1) {
		return fmt.Errorf("ratio %g is not in [0, 1)", rate)
	}
	if rate == 0 {
		return o.pass(x)
	}
	return o.onRaw(x, models.OpDropout, models.Attrs{Rate: decimal(rate)}, nil)
}
