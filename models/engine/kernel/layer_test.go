package kernel_test

import (
	"math"
	"slices"
	"testing"

	"espalier/models/engine/kernel"
)

func TestBiasReLU(t *testing.T) {
	t.Parallel()
	for _, width := range sizes[1:9] {
		const rows = 3
		for _, relu := range []bool{false, true} {
			y, bias := random(1, rows*width), random(2, width)
			was := slices.Clone(y)
			kernel.BiasReLU(y, bias, relu)
			for i := range y {
				want := was[i] + bias[i%width]
				if relu {
					want = max(want, 0)
				}
				if y[i] != want {
					t.Fatalf("width %d, relu %v: y[%d] = %g, want %g", width, relu, i, y[i], want)
				}
			}
		}
	}
}

func TestReLUAndItsGradient(t *testing.T) {
	t.Parallel()
	for _, n := range sizes {
		x, g := random(1, n), random(2, n)
		if n > 2 {
			x[0], x[1] = 0, float32(math.Copysign(0, -1))
		}
		y, dx := make([]float32, n), make([]float32, n)
		kernel.ReLU(y, x)
		kernel.ReLUGrad(dx, g, y)
		for i := range x {
			wantY, wantDX := float32(0), float32(0)
			if x[i] > 0 {
				wantY, wantDX = x[i], g[i]
			}
			if y[i] != wantY || dx[i] != wantDX {
				t.Fatalf("x[%d] = %g: relu %g, gradient %g, want %g, %g", i, x[i], y[i], dx[i], wantY, wantDX)
			}
		}
		kernel.ReLUGrad(g, g, y) // in place
		equalBits(t, "gradient in place", g, dx)
	}
}

func TestNaNSurvivesActivation(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	y := slices.Repeat([]float32{nan, 1}, 9)
	kernel.BiasReLU(y, make([]float32, 18), true)
	kernel.ReLU(y, y)
	for i := 0; i < len(y); i += 2 {
		if y[i] == y[i] {
			t.Errorf("y[%d] = %g, want NaN", i, y[i])
		}
	}
}

func TestSumRowsAndAdd(t *testing.T) {
	t.Parallel()
	for _, width := range sizes[1:9] {
		const rows, beyond = 5, 3
		stride := width + beyond
		x, dst := random(1, rows*stride), random(2, width)
		kernel.SumRows(dst, x, rows, stride)
		for j := range dst {
			want := 0.0
			for r := range rows {
				want += float64(x[r*stride+j])
			}
			near(t, "SumRows", j, dst[j], want)
		}
		a, b := random(3, width), random(4, width)
		kernel.Add(dst, a, b)
		for j := range dst {
			near(t, "Add", j, dst[j], float64(a[j])+float64(b[j]))
		}
	}
}

func TestDropoutMaskIsAFunctionOfKeyAndPosition(t *testing.T) {
	t.Parallel()
	const n = 1000
	x, whole := random(1, n), make([]float32, n)
	key := kernel.NewDropoutKey(7, "drop", 3)
	kernel.Dropout(whole, x, key, 0, 0.3)
	for _, cut := range []int{1, 8, 13, 500, 999} {
		parts := make([]float32, n)
		kernel.Dropout(parts[:cut], x[:cut], key, 0, 0.3)
		kernel.Dropout(parts[cut:], x[cut:], key, cut, 0.3)
		equalBits(t, "dropout in two parts", parts, whole)
	}
	for name, other := range map[string]kernel.DropoutKey{
		"seed": kernel.NewDropoutKey(8, "drop", 3), "name": kernel.NewDropoutKey(7, "drop2", 3), "step": kernel.NewDropoutKey(7, "drop", 4),
	} {
		y := make([]float32, n)
		if kernel.Dropout(y, x, other, 0, 0.3); slices.Equal(y, whole) {
			t.Errorf("another %s draws the same mask", name)
		}
	}
}

// The largest rate below 1 does not wrap around to 0.
func TestDropoutOfNearlyAll(t *testing.T) {
	t.Parallel()
	x := make([]float32, 1000)
	for i := range x {
		x[i] = 1
	}
	kernel.Dropout(x, x, kernel.NewDropoutKey(1, "d", 1), 0, math.Nextafter(1, 0))
	for i, v := range x {
		if v != 0 {
			t.Fatalf("element %d is %g, want 0", i, v)
		}
	}
}

// The share that falls, the mean, and the independence of neighbours and of
// following steps are within five standard deviations of what chance gives.
func TestDropoutIsRandom(t *testing.T) {
	t.Parallel()
	const n = 1 << 18
	ones, y, next := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	for _, rate := range []float64{0.1, 0.5, 0.9} {
		kernel.Dropout(y, ones, kernel.NewDropoutKey(1, "d", 1), 0, rate)
		kernel.Dropout(next, ones, kernel.NewDropoutKey(1, "d", 2), 0, rate)
		var fell, pairs, repeats, sum float64
		for i := range y {
			sum += float64(y[i])
			if y[i] != 0 {
				continue
			}
			fell++
			if i > 0 && y[i-1] == 0 {
				pairs++
			}
			if next[i] == 0 {
				repeats++
			}
		}
		within := func(what string, got, p float64) {
			if sigma := math.Sqrt(n * p * (1 - p)); math.Abs(got-n*p) > 5*sigma {
				t.Errorf("rate %g: %s %g, want %g within %g", rate, what, got, n*p, 5*sigma)
			}
		}
		within("elements fell:", fell, rate)
		within("neighbours fell:", pairs, rate*rate)
		within("fell in both steps:", repeats, rate*rate)
		if mean := sum / n; math.Abs(mean-1) > 5*math.Sqrt(rate/(1-rate)/n) {
			t.Errorf("rate %g: mean %g, want 1", rate, mean)
		}
	}
}

// What is denormal slows some processors down many times, and stays so for
// ever where a gradient is 0; no kernel may leave it behind.
func TestNoDenormalsAreLeft(t *testing.T) {
	t.Parallel()
	const n = 37
	tiny := slices.Repeat([]float32{1e-39, -1e-39, 2e-38}, 13)[:n]
	zero := make([]float32, n)
	w, m, v := slices.Clone(tiny), slices.Clone(tiny), slices.Clone(tiny)
	for i := range v {
		v[i] = max(v[i], -v[i])
	}
	kernel.SGD(w, m, zero, 0.1, 0.5, 0, false)
	noDenormals(t, "SGD's weights", w)
	noDenormals(t, "SGD's momentum", m)
	w, m = slices.Clone(tiny), slices.Clone(tiny)
	kernel.Adam(w, m, v, zero, 0.1, 0.5, 0.5, 1e-8, 0, false, 0.5, 0.5)
	noDenormals(t, "Adam's weights", w)
	noDenormals(t, "Adam's first moment", m)
	noDenormals(t, "Adam's second moment", v)
	grad := make([]float32, 3)
	kernel.CrossEntropyGrad(grad, []float32{0, -95, -80}, 0, 0, 1e-3)
	noDenormals(t, "the logits' gradient", grad)
}

func noDenormals(t *testing.T, what string, x []float32) {
	t.Helper()
	for i, v := range x {
		if v != 0 && v < 0x1p-126 && v > -0x1p-126 {
			t.Errorf("%s: element %d is %g, which is denormal", what, i, v)
		}
	}
}

func TestUnequalLengthsPanic(t *testing.T) {
	t.Parallel()
	a, b := make([]float32, 64), make([]float32, 64)[:63]
	for name, call := range map[string]func(){
		"SGD": func() { kernel.SGD(a, a, b, 1, 1, 1, false) }, "SGD's momentum": func() { kernel.SGD(a, b, a, 1, 1, 1, false) },
		"Adam":     func() { kernel.Adam(a, a, b, a, 1, 1, 1, 1, 1, false, 1, 1) },
		"Mask":     func() { kernel.Mask(a, make([]bool, 63)) },
		"ReLUGrad": func() { kernel.ReLUGrad(a, a, b) }, "AddScaled": func() { kernel.AddScaled(a, b, 1) }, "AddSign": func() { kernel.AddSign(a, b, 1) },
		"ReLU": func() { kernel.ReLU(a, b) }, "Add": func() { kernel.Add(a, a, b) },
		"ScaleShift": func() { kernel.ScaleShift(a, b, a[:8], a[:8], nil, false) }, "ScaleShift's residual": func() { kernel.ScaleShift(a, a, a[:8], a[:8], b, false) },
		"NormGradX": func() { kernel.NormGradX(a, a, a, a[:8], a[:8], a[:7]) }, "ToNHWC": func() { kernel.ToNHWC(a, b, 8, 8) },
		"ChannelMoments": func() { kernel.ChannelMoments(make([]float64, 8), make([]float64, 8), 0, b, 8) },
		"MaxPool": func() {
			kernel.MaxPool(a[:16], b, kernel.Window{H: 8, W: 8, C: 1, OH: 4, OW: 4, Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}})
		},
		"Dropout": func() { kernel.Dropout(a, b, kernel.DropoutKey{}, 0, 0.5) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took slices of 64 and 63 elements", name)
				}
			}()
			call()
		}()
	}
}

func TestKernelsAllocateNothing(t *testing.T) {
	w, v, g, mask := make([]float32, 1<<16), make([]float32, 1<<16), make([]float32, 1<<16), make([]bool, 1<<16)
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	const c, rows = 20, 256
	y, m, s := make([]float32, rows*c), make([]float64, c), make([]float64, c)
	win := kernel.Window{H: 16, W: 16, C: c, OH: 8, OW: 8, Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1}}
	lrn := kernel.LRN{Size: 5, Alpha: 1, Beta: 0.75, Bias: 1}
	image, pooled, channels := w[:rows*c], g[:64*c], []int32{3, 4, 5, -1, 0}
	allocs := testing.AllocsPerRun(20, func() {
		kernel.ChannelMoments(m, s, 0, image, rows)
		kernel.MergeMoments(m, s, rows, s, m, rows)
		kernel.ScaleShift(y, image, v[:c], v[:c], nil, true)
		kernel.NormGradSums(m, s, y, image, v[:c], rows)
		kernel.NormGradX(y, y, image, v[:c], v[:c], v[:c])
		kernel.MaxPool(pooled, image, win)
		kernel.MaxPoolGrad(y, pooled, image, pooled, win)
		kernel.AvgPool(pooled, image, win)
		kernel.AvgPoolGrad(y, pooled, win)
		kernel.GlobalAvgPool(v[:c], image, c, rows)
		kernel.GlobalAvgPoolGrad(y, v[:c], c, rows)
		kernel.ToNHWC(y, image, c, rows)
		kernel.ToNCHW(y, image, c, rows)
		kernel.SelectChannels(g[:rows*5], image, rows, c, channels)
		kernel.SelectChannelsGrad(y, g[:rows*5], rows, c, channels)
		kernel.MulSpread(y, image, v[:c], c, rows)
		kernel.MulSpreadGrad(v[:c], y, image, c, rows)
		kernel.Activate(y, image, kernel.SiLU, 0)
		kernel.ActivateGrad(y, y, image, kernel.SiLU, 0)
		lrn.Forward(y, image, c)
		lrn.Grad(y, y, image, image, c)
		kernel.CrossEntropyGrad(y[:c], image[:c], 1, 0.1, 1)
		kernel.SGD(w, v, g, 0.1, 0.9, 0, false)
		kernel.Mask(w, mask)
		kernel.SumSquares(g)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
