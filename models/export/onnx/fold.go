package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"espalier/models/export/onnx/internal/onnxpb"
)

// pick gathers elements of a constant by their positions.
func pick(c *constant, shape, at []int) *constant {
	out := &constant{shape: shape}
	if c.isInt() {
		out.ints = make([]int64, len(at))
		for i, k := range at {
			out.ints[i] = c.ints[k]
		}
		return out
	}
	out.floats = make([]float32, len(at))
	for i, k := range at {
		out.floats[i] = c.floats[k]
	}
	return out
}

// size is the number of elements of a shape, or an error where the budget has
// no room for them.
func (r *reader) size(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt32/d {
			return 0, fmt.Errorf("shape %v is negative or too large", shape)
		}
		n *= d
	}
	return n, r.spend(n)
}

// strided gathers the elements of a constant as a view of that shape and those
// strides sees them, from an offset on.
func (r *reader) strided(c *constant, shape, stride []int, offset int) (*constant, error) {
	n, err := r.size(shape)
	if err != nil {
		return nil, err
	}
	at, index, pos := make([]int, n), make([]int, len(shape)), offset
	for i := range at {
		at[i] = pos
		for a := len(index) - 1; a >= 0; a-- {
			index[a]++
			pos += stride[a]
			if index[a] < shape[a] {
				break
			}
			pos -= index[a] * stride[a]
			index[a] = 0
		}
	}
	return pick(c, shape, at), nil
}

// strides are those of a row-major tensor.
func strides(shape []int) []int {
	out, n := make([]int, len(shape)), 1
	for i, d := range slices.Backward(shape) {
		out[i] = n
		n *= d
	}
	return out
}

// axis is an axis that may count from the end.
func axis(a int64, rank int) (int, error) {
	if a < -int64(rank) || a >= int64(rank) {
		return 0, fmt.Errorf("axis %d of a tensor of %d axes", a, rank)
	}
	if a < 0 {
		a += int64(rank)
	}
	return int(a), nil
}

// transposed permutes a constant's axes; no permutation reverses them.
func (r *reader) transposed(c *constant, perm []int64) (*constant, error) {
	rank := len(c.shape)
	shape, stride, from := make([]int, rank), make([]int, rank), strides(c.shape)
	if perm == nil {
		for i := range rank {
			perm = append(perm, int64(rank-1-i))
		}
	}
	if !isPermutation(perm, rank) {
		return nil, fmt.Errorf("perm %v is no permutation of %d axes", perm, rank)
	}
	for i, p := range perm {
		shape[i], stride[i] = c.shape[p], from[p]
	}
	return r.strided(c, shape, stride, 0)
}

func isPermutation(perm []int64, n int) bool {
	sorted := slices.Sorted(slices.Values(perm))
	for i, p := range sorted {
		if p != int64(i) {
			return false
		}
	}
	return len(perm) == n
}

// taken gathers positions along an axis; shape replaces the axis.
func (r *reader) taken(c *constant, a int, positions []int64, shape []int) (*constant, error) {
	outer, inner := 1, 1
	for i, d := range c.shape {
		switch {
		case i < a:
			outer *= d
		case i > a:
			inner *= d
		}
	}
	full := slices.Concat(c.shape[:a], shape, c.shape[a+1:])
	n, err := r.size(full)
	if err != nil {
		return nil, err
	}
	at := make([]int, 0, n)
	for o := range outer {
		for _, p := range positions {
			if p < 0 {
				p += int64(c.shape[a])
			}
			if p < 0 || p >= int64(c.shape[a]) {
				return nil, fmt.Errorf("index %d of an axis of %d", p, c.shape[a])
			}
			for k := range inner {
				at = append(at, (o*c.shape[a]+int(p))*inner+k)
			}
		}
	}
	return pick(c, full, at), nil
}

// joined concatenates constants along an axis.
func (r *reader) joined(parts []*constant, at int64) (*constant, error) {
	first := parts[0]
	a, err := axis(at, len(first.shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(first.shape)
	shape[a] = 0
	outer := 1
	for _, d := range shape[:a] {
		outer *= d
	}
	for _, p := range parts {
		if len(p.shape) != len(shape) || p.isInt() != first.isInt() || !slices.Equal(p.shape[:a], shape[:a]) || !slices.Equal(p.shape[a+1:], shape[a+1:]) {
			return nil, fmt.Errorf("constants of shapes %v and %v do not fit together", first.shape, p.shape)
		}
		shape[a] += p.shape[a]
	}
	if _, err := r.size(shape); err != nil {
		return nil, err
	}
	out := &constant{shape: shape}
	for o := range outer {
		for _, p := range parts {
			n := p.size() / outer
			if p.isInt() {
				out.ints = append(out.ints, p.ints[o*n:(o+1)*n]...)
			} else {
				out.floats = append(out.floats, p.floats[o*n:(o+1)*n]...)
			}
		}
	}
	return out.notNil(first.isInt()), nil
}

// notNil gives an empty constant the type that it has.
func (c *constant) notNil(isInt bool) *constant {
	if isInt && c.ints == nil {
		c.ints = []int64{}
	}
	if !isInt && c.floats == nil {
		c.floats = []float32{}
	}
	return c
}

// reshaped is a constant in another shape, by the rules of Reshape.
func reshaped(c *constant, target []int64, allowZero bool) (*constant, error) {
	shape, free, n := make([]int, len(target)), -1, 1
	for i, t := range target {
		switch {
		case t == -1 && free < 0:
			free, t = i, 1
		case t == 0 && !allowZero && i < len(c.shape):
			t = int64(c.shape[i])
		case t < 0 || t > math.MaxInt32:
			return nil, fmt.Errorf("a constant has no shape %v", target)
		}
		if t > 0 && int64(n) > math.MaxInt32/t {
			return nil, fmt.Errorf("a constant has no shape %v", target)
		}
		shape[i] = int(t)
		n *= int(t)
	}
	if free >= 0 && n > 0 {
		shape[free] = c.size() / n
		n *= shape[free]
	}
	if n != c.size() {
		return nil, fmt.Errorf("%d elements do not fill shape %v", c.size(), target)
	}
	return &constant{shape: shape, floats: c.floats, ints: c.ints}, nil
}

// arithmetic applies an operator to two constants of one type, each spread over
// the other's shape.
func (r *reader) arithmetic(kind string, a, b *constant) (*constant, error) {
	if a.isInt() != b.isInt() {
		return nil, errors.New("its constants are of different types")
	}
	rank := max(len(a.shape), len(b.shape))
	shape := make([]int, rank)
	var wide [2]*constant
	for i := range shape {
		x, y := fromEnd(a.shape, rank-i), fromEnd(b.shape, rank-i)
		if x != y && x != 1 && y != 1 {
			return nil, fmt.Errorf("shapes %v and %v do not fit together", a.shape, b.shape)
		}
		if shape[i] = x; x == 1 {
			shape[i] = y
		}
	}
	for k, c := range []*constant{a, b} {
		stride, own := make([]int, rank), strides(c.shape)
		for i := range c.shape {
			if c.shape[i] > 1 {
				stride[rank-len(c.shape)+i] = own[i]
			}
		}
		var err error
		if wide[k], err = r.strided(c, shape, stride, 0); err != nil {
			return nil, err
		}
	}
	out := wide[0]
	for i := range out.floats {
		out.floats[i] = compute(kind, out.floats[i], wide[1].floats[i])
	}
	for i, y := range wide[1].ints {
		x := out.ints[i]
		if x == batchSize || y == batchSize || x == unknownSize || y == unknownSize {
			out.ints[i] = unknownSize
			continue
		}
		if kind == "Div" && y == 0 {
			return nil, errors.New("division of integers by 0")
		}
		out.ints[i] = compute(kind, x, y)
	}
	return out, nil
}

func fromEnd(shape []int, i int) int {
	if i > len(shape) {
		return 1
	}
	return shape[len(shape)-i]
}

func compute[T float32 | int64](kind string, x, y T) T {
	switch kind {
	case "Add", "Sum":
		return x + y
	case "Sub":
		return x - y
	case "Mul":
		return x * y
	}
	return x / y
}

// cast changes the type of a constant.
func cast(c *constant, to int64) (*constant, error) {
	out := &constant{shape: c.shape}
	switch onnxpb.TensorProto_DataType(to) {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_BFLOAT16:
		if !c.isInt() {
			return c, nil
		}
		out.floats = make([]float32, len(c.ints))
		for i, x := range c.ints {
			out.floats[i] = float32(x)
		}
	case onnxpb.TensorProto_INT64, onnxpb.TensorProto_INT32:
		if c.isInt() {
			return c, nil
		}
		out.ints = make([]int64, len(c.floats))
		for i, x := range c.floats {
			// A size that is not known stays so, as a float and back.
			switch {
			case x <= -1<<62:
				out.ints[i] = unknownSize
			case x < math.MaxInt64:
				out.ints[i] = int64(x)
			default:
				out.ints[i] = math.MaxInt64
			}
		}
	default:
		return nil, fmt.Errorf("to type %v is not supported", onnxpb.TensorProto_DataType(to))
	}
	return out, nil
}
