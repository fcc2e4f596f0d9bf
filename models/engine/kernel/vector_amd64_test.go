package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// nasty are numbers with which vector and scalar code easily differ.
func nasty(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 3))
	special := []float32{0, float32(math.Copysign(0, -1)), 1e-39, -3e-39, 1.2e-38, 1e38, -1e38, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(8) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

// Each kernel's assembly and its portable loop give the same bits (a NaN for
// a NaN).
func TestAssemblyAgreesWithPortableLoops(t *testing.T) {
	t.Parallel()
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	const length = 203
	mask := make([]bool, length)
	for i := range mask {
		mask[i] = i%3 == 1
	}
	positive := func(x []float32) []float32 {
		for i, v := range x {
			x[i] = float32(math.Abs(float64(v)))
		}
		return x
	}
	update := func(vector bool, nesterov, state bool) func(x, y, z []float32) {
		return func(x, y, z []float32) {
			s := sgd{w: x, v: y, g: z, lr: 0.13, momentum: 0.9, decay: 0.01, nesterov: nesterov}
			if !state {
				s.v = nil
			}
			if vector {
				s.run()
			} else {
				s.generic()
			}
		}
	}
	moments := func(vector, decoupled bool) func(x, y, z []float32) {
		return func(x, y, z []float32) {
			a := newAdam(0.01, 0.9, 0.99, 1e-8, 0.1, decoupled, 0.3, 0.2)
			a.w, a.m, a.v, a.g = x, y, positive(slices.Clone(z)), z
			if vector {
				a.run()
			} else {
				a.generic()
			}
			copy(z, a.v)
		}
	}
	key := NewDropoutKey(1, "d", 2)
	pairs := []struct {
		name           string
		vector, scalar func(x, y, z []float32)
	}{
		{"sgd", update(true, false, false), update(false, false, false)},
		{"momentum", update(true, false, true), update(false, false, true)},
		{"nesterov", update(true, true, true), update(false, true, true)},
		{"adam", moments(true, false), moments(false, false)},
		{"adamw", moments(true, true), moments(false, true)},
		{"mask", func(x, _, _ []float32) { maskOut(x, mask[:len(x)]) }, func(x, _, _ []float32) { maskGeneric(x, mask[:len(x)]) }},
		{"add scaled", func(x, y, _ []float32) { addScaled(x, y, 0.3) }, func(x, y, _ []float32) { addScaledGeneric(x, y, 0.3) }},
		{"add sign", func(x, y, _ []float32) { addSign(x, y, 0.3) }, func(x, y, _ []float32) { addSignGeneric(x, y, 0.3) }},
		{"scale", func(x, _, _ []float32) { scale(x, 0.3) }, func(x, _, _ []float32) { scaleGeneric(x, 0.3) }},
		{"bias", func(x, y, _ []float32) { biasRow(x, y, false) }, func(x, y, _ []float32) { biasRowGeneric(x, y, false) }},
		{"bias relu", func(x, y, _ []float32) { biasRow(x, y, true) }, func(x, y, _ []float32) { biasRowGeneric(x, y, true) }},
		{"relu grad", func(x, y, z []float32) { reluGrad(x, y, z) }, func(x, y, z []float32) { reluGradGeneric(x, y, z) }},
		{"add", func(x, y, _ []float32) { addTo(x, y) }, func(x, y, _ []float32) { addToGeneric(x, y) }},
		{"relu", func(x, y, _ []float32) { relu(x, y) }, func(x, y, _ []float32) { reluGeneric(x, y) }},
		{"sum", func(x, y, z []float32) { add(x, y, z) }, func(x, y, z []float32) { addGeneric(x, y, z) }},
		{"product", func(x, y, z []float32) { mul(x, y, z) }, func(x, y, z []float32) { mulGeneric(x, y, z) }},
		{"dropout", func(x, y, _ []float32) { dropout(x, y, key, 77, 1<<30, 2) }, func(x, y, _ []float32) { dropoutGeneric(x, y, key, 77, 1<<30, 2) }},
		{"squares", func(x, y, _ []float32) { squares(addSquares, x, y) }, func(x, y, _ []float32) { squares(addSquaresGeneric, x, y) }},
	}
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for n := range length {
				var got, want [3][]float32
				for i := range got {
					got[i] = nasty(uint64(i), n)
					want[i] = slices.Clone(got[i])
				}
				p.vector(got[0], got[1], got[2])
				p.scalar(want[0], want[1], want[2])
				for i := range got {
					for j := range got[i] {
						g, w := got[i][j], want[i][j]
						if math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
							t.Fatalf("%d elements: slice %d, element %d: assembly %g, portable %g", n, i, j, g, w)
						}
					}
				}
			}
		})
	}
}

// squares writes the lanes' sums into x, as pairs of float32.
func squares(add func([]float32, *[sumLanes]float64), x, y []float32) {
	var lane [sumLanes]float64
	add(y[:len(y)/sumLanes*sumLanes], &lane)
	if len(x) < 2*sumLanes {
		return
	}
	for i, l := range lane {
		bits := math.Float64bits(l)
		x[2*i], x[2*i+1] = float32(uint32(bits)>>8), float32(bits>>40)
	}
}
