// Package floats turns the floating-point formats in which weights are stored
// into float32, the only one that networks have here. All are little-endian.
package floats

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// Format is how a number is stored.
type Format int

// The formats.
const (
	Half     Format = iota + 1 // IEEE 754 binary16
	BFloat16                   // the upper half of a float32
	Single
	Double // rounded to float32
)

// Size is the number of bytes of a number.
func (f Format) Size() int {
	switch f {
	case Half, BFloat16:
		return 2
	case Double:
		return 8
	}
	return 4
}

// At is the number that b begins with; b has at least Size bytes.
func (f Format) At(b []byte) float32 {
	switch f {
	case Half:
		return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32()
	case BFloat16:
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	case Double:
		return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

// Decode is all numbers in raw; a last one that is cut off is left out.
func (f Format) Decode(raw []byte) []float32 {
	out := make([]float32, len(raw)/f.Size())
	for i := range out {
		out[i] = f.At(raw[i*f.Size():])
	}
	return out
}
