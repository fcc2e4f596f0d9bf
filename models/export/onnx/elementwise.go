package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

// byChannel is a constant, spread by ONNX's rules over a tensor of those sizes
// behind a batch axis, with one value a channel or one for all.
func (c *constant) byChannel(sizes models.Shape) ([]float32, error) {
	values := c.floats
	if c.isInt() {
		values = make([]float32, len(c.ints))
		for i, x := range c.ints {
			values[i] = float32(x)
		}
	}
	for i, d := range c.shape {
		at := len(sizes) + 1 - len(c.shape) + i // the axis of the tensor
		if d != 1 && (at != 1 || d != sizes[0]) {
			return nil, fmt.Errorf("a constant of shape %v with a tensor of shape %v is not supported; one value for all or one a channel are", c.shape, sizes)
		}
	}
	if len(values) == 0 {
		return nil, errors.New("a constant has no values")
	}
	return values, nil
}

// elementwise is Add, Sub, Mul and Div of two.
func elementwise(o *op) error {
	kind := o.proto.GetOpType()
	o.int("axis", 0) // of the broadcasting before opset 7
	o.int("broadcast", 0)
	if len(o.in) != 2 {
		return fmt.Errorf("%d inputs, not 2", len(o.in))
	}
	a, b := o.in[0], o.in[1]
	switch {
	case a.constant != nil && b.constant != nil:
		return o.fold(o.arithmetic(kind, a.constant, b.constant))
	case b.constant != nil:
		return o.withConstant(kind, a, b.constant, 0)
	case a.constant != nil:
		return o.fromConstant(kind, a.constant, b)
	case kind == "Add":
		return o.addAll([]*value{a, b})
	case kind == "Sub":
		return o.addAll([]*value{a, b.then([]float32{-1}, nil, false)})
	case kind == "Mul":
		return o.product(a, b)
	}
	return errors.New("of two activations is not supported, only by a constant")
}

// withConstant is x (+, -, *, /) c for input i as x.
func (o *op) withConstant(kind string, x *value, c *constant, i int) error {
	by, err := c.byChannel(x.sizes())
	if err != nil {
		return err
	}
	by = slices.Clone(by)
	var scale, shift []float32
	for k := range by {
		switch kind {
		case "Sub":
			by[k] = -by[k]
		case "Div":
			by[k] = 1 / by[k]
		}
	}
	if kind == "Add" || kind == "Sub" || kind == "Sum" {
		shift = by
	} else {
		scale = by
	}
	return o.scaleBy(x, scale, shift, i)
}

// fromConstant is c (+, -, *, /) x.
func (o *op) fromConstant(kind string, c *constant, x *value) error {
	switch kind {
	case "Add", "Mul":
		return o.withConstant(kind, x, c, 1)
	case "Sub":
		by, err := c.byChannel(x.sizes())
		if err != nil {
			return err
		}
		return o.scaleBy(x, []float32{-1}, by, 1)
	}
	return errors.New("of a constant by an activation is not supported")
}

// scaleBy lets a scale and a shift of input i wait. They wait before padding,
// so padding that waits already is done first.
func (o *op) scaleBy(x *value, scale, shift []float32, i int) error {
	if x.pad != [4]int{} || x.channels != nil || x.softmax {
		if _, err := o.image(x); err != nil {
			return err
		}
	}
	return o.set(x.then(scale, shift, o.alone(i)))
}

// addAll adds activations.
func (o *op) addAll(terms []*value) error {
	for _, v := range terms {
		if !slices.Equal(v.sizes(), terms[0].sizes()) {
			return fmt.Errorf("the sum of activations of shapes %v and %v is not supported, only of equal ones", terms[0].sizes(), v.sizes())
		}
	}
	return o.join(models.OpAdd, terms, slices.Clone)
}

// join adds a node of several inputs. shape is its shape from the first's. It
// stays an image of 1 x 1 where all inputs are one.
func (o *op) join(kind models.Op, terms []*value, shape func(models.Shape) models.Shape) error {
	lost := terms[0].lost
	for _, v := range terms {
		if v.lost != lost {
			lost = 0
		}
	}
	inputs := make([]string, len(terms))
	for i, v := range terms {
		var err error
		if inputs[i], err = o.materializeUnless(lost > 0, v); err != nil {
			return err
		}
	}
	out, err := o.add(models.Node{Name: o.name(kind), Op: kind, Inputs: inputs}, shape(o.shapes[inputs[0]]), nil)
	if err != nil {
		return err
	}
	out.lost = lost
	return o.set(out)
}

func (o *op) materializeUnless(stays bool, v *value) (string, error) {
	if stays {
		return o.image(v)
	}
	return o.materialize(v)
}

// product multiplies two activations of one shape, or an image by a factor a
// channel. x times its own sigmoid is SiLU, times its hard sigmoid hard swish.
func (o *op) product(a, b *value) error {
	for _, p := range [][2]*value{{a, b}, {b, a}} {
		if done, err := o.gated(p[0], p[1]); done || err != nil {
			return err
		}
	}
	if !slices.Equal(a.sizes(), b.sizes()) {
		if s := a.sizes(); len(s) == 3 && s[1] == 1 && s[2] == 1 {
			a, b = b, a
		}
		if s, t := a.sizes(), b.sizes(); len(s) != 3 || len(t) != 3 || s[0] != t[0] || t[1] != 1 || t[2] != 1 {
			return fmt.Errorf("the product of activations of shapes %v and %v is not supported; of equal ones, and of an image and a factor a channel, are", s, t)
		}
	}
	return o.join(models.OpMul, []*value{a, b}, slices.Clone)
}

func (o *op) gated(x, gate *value) (bool, error) {
	n, _ := o.net.Node(gate.node)
	kind := map[models.Op]models.Op{models.OpSigmoid: models.OpSiLU, models.OpHardSigmoid: models.OpHardSwish}[n.Op]
	plain := x.scale == nil && x.shift == nil && x.pad == [4]int{} && gate.shift == nil && gate.pad == [4]int{} && x.lost == gate.lost
	if kind == "" || !plain || n.Inputs[0] != x.node || x.softmax || x.channels != nil {
		return false, nil
	}
	out, err := o.add(models.Node{Name: o.name(kind), Op: kind, Inputs: []string{x.node}}, nil, nil)
	if err != nil {
		return true, err
	}
	// Six times the hard sigmoid, for a division by 6 to follow.
	out.scale, out.lost = gate.scale, gate.lost
	return true, o.set(out)
}

func sum(o *op) error {
	if len(o.in) == 1 {
		return identity(o)
	}
	if !o.folds(len(o.in)) {
		for i := range o.in {
			if _, err := o.activation(i); err != nil {
				return err
			}
		}
		if len(o.in) == 0 {
			return errors.New("it has no inputs")
		}
		return o.addAll(o.in)
	}
	total := o.in[0].constant
	for _, v := range o.in[1:] {
		var err error
		if total, err = o.arithmetic("Sum", total, v.constant); err != nil {
			return err
		}
	}
	return o.fold(total, nil)
}

func neg(o *op) error {
	if o.folds(1) {
		c, err := o.constant(0)
		if err != nil {
			return err
		}
		minus := &constant{floats: []float32{-1}}
		if c.isInt() {
			minus = &constant{ints: []int64{-1}}
		}
		return o.fold(o.arithmetic("Mul", c, minus))
	}
	return o.scaleBy(o.in[0], []float32{-1}, nil, 0)
}

func concat(o *op) error {
	at := o.int("axis", math.MaxInt64)
	if len(o.in) == 0 {
		return errors.New("it has no inputs")
	}
	if o.folds(len(o.in)) {
		var parts []*constant
		for i := range o.in {
			c, err := o.constant(i)
			if err != nil {
				return err
			}
			parts = append(parts, c)
		}
		return o.fold(o.joined(parts, at))
	}
	channels := 0
	for i := range o.in {
		v, err := o.activation(i)
		if err != nil {
			return err
		}
		s, first := v.sizes(), o.in[0].sizes()
		if len(s) != len(first) || !slices.Equal(s[1:], first[1:]) {
			return fmt.Errorf("activations of shapes %v and %v do not fit together along the channels", first, s)
		}
		channels += s[0]
	}
	if rank := int64(len(o.in[0].sizes()) + 1); at != 1 && at != 1-rank {
		return fmt.Errorf("axis %d is not supported, only 1, the channels", at)
	}
	if len(o.in) == 1 {
		return identity(o)
	}
	return o.join(models.OpConcat, o.in, func(first models.Shape) models.Shape {
		s := slices.Clone(first)
		s[0] = channels
		return s
	})
}
