package pytorch

import (
	"fmt"

	"espalier/models/export/internal/floats"
)

// maxElements bounds extents, strides and offsets, so that products of two
// stay inside an int64.
const maxElements = 1 << 30

// element is the type of a storage's elements.
type element struct {
	name   string        // as in torch.FloatStorage
	size   int           // bytes
	format floats.Format // 0 for those that are no floats
}

// elementOf knows the storages of PyTorch. Those that are no floats are in
// files beside the weights and must be passed over.
func elementOf(name string) (element, bool) {
	e, ok := map[string]element{
		"Half":     {size: 2, format: floats.Half},
		"BFloat16": {size: 2, format: floats.BFloat16},
		"Float":    {size: 4, format: floats.Single},
		"Double":   {size: 8, format: floats.Double},
		"Char":     {size: 1}, "Byte": {size: 1}, "Bool": {size: 1}, "Short": {size: 2}, "Int": {size: 4}, "Long": {size: 8},
		"ComplexFloat": {size: 8}, "ComplexDouble": {size: 16},
	}[name]
	e.name = name
	return e, ok
}

// storage is a run of elements in the file; tensors look into it.
type storage struct {
	element
	length int    // elements
	data   []byte // nil until found
}

// view is a storage from an offset on.
type view struct {
	storage *storage
	offset  int
}

// tensor is a strided look into a storage.
type tensor struct {
	storage       *storage
	offset        int
	shape, stride []int
}

// values gathers the tensor row-major, at most limit elements.
func (t *tensor) values(limit int) ([]float32, error) {
	if t.storage.format == 0 {
		return nil, fmt.Errorf("it is of %s; half, bfloat16, float and double are read", t.storage.name)
	}
	n, err := t.check(limit)
	if err != nil {
		return nil, err
	}
	out, index, size := make([]float32, n), make([]int, len(t.shape)), t.storage.size
	for i, at := 0, t.offset; i < n; i++ {
		out[i] = t.storage.format.At(t.storage.data[at*size:])
		// Count up like an odometer, the last axis fastest.
		for axis := len(index) - 1; axis >= 0; axis-- {
			index[axis]++
			at += t.stride[axis]
			if index[axis] < t.shape[axis] {
				break
			}
			at -= index[axis] * t.stride[axis]
			index[axis] = 0
		}
	}
	return out, nil
}

// check counts the elements and makes sure that all lie in the storage.
func (t *tensor) check(limit int) (int, error) {
	if len(t.shape) != len(t.stride) {
		return 0, fmt.Errorf("size %v and stride %v have different lengths", t.shape, t.stride)
	}
	n, last := 1, int64(t.offset)
	for i, d := range t.shape {
		if d == 0 {
			return 0, nil
		}
		if n > maxElements/d || last > maxElements {
			return 0, fmt.Errorf("size %v and stride %v are out of range", t.shape, t.stride)
		}
		n, last = n*d, last+int64(d-1)*int64(t.stride[i])
	}
	if have := len(t.storage.data) / t.storage.size; last >= int64(have) {
		return 0, fmt.Errorf("size %v and stride %v at %d end beyond its storage of %d elements", t.shape, t.stride, t.offset, have)
	}
	if n > limit {
		return 0, fmt.Errorf("size %v: the tensors have more elements than a file of this size can hold", t.shape)
	}
	return n, nil
}
