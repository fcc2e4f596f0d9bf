package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

// window reads what convolutions and pools have in common: kernel, strides,
// dilations and padding. A kernel that the weights say must agree.
func (o *op) window(x *value, a *models.Attrs, kernel [2]int) error {
	if !x.isImage() {
		return fmt.Errorf("it reads a tensor of shape %v; images of channels, height and width are supported", x.sizes())
	}
	if a.Kernel = kernel; kernel == [2]int{} {
		a.Kernel = [2]int{1, 1}
	}
	for _, f := range []struct {
		name string
		into *[2]int
	}{{"kernel_shape", &a.Kernel}, {"strides", &a.Stride}, {"dilations", &a.Dilation}} {
		list := o.ints(f.name)
		if list == nil {
			continue
		}
		if len(list) != 2 || slices.Min(list) < 1 || slices.Max(list) > math.MaxInt16 {
			return fmt.Errorf("%s %v: 2 numbers from 1 to %d are supported", f.name, list, math.MaxInt16)
		}
		*f.into = [2]int{int(list[0]), int(list[1])}
	}
	if kernel != [2]int{} && a.Kernel != kernel {
		return fmt.Errorf("kernel_shape %v, and weights of %v", a.Kernel, kernel)
	}
	if a.Stride == [2]int{1, 1} {
		a.Stride = [2]int{}
	}
	if a.Dilation == [2]int{1, 1} {
		a.Dilation = [2]int{}
	}
	return o.pads(x.sizes(), a)
}

// pads reads pads and auto_pad; the latter depends on the image's size.
func (o *op) pads(image models.Shape, a *models.Attrs) error {
	list, auto := o.ints("pads"), o.text("auto_pad", "NOTSET")
	switch auto {
	case "NOTSET", "":
		if list == nil {
			return nil
		}
		if len(list) != 4 || slices.Min(list) < 0 || slices.Max(list) > math.MaxInt16 {
			return fmt.Errorf("pads %v: 4 numbers from 0 to %d are supported", list, math.MaxInt16)
		}
		for i, p := range list {
			a.Pad[i] = int(p)
		}
		return nil
	case "VALID":
		return nil
	case "SAME_UPPER", "SAME_LOWER":
	default:
		return fmt.Errorf("auto_pad %.40q is not known; NOTSET, VALID, SAME_UPPER and SAME_LOWER are", auto)
	}
	d := a.Defaults()
	for i := range 2 {
		windows := (image[1+i] + d.Stride[i] - 1) / d.Stride[i]
		total := max(0, (windows-1)*d.Stride[i]+(d.Kernel[i]-1)*d.Dilation[i]+1-image[1+i])
		a.Pad[i], a.Pad[i+2] = total/2, total-total/2
		if auto == "SAME_LOWER" {
			a.Pad[i], a.Pad[i+2] = a.Pad[i+2], a.Pad[i]
		}
	}
	return nil
}

// pool reads what both pools have.
func (o *op) pool() (*value, models.Attrs, error) {
	x, err := o.activation(0)
	if err != nil {
		return nil, models.Attrs{}, err
	}
	a := models.Attrs{Ceil: o.int("ceil_mode", 0) != 0}
	if err := o.window(x, &a, [2]int{}); err != nil {
		return nil, a, err
	}
	if a.Dilation != [2]int{} {
		return nil, a, fmt.Errorf("dilations %v are not supported, only 1", a.Dilation)
	}
	return x, a, nil
}

func maxPool(o *op) error {
	x, a, err := o.pool()
	if err != nil {
		return err
	}
	if order := o.int("storage_order", 0); order != 0 {
		return fmt.Errorf("storage_order %d is not supported, only 0", order)
	}
	// Padding never wins, and the zeros of Pad do not either where nothing is
	// below 0.
	if y, pad := x.takePad(a.Pad); o.positive(x.node) && lessThan(pad, a.Kernel) {
		x, a.Pad = y, pad
	}
	return o.node(x, models.OpMaxPool, a, nil)
}

// lessThan says whether no window lies in the padding alone.
func lessThan(pad [4]int, kernel [2]int) bool {
	return max(pad[0], pad[2]) < kernel[0] && max(pad[1], pad[3]) < kernel[1]
}

// positive says whether a node computes nothing below 0.
func (r *reader) positive(node string) bool {
	n, _ := r.net.Node(node)
	return slices.Contains([]models.Op{models.OpReLU, models.OpReLU6, models.OpSigmoid, models.OpHardSigmoid}, n.Op)
}

func averagePool(o *op) error {
	x, a, err := o.pool()
	if err != nil {
		return err
	}
	a.CountPad = o.int("count_include_pad", 0) != 0
	if y, pad := x.takePad(a.Pad); pad != a.Pad && (a.CountPad || a.Pad == [4]int{}) && !a.Ceil && lessThan(pad, a.Kernel) {
		x, a.Pad, a.CountPad = y, pad, true
	}
	if a.Pad == [4]int{} {
		a.CountPad = false
	}
	return o.node(x, models.OpAvgPool, a, nil)
}

func globalAveragePool(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	return o.node(x, models.OpGlobalAvgPool, models.Attrs{}, nil)
}

func globalMaxPool(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	if !x.isImage() {
		return fmt.Errorf("it reads a tensor of shape %v, no image", x.sizes())
	}
	return o.node(x, models.OpMaxPool, models.Attrs{Kernel: [2]int{x.sizes()[1], x.sizes()[2]}}, nil)
}

// reduceMean is global average pooling where it is over height and width.
func reduceMean(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	axes, _, err := o.intsAt("axes", 1)
	if err != nil {
		return err
	}
	keep := o.int("keepdims", 1) != 0
	o.int("noop_with_empty_axes", 0)
	rank := len(x.sizes()) + 1
	for i, a := range axes {
		if a < 0 {
			axes = slices.Clone(axes)
			axes[i] = a + int64(rank)
		}
	}
	if rank != 4 || !slices.Equal(slices.Sorted(slices.Values(axes)), []int64{2, 3}) {
		return fmt.Errorf("over axes %v of a tensor of %d axes is not supported, only over height and width, 2 and 3 of 4", axes, rank)
	}
	in, err := o.materialize(x)
	if err != nil {
		return err
	}
	v, err := o.add(models.Node{Name: o.name(models.OpGlobalAvgPool), Op: models.OpGlobalAvgPool, Inputs: []string{in}}, nil, nil)
	if err != nil {
		return err
	}
	if !keep {
		v.lost = 2
	}
	return o.set(v)
}

// pad is zeros around an image, which wait for the node that reads it, or
// channels of zeros, which select adds.
func pad(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	if mode := o.text("mode", "constant"); mode != "constant" {
		return fmt.Errorf("mode %.40q is not supported, only constant", mode)
	}
	fill := o.float("value", 0)
	if o.has(2) {
		c, err := o.constant(2)
		if err != nil {
			return err
		}
		f, ok := c.scalar()
		if !ok {
			return errors.New("its value is no scalar")
		}
		fill = f
	}
	if fill != 0 {
		return fmt.Errorf("value %g is not supported, only 0", fill)
	}
	list, _, err := o.intsAt("pads", 1)
	if err != nil {
		return err
	}
	if o.has(3) {
		return errors.New("its input axes is not supported")
	}
	return o.padBy(x, list)
}

func (o *op) padBy(x *value, list []int64) error {
	rank := len(x.sizes()) + 1
	if len(list) != 2*rank || slices.Min(list) < 0 || slices.Max(list) > math.MaxInt16 || list[0] != 0 || list[rank] != 0 {
		return fmt.Errorf("pads %v of a tensor of %d axes: 0 for the batch and up to %d for others are supported", list, rank, math.MaxInt16)
	}
	if slices.Max(list) == 0 {
		return o.pass(x)
	}
	if !x.isImage() && (rank != 2 || x.channels != nil) {
		return fmt.Errorf("of a tensor of shape %v is not supported, only of images and of flat ones", x.sizes())
	}
	if before, after := list[1], list[rank+1]; before+after > 0 {
		if slices.Max(slices.Concat([]int64{0}, list[2:rank], list[rank+2:])) > 0 {
			return fmt.Errorf("pads %v of channels and of height or width at once are not supported", list)
		}
		channels := slices.Repeat([]int{-1}, int(before))
		for c := range x.shape[0] {
			channels = append(channels, c)
		}
		return o.node(x, models.OpChannelSelect, models.Attrs{Channels: append(channels, slices.Repeat([]int{-1}, int(after))...)}, nil)
	}
	next := *x
	next.alone = x.alone && o.alone(0)
	for i, at := range []int{2, 3, 6, 7} {
		next.pad[i] += int(list[at])
	}
	return o.set(&next)
}
