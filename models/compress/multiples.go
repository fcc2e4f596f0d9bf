package compress

import (
	"math"
	"slices"
)

// tops are the multiples that the largest weight may be, those first that
// quantizers to 8, 7 and fewer bits make of it.
var tops = func() []int {
	first := []int{127, 63, 31, 15, 7, 3, 1}
	for q := 126; q > 1; q-- {
		if !slices.Contains(first, q) {
			first = append(first, q)
		}
	}
	return first
}()

// Multiples finds what [Uniform] made: a scale of which every value is a
// multiple from -127 to 127, as float32 rounds it, to the bit. The multiples go
// into ints, which is as long as values. A scale is the largest value over its
// multiple, or a neighbour of that; of zeros it is 0.
func Multiples(ints []int8, values []float32) (scale float32, ok bool) {
	largest := float32(0)
	for _, v := range values {
		largest = max(largest, v, -v)
	}
	if largest == 0 {
		return 0, areMultiples(ints, values, 0)
	}
	if math.IsInf(float64(largest), 0) || math.IsNaN(float64(largest)) {
		return 0, false
	}
	for _, top := range tops {
		bits := math.Float32bits(largest / float32(top))
		for _, off := range []uint32{0, 1, ^uint32(0), 2, ^uint32(1)} {
			if scale := math.Float32frombits(bits + off); isScale(scale) && areMultiples(ints, values, scale) {
				return scale, true
			}
		}
	}
	return 0, false
}

// isScale says whether a multiple of 0 of it is +0.
func isScale(scale float32) bool { return math.Float32bits(scale) <= math.Float32bits(math.MaxFloat32) }

func areMultiples(ints []int8, values []float32, scale float32) bool {
	for i, v := range values {
		q := float32(0)
		if scale > 0 {
			q = float32(math.RoundToEven(float64(v) / float64(scale)))
		}
		if !(q >= -127 && q <= 127) || math.Float32bits(q*scale) != math.Float32bits(v) && (q != 0 || math.Float32bits(v) != 0) {
			return false
		}
		ints[i] = int8(q)
	}
	return true
}
