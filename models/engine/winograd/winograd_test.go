package winograd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models/engine/winograd"
)

// tolerance bounds the largest error against the root mean square of a result.
// A sum over c channels drifts by about sqrt(c) roundings of 2^-24 = 6e-8, which
// is 1.4e-6 for 512, the transforms back grow that some times over, and the
// largest of many errors is several times the usual one: 1.3e-5 is measured.
const tolerance = 4e-5

// shapes are small ones with every odd end, and the networks' own.
func shapes() []winograd.Shape {
	s := []winograd.Shape{
		{H: 32, W: 32, C: 16, K: 16, Pad: [4]int{1, 1, 1, 1}},
		{H: 8, W: 8, C: 64, K: 64, Pad: [4]int{1, 1, 1, 1}},
		{H: 4, W: 4, C: 128, K: 96, Pad: [4]int{1, 1, 1, 1}},
		{H: 2, W: 2, C: 128, K: 128, Pad: [4]int{1, 1, 1, 1}},
		{H: 4, W: 4, C: 512, K: 24, Pad: [4]int{1, 1, 1, 1}},
		{H: 32, W: 32, C: 3, K: 16, Pad: [4]int{1, 1, 1, 1}},
		{H: 9, W: 13, C: 50, K: 20, Pad: [4]int{0, 1, 2, 0}},
		{H: 3, W: 40, C: 12, K: 37, Pad: [4]int{2, 2, 2, 2}},
	}
	for h := 1; h <= 5; h++ {
		for w := 1; w <= 5; w++ {
			s = append(s, winograd.Shape{H: h, W: w, C: 5, K: 18, Pad: [4]int{1, 1, 1, 1}})
		}
	}
	r := rand.New(rand.NewPCG(11, 7))
	for len(s) < 72 {
		one := winograd.Shape{H: 1 + r.IntN(14), W: 1 + r.IntN(14), C: 1 + r.IntN(40), K: 1 + r.IntN(40)}
		for i := range one.Pad {
			one.Pad[i] = r.IntN(3)
		}
		if h, w := one.Out(); h > 0 && w > 0 {
			s = append(s, one)
		}
	}
	return s
}

func each(t *testing.T, test func(t *testing.T, l layer)) {
	t.Parallel()
	for i, s := range shapes() {
		t.Run(fmt.Sprintf("%dx%dx%d to %d pad %v", s.H, s.W, s.C, s.K, s.Pad), func(t *testing.T) {
			t.Parallel()
			test(t, newLayer(s, 1+i%4, uint64(i)))
		})
	}
}

func within(t *testing.T, what string, got []float32, want sums) {
	t.Helper()
	if e := want.worst(got); !(e <= tolerance) {
		t.Errorf("%s is off by %g of its root mean square, want at most %g", what, e, tolerance)
	}
}

func TestResultsMatchTheDefinition(t *testing.T) {
	each(t, func(t *testing.T, l layer) {
		m := newMachine(l)
		within(t, "Forward", m.forward(l, winograd.Epilogue{}), l.forward())
		within(t, "GradX", m.gradX(l), l.gradX())
		within(t, "GradW", m.gradW(l), l.gradW())
	})
}

func TestGradientsAreAdjoint(t *testing.T) {
	each(t, func(t *testing.T, l layer) {
		m := newMachine(l)
		a := dot(m.forward(l, winograd.Epilogue{}), l.g)
		b := dot(l.x, m.gradX(l))
		c := dot(l.w, m.gradW(l))
		// Each is a sum of this many products of about 1.
		slack := tolerance * math.Sqrt(float64(len(l.g)*l.C*9))
		if math.Abs(a-b) > slack || math.Abs(a-c) > slack {
			t.Errorf("<y,g> = %g, <x,dx> = %g, <w,dw> = %g differ by more than %g", a, b, c, slack)
		}
	})
}

func dot(a, b []float32) float64 {
	s := 0.0
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return s
}

func TestEpiloguesFollowTheSum(t *testing.T) {
	each(t, func(t *testing.T, l layer) {
		r := rand.New(rand.NewPCG(5, 5))
		m, bias, residual := newMachine(l), random(r, l.K), random(r, len(l.g))
		plain := m.forward(l, winograd.Epilogue{})
		for name, e := range map[string]winograd.Epilogue{
			"bias": {Bias: bias}, "residual": {Residual: residual}, "relu": {ReLU: true},
			"all": {Bias: bias, Residual: residual, ReLU: true},
		} {
			for i, v := range m.forward(l, e) {
				want := plain[i]
				if e.Bias != nil {
					want += bias[i%l.K]
				}
				if e.Residual != nil {
					want += residual[i]
				}
				if e.ReLU {
					want = max(want, 0)
				}
				if v != want {
					t.Fatalf("%s: y[%d] = %g, want %g", name, i, v, want)
				}
			}
		}
	})
}

func TestReLUKeepsNaN(t *testing.T) {
	t.Parallel()
	l := newLayer(winograd.Shape{H: 8, W: 8, C: 16, K: 16, Pad: [4]int{1, 1, 1, 1}}, 1, 1)
	l.x[0] = float32(math.NaN())
	if y := newMachine(l).forward(l, winograd.Epilogue{ReLU: true}); !math.IsNaN(float64(y[0])) {
		t.Errorf("y[0] = %g of a NaN, want NaN", y[0])
	}
}

func TestGradXAccumulates(t *testing.T) {
	each(t, func(t *testing.T, l layer) {
		m := newMachine(l)
		want, dx := m.gradX(l), random(rand.New(rand.NewPCG(6, 6)), len(l.x))
		for i, v := range dx {
			want[i] += v
		}
		m.GradX(dx, l.g, l.n, m.packedGrad, true, m.ws)
		for i, v := range dx {
			if v != want[i] {
				t.Fatalf("dx[%d] = %g, want %g", i, v, want[i])
			}
		}
	})
}

func TestChannelRangesMakeUpTheWhole(t *testing.T) {
	each(t, func(t *testing.T, l layer) {
		m := newMachine(l)
		e := winograd.Epilogue{Bias: random(rand.New(rand.NewPCG(7, 7)), l.K), ReLU: true}
		want, got := m.forward(l, e), make([]float32, len(l.g))
		for lo := 0; lo < l.K; lo += 16 {
			hi := min(lo+16, l.K)
			m.Forward(got, l.x, l.n, m.packed, lo, hi, e, m.ws)
			for i, v := range got {
				if k := i % l.K; k >= hi && v != 0 {
					t.Fatalf("channels %d to %d wrote channel %d", lo, hi, k)
				}
			}
		}
		equal(t, "y", got, want)
	})
}

func TestSamplesDoNotMix(t *testing.T) {
	each(t, func(t *testing.T, l layer) {
		m := newMachine(l)
		y, dx := m.forward(l, winograd.Epilogue{}), m.gradX(l)
		for i := range l.n {
			one := l
			one.n, one.x, one.g = 1, l.x[i*len(l.x)/l.n:(i+1)*len(l.x)/l.n], l.g[i*len(l.g)/l.n:(i+1)*len(l.g)/l.n]
			equal(t, "y", m.forward(one, winograd.Epilogue{}), y[i*len(y)/l.n:(i+1)*len(y)/l.n])
			equal(t, "dx", m.gradX(one), dx[i*len(dx)/l.n:(i+1)*len(dx)/l.n])
		}
	})
}

func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] of %d = %g, want %g to the bit", what, i, len(want), got[i], want[i])
		}
	}
}

func TestCallsDoNotAllocate(t *testing.T) {
	l := newLayer(winograd.Shape{H: 6, W: 7, C: 20, K: 20, Pad: [4]int{1, 1, 1, 1}}, 2, 1)
	m := newMachine(l)
	y, dx, dw := make([]float32, len(l.g)), make([]float32, len(l.x)), make([]float32, len(l.w))
	accs := [][]float32{make([]float32, m.GradWLen())}
	e := winograd.Epilogue{Bias: make([]float32, l.K), Residual: y, ReLU: true}
	if n := testing.AllocsPerRun(3, func() {
		m.Pack(m.packed, l.w, 0, 1)
		m.PackGrad(m.packedGrad, l.w, 0, 1)
		m.Forward(y, l.x, l.n, m.packed, 0, l.K, e, m.ws)
		m.GradX(dx, l.g, l.n, m.packedGrad, true, m.ws)
		m.GradW(accs[0], l.x, l.g, l.n, m.ws)
		m.FinishGradW(dw, accs, 0, 1)
	}); n != 0 {
		t.Errorf("%g allocations, want none", n)
	}
}
