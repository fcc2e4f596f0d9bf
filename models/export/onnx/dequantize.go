package onnx

import (
	"errors"
	"fmt"
)

// dequantize is (x - zero point) * scale of constants, with one scale or one a
// position of an axis.
func dequantize(o *op) error {
	at := o.int("axis", 1)
	if block := o.int("block_size", 0); block != 0 {
		return fmt.Errorf("block_size %d is not supported, only 0", block)
	}
	o.int("output_dtype", 0)
	x, err := o.constant(0)
	if err != nil {
		return err
	}
	codes, err := x.integers()
	if err != nil {
		return err
	}
	scale, err := o.constant(1)
	if err != nil {
		return err
	}
	zero := &constant{ints: make([]int64, scale.size())}
	if o.has(2) {
		if zero, err = o.constant(2); err != nil {
			return err
		}
	}
	if scale.floats == nil || !zero.isInt() || zero.size() != scale.size() || len(scale.shape) > 1 {
		return errors.New("its scale and its zero point are not one number each, or one for each position of an axis")
	}
	each := max(1, len(codes)) // elements in a row that share a scale
	if len(scale.shape) == 1 && scale.size() != 1 {
		a, err := axis(at, len(x.shape))
		if err != nil {
			return err
		}
		if x.shape[a] != scale.size() {
			return fmt.Errorf("%d scales for axis %d of shape %v", scale.size(), at, x.shape)
		}
		each = 1
		for _, d := range x.shape[a+1:] {
			each *= d
		}
	}
	n, err := o.size(x.shape)
	if err != nil {
		return err
	}
	out := &constant{shape: x.shape, floats: make([]float32, n)}
	for i, q := range codes {
		k := i / max(1, each) % max(1, scale.size())
		out.floats[i] = float32(q-zero.ints[k]) * scale.floats[k]
	}
	return o.fold(out, nil)
}
