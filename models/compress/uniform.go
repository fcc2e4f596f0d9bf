package compress

import (
	"errors"
	"fmt"
	"math"

	"espalier/models"
)

// The widths of a uniform code in bits.
const (
	MinUniformBits = 2
	MaxUniformBits = 8
)

// Uniform rounds the weights of each layer to whole multiples of a scale, which
// each output or filter has its own of: symmetric, from -(2^(b-1) - 1) to
// 2^(b-1) - 1, with the scale that makes the largest of its weights the last
// multiple. It returns a copy of the network in which every weight is
// float32(multiple) * scale, and the multiples as codes, in the order of the
// layers. Zeros stay zeros, and small weights become some; biases and
// normalization are left alone. Of the options only Bits has a meaning.
//
// It fails as [Quantize] does, and on widths outside MinUniformBits to
// MaxUniformBits.
func Uniform(net *models.Network, o Options) (*models.Network, []Shared, error) {
	return eachLayer(net, Options{Bits: o.Bits}, uniform)
}

// uniform rounds the weights of one tensor.
func uniform(p *models.Param, bits int, _ Options) (Shared, error) {
	if bits < MinUniformBits || bits > MaxUniformBits {
		return Shared{}, fmt.Errorf("%d bits: uniform codes have from %d to %d", bits, MinUniformBits, MaxUniformBits)
	}
	most := 1<<(bits-1) - 1
	s := newShared(p, bits)
	s.Codebook = []float32{0}
	for m := -most; m <= most; m++ {
		if m != 0 {
			s.Codebook = append(s.Codebook, float32(m))
		}
	}
	columns := p.Shape[1:].Size()
	for row := range p.Shape[0] {
		weights := p.Data[row*columns:][:columns]
		scale, err := scaleOf(weights, most)
		if err != nil {
			return Shared{}, fmt.Errorf("row %d: %w", row, err)
		}
		s.Scales = append(s.Scales, scale)
		if scale == 0 {
			continue
		}
		for i, w := range weights {
			m := int(math.RoundToEven(float64(w) / float64(scale)))
			s.Codes[row*columns+i] = multipleCode(min(max(m, -most), most), most)
		}
	}
	return s, nil
}

// scaleOf makes the largest weight the last multiple.
func scaleOf(weights []float32, most int) (float32, error) {
	largest := 0.0
	for _, w := range weights {
		size := math.Abs(float64(w))
		if math.IsNaN(size) || math.IsInf(size, 0) {
			return 0, errors.New("a weight is not finite")
		}
		largest = max(largest, size)
	}
	return float32(largest / float64(most)), nil
}

// multipleCode is where the codebook has a multiple: 0, then -most to most.
func multipleCode(m, most int) uint16 {
	switch {
	case m == 0:
		return 0
	case m < 0:
		return uint16(m + most + 1)
	default:
		return uint16(m + most)
	}
}
