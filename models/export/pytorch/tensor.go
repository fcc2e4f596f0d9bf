package pytorch

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxElements bounds extents, strides and offsets, so that sums and products
// of two stay inside an int.
const maxElements = 1 << 30

// element is the type of a storage's elements.
type element struct {
	name string // as in torch.FloatStorage
	size int    // bytes
}

// elementOf knows the storages of PyTorch. Those that are no floats are in
// files beside the weights and must be passed over.
func elementOf(name string) (element, bool) {
	size := map[string]int{
		"Half": 2, "BFloat16": 2, "Float": 4, "Double": 8,
		"Char": 1, "Byte": 1, "Bool": 1, "Short": 2, "Int": 4, "Long": 8, "ComplexFloat": 8, "ComplexDouble": 16,
	}[name]
	return element{name, size}, size > 0
}

// decoder returns what turns an element's bytes into a float32, or nil where
// the elements are no floats.
func (e element) decoder() func([]byte) float32 {
	switch e.name {
	case "Half":
		return func(b []byte) float32 { return half(binary.LittleEndian.Uint16(b)) }
	case "BFloat16":
		return func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) }
	case "Float":
		return func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case "Double":
		return func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	}
	return nil
}

// half widens an IEEE 754 binary16.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero and subnormals, in steps of 2^-24
		return math.Float32frombits(math.Float32bits(float32(fraction)*0x1p-24) | sign)
	case 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
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
	decode := t.storage.decoder()
	if decode == nil {
		return nil, fmt.Errorf("it is of %s; half, bfloat16, float and double are read", t.storage.name)
	}
	n, err := t.check(limit)
	if err != nil {
		return nil, err
	}
	out, index, size := make([]float32, n), make([]int, len(t.shape)), t.storage.size
	for i, at := 0, t.offset; i < n; i++ {
		out[i] = decode(t.storage.data[at*size:])
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
	n, last := 1, t.offset
	for i, d := range t.shape {
		if d == 0 {
			return 0, nil
		}
		if n > maxElements/d || last > maxElements {
			return 0, fmt.Errorf("size %v and stride %v are out of range", t.shape, t.stride)
		}
		n, last = n*d, last+(d-1)*t.stride[i]
	}
	if have := len(t.storage.data) / t.storage.size; last >= have {
		return 0, fmt.Errorf("size %v and stride %v at %d end beyond its storage of %d elements", t.shape, t.stride, t.offset, have)
	}
	if n > limit {
		return 0, fmt.Errorf("size %v: the tensors have more elements than a file of this size can hold", t.shape)
	}
	return n, nil
}
