package kernel_test

import (
	"math"
	"slices"
	"testing"

	"espalier/models/engine/kernel"
)

const slope = 0.1

// activations are the definitions, in float64.
var activations = map[kernel.Activation]func(x float64) float64{
	kernel.ReLU6: func(x float64) float64 { return math.Min(math.Max(x, 0), 6) },
	kernel.LeakyReLU: func(x float64) float64 {
		if x < 0 {
			return float64(float32(slope)) * x
		}
		return x
	},
	kernel.Sigmoid:     logistic,
	kernel.Tanh:        math.Tanh,
	kernel.HardSigmoid: hardLogistic,
	kernel.HardSwish:   func(x float64) float64 { return x * hardLogistic(x) },
	kernel.SiLU:        func(x float64) float64 { return x * logistic(x) },
}

func logistic(x float64) float64     { return 1 / (1 + math.Exp(-x)) }
func hardLogistic(x float64) float64 { return math.Min(math.Max(x/6+0.5, 0), 1) }

func TestActivationsAndTheirGradients(t *testing.T) {
	t.Parallel()
	var x []float32
	for v := float32(-20); v < 20; v += 0.00731 {
		x = append(x, v)
	}
	x = append(x, 0, 1e-6, -1e-6, 1e-4, 0.6249999, -0.625, 80, -80, 200, -200, 3e38)
	g := random(1, len(x))
	for a, f := range activations {
		y, dx, in := make([]float32, len(x)), make([]float32, len(x)), x
		kernel.Activate(y, x, a, slope)
		if !a.GradOfInput() {
			in = y
		}
		kernel.ActivateGrad(dx, g, in, a, slope)
		for i, v := range x {
			want := f(float64(v))
			if math.Abs(float64(y[i])-want) > 3e-7*math.Abs(want)+1e-37 {
				t.Fatalf("activation %d of %g = %g, want %g", a, v, y[i], want)
			}
			if kink(a, v) {
				continue
			}
			const h = 1e-6
			slope := (f(float64(v)+h) - f(float64(v)-h)) / (2 * h)
			if want := float64(g[i]) * slope; v < 3e38 && math.Abs(float64(dx[i])-want) > 2e-6*(1+math.Abs(want)) {
				t.Fatalf("gradient of activation %d at %g = %g, want %g", a, v, dx[i], want)
			}
		}
		inPlace := slices.Clone(x)
		kernel.Activate(inPlace, inPlace, a, slope)
		equalBits(t, "activation in place", inPlace, y)
		same := slices.Clone(g)
		kernel.ActivateGrad(same, same, in, a, slope)
		equalBits(t, "gradient in place", same, dx)
	}
}

// kink says whether a central difference would straddle a kink.
func kink(a kernel.Activation, v float32) bool {
	for _, at := range map[kernel.Activation][]float64{
		kernel.ReLU6: {0, 6}, kernel.LeakyReLU: {0}, kernel.HardSigmoid: {-3, 3}, kernel.HardSwish: {-3, 3},
	}[a] {
		if math.Abs(float64(v)-at) < 1e-5 {
			return true
		}
	}
	return false
}

func TestActivationsAtTheirLimits(t *testing.T) {
	t.Parallel()
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for a := range activations {
		x := []float32{nan, inf}
		kernel.Activate(x, x, a, slope)
		if x[0] == x[0] || x[1] != x[1] {
			t.Errorf("activation %d of NaN is %g, of infinity %g", a, x[0], x[1])
		}
		x = []float32{-88.5, -95, -120, 1e-39, -1e-39}
		g := slices.Repeat([]float32{1}, len(x))
		y := make([]float32, len(x))
		kernel.Activate(y, x, a, slope)
		if a == kernel.Sigmoid || a == kernel.SiLU {
			noDenormals(t, "an activation's result", y)
			if !a.GradOfInput() {
				x = y
			}
			kernel.ActivateGrad(g, g, x, a, slope)
			noDenormals(t, "an activation's gradient", g)
		}
	}
}

func TestMul(t *testing.T) {
	t.Parallel()
	const samples = 2
	for _, c := range []int{1, 5, 8, 20, 70} {
		for _, pixels := range []int{1, 9, 300} {
			x, s, g := random(1, samples*pixels*c), random(2, samples*c), random(3, samples*pixels*c)
			y, product, ds, want := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(s)), make([]float64, len(s))
			kernel.MulSpread(y, x, s, c, pixels)
			kernel.Mul(product, x, g)
			kernel.MulSpreadGrad(ds, g, x, c, pixels)
			for i, v := range x {
				at := i/(pixels*c)*c + i%c
				if y[i] != v*s[at] || product[i] != v*g[i] {
					t.Fatalf("%d channels of %d pixels: element %d is %g and %g, want %g and %g", c, pixels, i, y[i], product[i], v*s[at], v*g[i])
				}
				want[at] += float64(g[i]) * float64(v)
			}
			for i := range ds {
				if math.Abs(float64(ds[i])-want[i]) > 1e-4 {
					t.Fatalf("%d channels of %d pixels: gradient %d is %g, want %g", c, pixels, i, ds[i], want[i])
				}
			}
		}
	}
}

// plainLRN is the definition for one row.
func plainLRN(l kernel.LRN, x []float64) []float64 {
	y := make([]float64, len(x))
	for j := range x {
		sum := 0.0
		for i := j - l.Size/2; i <= j+(l.Size-1)/2; i++ {
			if i >= 0 && i < len(x) {
				sum += x[i] * x[i]
			}
		}
		y[j] = x[j] / math.Pow(l.Bias+l.Alpha/float64(l.Size)*sum, l.Beta)
	}
	return y
}

func TestLRNAndItsGradient(t *testing.T) {
	t.Parallel()
	for _, l := range []kernel.LRN{
		{Size: 5, Alpha: 0.3, Beta: 0.75, Bias: 1}, {Size: 1, Alpha: 1, Beta: 0.5, Bias: 2}, {Size: 4, Alpha: 0.7, Beta: 1, Bias: 1},
		{Size: 2, Alpha: 0.1, Beta: 0.6, Bias: 0.5}, {Size: 40, Alpha: 0.2, Beta: 0.75, Bias: 1},
	} {
		for _, c := range []int{1, 2, 4, 16, 33} {
			x, g := random(1, 3*c), random(2, 3*c)
			y, dx := make([]float32, 3*c), make([]float32, 3*c)
			l.Forward(y, x, c)
			l.Grad(dx, g, x, y, c)
			for r := range 3 {
				row := widen(x[r*c : (r+1)*c])
				for j, v := range plainLRN(l, row) {
					near(t, "LRN", r*c+j, y[r*c+j], v)
				}
				for j := range row {
					const h = 1e-5
					was, want := row[j], 0.0
					row[j] = was + h
					up := plainLRN(l, row)
					row[j] = was - h
					for i, v := range plainLRN(l, row) {
						want += float64(g[r*c+i]) * (up[i] - v) / (2 * h)
					}
					row[j] = was
					near(t, "LRN's gradient", r*c+j, dx[r*c+j], want)
				}
			}
		}
	}
}
