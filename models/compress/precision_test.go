package compress_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models/compress"
)

// Rounding takes the nearest value of those with so few bits, and so changes a
// value by half of its last bit at most, and what has few bits not at all.
func TestRoundedValuesAreTheNearest(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for bits := compress.MinKeptBits; bits <= compress.AllBits; bits++ {
		last := uint32(1)<<(compress.AllBits-bits) - 1
		values := make([]float32, 2000)
		for i := range values {
			values[i] = float32(0.1 * r.NormFloat64())
		}
		values = append(values, 0, 1, -2, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(-1)))
		got := append([]float32(nil), values...)
		if err := compress.Round(got, bits); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			low := math.Float32frombits(math.Float32bits(v) &^ last)
			high := math.Float32frombits(math.Float32bits(v)&^last + last + 1)
			if g := got[i]; g != low && g != high || math.IsInf(float64(g), 0) != math.IsInf(float64(v), 0) {
				t.Fatalf("%d bits: %g becomes %g, its neighbours are %g and %g", bits, v, g, low, high)
			}
			far := math.Abs(float64(got[i]) - float64(v))
			if other := math.Min(math.Abs(float64(low)-float64(v)), math.Abs(float64(high)-float64(v))); far > other {
				t.Fatalf("%d bits: %g becomes %g, which is not the nearest", bits, v, got[i])
			}
		}
		again := append([]float32(nil), got...)
		if err := compress.Round(again, bits); err != nil || !sameBits(again, got) {
			t.Errorf("%d bits: rounding twice changes values, %v", bits, err)
		}
	}
}

func TestRoundRefusesBitsThatNoFloatHas(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{-1, 0, 9, 33} {
		if err := compress.Round([]float32{1}, bits); err == nil {
			t.Errorf("%d bits are allowed", bits)
		}
	}
	if nan := []float32{float32(math.NaN())}; compress.Round(nan, 10) != nil || nan[0] == nan[0] {
		t.Errorf("NaN becomes %g", nan[0])
	}
}
