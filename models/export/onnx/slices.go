package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

// cut is a slice along one axis.
type cut struct {
	axis, from, to, step int
}

func slice(o *op) error {
	if len(o.in) == 0 {
		return errors.New("input 0 is missing")
	}
	shape, constant := o.shapeOf(0)
	cuts, err := o.cuts(shape)
	if err != nil {
		return err
	}
	if constant {
		c := o.in[0].constant
		for _, k := range cuts {
			var at []int64
			for i := k.from; i < k.to && k.step > 0 || i > k.to && k.step < 0; i += k.step {
				at = append(at, int64(i))
			}
			if c, err = o.taken(c, k.axis, at, []int{len(at)}); err != nil {
				return err
			}
		}
		return o.fold(c.notNil(o.in[0].constant.isInt()), nil)
	}
	return o.sliced(o.in[0], cuts)
}

// cuts reads starts, ends, axes and steps: attributes before opset 10, inputs
// since.
func (o *op) cuts(shape []int) ([]cut, error) {
	var lists [4][]int64
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		list, _, err := o.intsAt(name, i+1)
		if err != nil {
			return nil, err
		}
		lists[i] = list
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if axes == nil {
		for i := range starts {
			axes = append(axes, int64(i))
		}
	}
	if steps == nil {
		steps = slices.Repeat([]int64{1}, len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		return nil, errors.New("starts, ends, axes and steps are of different lengths")
	}
	out := make([]cut, len(starts))
	for i := range out {
		at, err := axis(axes[i], len(shape))
		if err != nil {
			return nil, err
		}
		if steps[i] == 0 || max(steps[i], -steps[i]) > math.MaxInt16 || starts[i] == unknownSize || ends[i] == unknownSize {
			return nil, fmt.Errorf("from %s to %s in steps of %d is not supported", show(starts[i : i+1])[0], show(ends[i : i+1])[0], steps[i])
		}
		from, to := bounds(starts[i], ends[i], shape[at])
		if steps[i] < 0 {
			from, to = downward(starts[i], ends[i], shape[at])
		}
		if ends[i] == batchSize && at == 0 {
			to = shape[at]
		}
		out[i] = cut{at, from, to, int(steps[i])}
	}
	return out, nil
}

// downward is bounds of a slice in negative steps: to lies one before the last.
func downward(from, to int64, n int) (int, int) {
	if from < 0 {
		from += int64(n)
	}
	if to < 0 {
		to += int64(n)
	}
	return int(min(max(from, 0), int64(n-1))), int(min(max(to, -1), int64(n-1)))
}

// sliced takes channels of an activation, or every so many rows and columns.
func (o *op) sliced(x *value, cuts []cut) error {
	var stride [2]int
	var channels []int
	sizes := x.sizes()
	for _, k := range cuts {
		whole := k.from == 0 && (k.axis == 0 && k.to >= math.MaxInt32 || k.axis > 0 && k.to == sizes[k.axis-1])
		switch {
		case whole && k.step == 1:
		case k.axis == 1 && k.step > 0 && k.from < k.to:
			for c := k.from; c < k.to; c += k.step {
				channels = append(channels, c)
			}
		case whole && k.axis > 1 && k.step > 0 && len(sizes) == 3:
			stride[k.axis-2] = k.step
		default:
			return fmt.Errorf("axis %d from %d to %d in steps of %d is not supported; channels, and all rows and columns in steps, are", k.axis, k.from, k.to, k.step)
		}
	}
	switch {
	case stride != [2]int{} && channels != nil:
		return errors.New("of channels and of rows or columns at once is not supported")
	case channels != nil:
		return o.node(x, models.OpChannelSelect, models.Attrs{Channels: channels}, nil)
	case stride != [2]int{}:
		return o.subsample(x, [2]int{max(1, stride[0]), max(1, stride[1])})
	}
	return o.pass(x)
}

// subsample keeps every so many rows and columns. PyTorch slices one axis at a
// time, so a second slice takes the place of the first.
func (o *op) subsample(x *value, stride [2]int) error {
	n, _ := o.net.Node(x.node)
	if n.Op == models.OpMaxPool && n.Attrs.Kernel == [2]int{} && x.scale == nil && x.shift == nil && x.pad == [4]int{} && !x.softmax {
		stride[0] *= n.Attrs.Stride[0]
		stride[1] *= n.Attrs.Stride[1]
		x = &value{node: n.Inputs[0], shape: o.shapes[n.Inputs[0]]}
	}
	return o.node(x, models.OpMaxPool, models.Attrs{Stride: stride}, nil)
}

// split gives each output its run of channels.
func split(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	at := o.int("axis", 0)
	sizes, _, err := o.intsAt("split", 1)
	if err != nil {
		return err
	}
	outputs := o.proto.GetOutput()
	o.int("num_outputs", 0) // as many as there are
	n := x.sizes()[0]
	if sizes == nil {
		each := (n + len(outputs) - 1) / len(outputs)
		for i := range outputs {
			sizes = append(sizes, int64(min(each, n-i*each)))
		}
	}
	if a, err := axis(at, len(x.sizes())+1); err != nil || a != 1 {
		return fmt.Errorf("axis %d is not supported, only 1, the channels", at)
	}
	if len(sizes) != len(outputs) || slices.Min(sizes) < 1 || slices.Max(sizes) > int64(n) {
		return fmt.Errorf("%d channels to %d outputs by sizes %v", n, len(outputs), sizes)
	}
	in, err := o.materialize(x)
	if err != nil {
		return err
	}
	next := 0
	for i, out := range outputs {
		var channels []int
		for range sizes[i] {
			channels = append(channels, next)
			next++
		}
		v, err := o.add(models.Node{Name: o.name(models.OpChannelSelect), Op: models.OpChannelSelect, Attrs: models.Attrs{Channels: channels}, Inputs: []string{in}}, nil, nil)
		if err != nil {
			return err
		}
		if _, twice := o.values[out]; twice {
			return fmt.Errorf("output %.200q is there already", out)
		}
		o.values[out] = v
	}
	if next != n {
		return fmt.Errorf("sizes %v are not the %d channels", sizes, n)
	}
	return nil
}

// gather picks positions along an axis: of a constant, or channels.
func gather(o *op) error {
	at := o.int("axis", 0)
	c, err := o.constant(1)
	if err != nil {
		return err
	}
	positions, err := c.integers()
	if err != nil {
		return err
	}
	if len(o.in) > 0 && o.in[0].constant != nil {
		data := o.in[0].constant
		a, err := axis(at, len(data.shape))
		if err != nil {
			return err
		}
		return o.fold(o.taken(data, a, positions, c.shape))
	}
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	n := int64(x.sizes()[0])
	if at != 1 || len(c.shape) != 1 || len(positions) == 0 {
		return fmt.Errorf("of axis %d by indices of shape %v is not supported, only of several channels, axis 1", at, c.shape)
	}
	channels := make([]int, len(positions))
	for i, p := range positions {
		if p < -n || p >= n {
			return fmt.Errorf("channel %d of %d", p, n)
		}
		channels[i] = int((p + n) % n)
	}
	return o.node(o.through(x, channels), models.OpChannelSelect, models.Attrs{Channels: channels}, nil)
}

// through is what x was selected from, with the channels counted there, where x
// is a selection that only the one now being made reads.
func (o *op) through(x *value, channels []int) *value {
	n, _ := o.net.Node(x.node)
	if n.Op != models.OpChannelSelect || !x.alone || !o.alone(0) || x.scale != nil || x.shift != nil || x.pad != [4]int{} || x.softmax || x.channels != nil || x.lost > 0 {
		return x
	}
	for i, c := range channels {
		channels[i] = n.Attrs.Channels[c]
	}
	from := n.Inputs[0]
	return &value{node: from, shape: o.shapes[from]}
}
