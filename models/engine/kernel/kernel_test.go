package kernel_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models/engine/kernel"
)

// sizes straddle the vector width, the unrolling and the size at which work
// is shared between workers.
var sizes = []int{0, 1, 7, 8, 9, 31, 32, 33, 1000, 100003}

func random(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func near(t *testing.T, what string, i int, got float32, want float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 1e-5*(1+math.Abs(want)) {
		t.Fatalf("%s[%d] = %g, want %g", what, i, got, want)
	}
}

func TestSGDMatchesItsDefinition(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name                string
		lr, momentum, decay float64
		nesterov            bool
	}{
		{"plain", 0.1, 0, 0, false},
		{"momentum", 0.1, 0.9, 0, false},
		{"momentum and decay", 0.05, 0.9, 0.01, false},
		{"nesterov", 0.05, 0.9, 0.01, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, n := range sizes {
				w, v, g := random(1, n), random(2, n), random(3, n)
				w0, v0 := append([]float32(nil), w...), append([]float32(nil), v...)
				kernel.SGD(w, v, g, float32(c.lr), float32(c.momentum), float32(c.decay), c.nesterov)
				for i := range w {
					d := float64(g[i]) + c.decay*float64(w0[i])
					wantV := c.momentum*float64(v0[i]) + d
					step := wantV
					if c.nesterov {
						step = d + c.momentum*wantV
					}
					near(t, "v", i, v[i], wantV)
					near(t, "w", i, w[i], float64(w0[i])-c.lr*step)
				}
			}
		})
	}
}

func TestSGDWithoutMomentumNeedsNoState(t *testing.T) {
	t.Parallel()
	for _, n := range sizes {
		w, v, g := random(1, n), make([]float32, n), random(3, n)
		bare := append([]float32(nil), w...)
		kernel.SGD(w, v, g, 0.1, 0, 0.01, false)
		kernel.SGD(bare, nil, g, 0.1, 0, 0.01, false)
		equalBits(t, "w", bare, w)
	}
}

func equalBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] of %d = %g, want %g to the bit", what, i, len(want), got[i], want[i])
		}
	}
}

func TestAdamMatchesItsDefinition(t *testing.T) {
	t.Parallel()
	const lr, b1, b2, eps = 0.01, 0.9, 0.999, 1e-8
	for _, decay := range []float64{0, 0.1} {
		for _, decoupled := range []bool{false, true} {
			for _, n := range sizes {
				w, m, v, g := random(1, n), make([]float32, n), make([]float32, n), random(2, n)
				wantW, wantM, wantV := widen(w), make([]float64, n), make([]float64, n)
				for step := 1; step <= 3; step++ {
					bias1, bias2 := 1-math.Pow(b1, float64(step)), 1-math.Pow(b2, float64(step))
					kernel.Adam(w, m, v, g, lr, b1, b2, eps, float32(decay), decoupled, float32(bias1), float32(bias2))
					for i := range wantW {
						d := float64(g[i])
						if decoupled {
							wantW[i] -= lr * decay * wantW[i]
						} else {
							d += decay * wantW[i]
						}
						wantM[i] = b1*wantM[i] + (1-b1)*d
						wantV[i] = b2*wantV[i] + (1-b2)*d*d
						wantW[i] -= lr / bias1 * wantM[i] / (math.Sqrt(wantV[i]/bias2) + eps)
					}
				}
				for i := range w {
					near(t, "w", i, w[i], wantW[i])
					near(t, "m", i, m[i], wantM[i])
					near(t, "v", i, v[i], wantV[i])
				}
			}
		}
	}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestMaskClearsToPositiveZero(t *testing.T) {
	t.Parallel()
	for _, n := range sizes {
		x, mask := random(1, n), make([]bool, n)
		if n > 3 {
			x[0], x[1], x[2] = float32(math.NaN()), float32(math.Inf(-1)), -1
		}
		want := append([]float32(nil), x...)
		for i := range mask {
			if mask[i] = i%3 == 2 && i > 5; !mask[i] {
				want[i] = 0
			}
		}
		kernel.Mask(x, mask)
		equalBits(t, "x", x, want)
		kernel.Mask(x, nil)
		equalBits(t, "x under no mask", x, want)
	}
}

func TestLinearKernels(t *testing.T) {
	t.Parallel()
	for _, n := range sizes {
		dst, x := random(1, n), random(2, n)
		if n > 1 {
			x[n/2] = 0
		}
		was := append([]float32(nil), dst...)
		kernel.AddScaled(dst, x, 0.25)
		for i := range dst {
			near(t, "AddScaled", i, dst[i], float64(was[i])+0.25*float64(x[i]))
		}
		copy(dst, was)
		kernel.AddSign(dst, x, 0.25)
		for i := range dst {
			sign := 0.0
			if x[i] != 0 {
				sign = math.Copysign(1, float64(x[i]))
			}
			near(t, "AddSign", i, dst[i], float64(was[i])+0.25*sign)
		}
		copy(dst, was)
		kernel.Scale(dst, -3)
		for i := range dst {
			near(t, "Scale", i, dst[i], -3*float64(was[i]))
		}
	}
}

func TestSumSquares(t *testing.T) {
	t.Parallel()
	for _, n := range sizes {
		x, want := random(1, n), 0.0
		for _, v := range x {
			want += float64(v) * float64(v)
		}
		if got := kernel.SumSquares(x); math.Abs(got-want) > 1e-12*want {
			t.Errorf("SumSquares of %d = %g, want %g", n, got, want)
		}
	}
}

func TestSoftThreshold(t *testing.T) {
	t.Parallel()
	for _, n := range sizes {
		for _, a := range []float32{0, 0.5, 100} {
			x := random(1, n)
			was := append([]float32(nil), x...)
			kernel.SoftThreshold(x, a)
			for i, v := range was {
				near(t, "SoftThreshold", i, x[i], math.Copysign(max(math.Abs(float64(v))-float64(a), 0), float64(v)))
			}
		}
	}
	nan, inf, zero := float32(math.NaN()), float32(math.Inf(1)), float32(math.Copysign(0, -1))
	x := []float32{0.5, -0.5, zero, -0.25, inf, -inf, nan, 0.75}
	kernel.SoftThreshold(x, 0.5)
	equalBits(t, "SoftThreshold", x, []float32{0, 0, 0, 0, inf, -inf, nan, 0.25})
	x = []float32{-0x1.8p-126}
	kernel.SoftThreshold(x, 0x1p-126)
	equalBits(t, "SoftThreshold to a denormal", x, []float32{0})
}
