package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

func flatten(o *op) error {
	at := o.int("axis", 1)
	if len(o.in) == 0 {
		return errors.New("input 0 is missing")
	}
	if c := o.in[0].constant; c != nil {
		rows := 1
		if at < 0 {
			at += int64(len(c.shape))
		}
		if at < 0 || at > int64(len(c.shape)) {
			return fmt.Errorf("axis %d of a constant of %d axes", at, len(c.shape))
		}
		for _, d := range c.shape[:at] {
			rows *= d
		}
		return o.fold(reshaped(c, []int64{int64(rows), int64(c.size() / max(1, rows))}, true))
	}
	x := o.in[0]
	if at != 1 && at != -int64(len(x.sizes())) {
		return fmt.Errorf("axis %d of a tensor of shape %v is not supported, only 1", at, x.sizes())
	}
	return o.become(x, models.Shape{x.sizes().Size()})
}

func reshape(o *op) error {
	allowZero := o.int("allowzero", 0) != 0
	c, err := o.constant(1)
	if err != nil {
		return err
	}
	target, err := c.integers()
	if err != nil {
		return err
	}
	if o.folds(1) {
		data, err := o.constant(0)
		if err != nil {
			return err
		}
		return o.fold(reshaped(data, target, allowZero))
	}
	sizes, err := o.target(o.in[0].sizes(), target, allowZero)
	if err != nil {
		return err
	}
	return o.become(o.in[0], sizes)
}

// target is the shape that Reshape asks for, without the batch axis, which it
// must leave as it is.
func (o *op) target(from models.Shape, to []int64, allowZero bool) (models.Shape, error) {
	bad := fmt.Errorf("a tensor of shape %v has no shape %v behind the batch axis", from, show(to))
	if len(to) < 2 {
		return nil, bad
	}
	free, n := -1, 1
	out := make(models.Shape, len(to)-1)
	for i, t := range to {
		switch {
		case t == 0 && !allowZero && i == 0, i == 0 && (t == batchSize || t == max(1, o.batch)):
			continue
		case t == -1 && free < 0:
			free, t = i, 1
		case t == 0 && !allowZero && i <= len(from):
			t = int64(from[i-1])
		}
		if i == 0 && free != 0 || t < 1 || int64(n) > math.MaxInt32/t {
			return nil, bad
		}
		if i > 0 {
			out[i-1] = int(t)
			n *= int(t)
		}
	}
	if free > 0 {
		out[free-1] = from.Size() / n
	}
	if out.Size() != from.Size() {
		return nil, bad
	}
	return out, nil
}

// show writes sizes for people.
func show(sizes []int64) []string {
	out := make([]string, len(sizes))
	for i, s := range sizes {
		switch out[i] = fmt.Sprint(s); s {
		case batchSize:
			out[i] = "batch"
		case unknownSize:
			out[i] = "unknown"
		}
	}
	return out
}

// become makes x in another shape of as many elements the output: as it was,
// flat, an image of 1 x 1 with or without its height and width, or the steps
// of a channel shuffle.
func (o *op) become(x *value, sizes models.Shape) error {
	from := x.sizes()
	image := x.isImage() && x.scale == nil && x.shift == nil && x.pad == [4]int{}
	point := len(x.shape) == 3 && x.shape[1] == 1 && x.shape[2] == 1 && x.pad == [4]int{} && x.channels == nil
	next := *x
	next.alone = x.alone && o.alone(0)
	switch {
	case slices.Equal(sizes, from):
	case point && x.lost == 0 && len(sizes) == 1 && x.scale == nil && x.shift == nil && !x.softmax && !o.unflattens(o.proto.GetOutput()[0]):
		return o.node(x, models.OpFlatten, models.Attrs{}, nil)
	case point && len(sizes) <= 3 && slices.Equal(sizes, x.shape[:len(sizes)]):
		next.lost = 3 - len(sizes)
	case len(sizes) == 1:
		return o.node(x, models.OpFlatten, models.Attrs{}, nil)
	case image && len(sizes) == 4 && slices.Equal(sizes[2:], from[1:]):
		if err := o.spend(from[0]); err != nil {
			return err
		}
		next.groups = [2]int{sizes[0], sizes[1]}
		next.channels = make([]int, from[0])
		for c := range next.channels {
			next.channels[c] = c
		}
	case x.channels != nil && slices.Equal(sizes, x.shape):
		next.channels = nil
		return o.node(&next, models.OpChannelSelect, models.Attrs{Channels: x.channels}, nil)
	default:
		return fmt.Errorf("a tensor of shape %v to shape %v is not supported", from, sizes)
	}
	return o.set(&next)
}

func squeeze(o *op) error {
	axes, given, err := o.intsAt("axes", 1)
	if err != nil {
		return err
	}
	if len(o.in) == 0 {
		return errors.New("input 0 is missing")
	}
	shape, constant := o.shapeOf(0)
	drop := make([]bool, len(shape))
	for _, a := range axes {
		at, err := axis(a, len(shape))
		if err != nil {
			return err
		}
		if shape[at] != 1 {
			return fmt.Errorf("axis %d of a tensor of shape %v is not 1", a, shape)
		}
		drop[at] = true
	}
	if !given {
		if !constant {
			return errors.New("without axes is not supported: it would remove a batch axis of 1 too")
		}
		for i, d := range shape {
			drop[i] = d == 1
		}
	}
	var sizes []int
	for i, d := range shape {
		if !drop[i] {
			sizes = append(sizes, d)
		}
	}
	return o.resize(sizes, constant)
}

func unsqueeze(o *op) error {
	axes, _, err := o.intsAt("axes", 1)
	if err != nil {
		return err
	}
	if len(o.in) == 0 {
		return errors.New("input 0 is missing")
	}
	shape, constant := o.shapeOf(0)
	rank := len(shape) + len(axes)
	added := map[int]bool{}
	for _, a := range axes {
		at, err := axis(a, rank)
		if err != nil {
			return err
		}
		added[at] = true
	}
	if len(added) != len(axes) {
		return fmt.Errorf("axes %v name one twice", axes)
	}
	sizes := make([]int, 0, rank)
	for i, k := 0, 0; i < rank; i++ {
		if added[i] {
			sizes = append(sizes, 1)
			continue
		}
		sizes = append(sizes, shape[k])
		k++
	}
	return o.resize(sizes, constant)
}

// shapeOf is the shape of input i with its batch axis, whose size is never 1,
// and whether the input is a constant.
func (o *op) shapeOf(i int) ([]int, bool) {
	if c := o.in[i].constant; c != nil {
		return c.shape, true
	}
	return slices.Concat([]int{math.MaxInt}, o.in[i].sizes()), false
}

// resize gives input 0 a shape of as many elements.
func (o *op) resize(sizes []int, isConstant bool) error {
	if isConstant {
		c := o.in[0].constant
		return o.fold(&constant{shape: sizes, floats: c.floats, ints: c.ints}, nil)
	}
	if len(sizes) < 2 || sizes[0] != math.MaxInt {
		return errors.New("the batch axis must stay the first")
	}
	return o.become(o.in[0], sizes[1:])
}

func transpose(o *op) error {
	perm := o.ints("perm")
	if o.folds(1) {
		c, err := o.constant(0)
		if err != nil {
			return err
		}
		return o.fold(o.transposed(c, perm))
	}
	x := o.in[0]
	rank := len(x.sizes()) + 1
	switch {
	case isPermutation(perm, rank) && slices.IsSorted(perm):
		return o.pass(x)
	case x.channels != nil && slices.Equal(perm, []int64{0, 2, 1, 3, 4}):
		next := *x
		next.alone = x.alone && o.alone(0)
		if err := o.spend(len(x.channels)); err != nil {
			return err
		}
		next.groups = [2]int{x.groups[1], x.groups[0]}
		next.channels = make([]int, len(x.channels))
		for i, c := range x.channels {
			g, m := i/x.groups[1], i%x.groups[1]
			next.channels[m*x.groups[0]+g] = c
		}
		return o.set(&next)
	case x.node == "input" && x.isImage() && o.alone(0) && slices.Equal(perm, []int64{0, 3, 1, 2}) && len(o.net.Nodes) == 1:
		s := models.Shape{x.shape[2], x.shape[0], x.shape[1]}
		o.net.Input, o.shapes["input"] = s, s
		o.notes = append(o.notes, fmt.Sprintf("the file reads images with their channels last; the network reads them first, %v", s))
		return o.set(&value{node: "input", shape: s, alone: true})
	}
	return fmt.Errorf("perm %v of a tensor of shape %v is not supported; on the input, channels last to first, and in a channel shuffle it is", perm, x.sizes())
}
