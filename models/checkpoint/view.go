package checkpoint

import (
	"encoding/binary"
	"math"

	"github.com/nlpodyssey/safetensors"

	"espalier/models"
)

// floatView lets package safetensors write float32 values without a copy of
// the whole network in memory.
type floatView struct {
	shape models.Shape
	data  []float32
}

var _ safetensors.View = floatView{}

func (v floatView) DType() safetensors.DType { return safetensors.F32 }
func (v floatView) Shape() []uint64          { return shape(v.shape) }
func (v floatView) DataLen() uint64          { return 4 * uint64(len(v.data)) }
func (v floatView) Data() []byte {
	out := make([]byte, 4*len(v.data))
	for i, f := range v.data {
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(f))
	}
	return out
}

// maskView does the same for masks: a byte for each element, 1 stays.
type maskView struct {
	shape models.Shape
	data  []bool
}

var _ safetensors.View = maskView{}

func (v maskView) DType() safetensors.DType { return safetensors.BOOL }
func (v maskView) Shape() []uint64          { return shape(v.shape) }
func (v maskView) DataLen() uint64          { return uint64(len(v.data)) }
func (v maskView) Data() []byte {
	out := make([]byte, len(v.data))
	for i, stays := range v.data {
		if stays {
			out[i] = 1
		}
	}
	return out
}

func shape(s models.Shape) []uint64 {
	out := make([]uint64, len(s))
	for i, d := range s {
		out[i] = uint64(d)
	}
	return out
}
