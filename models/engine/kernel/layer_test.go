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

func TestCrossEntropy(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		logits  []float32
		label   int32
		loss    float64
		correct bool
	}{
		{"even", []float32{1, 1, 1, 1}, 0, math.Log(4), true},
		{"even, not the first", []float32{1, 1, 1, 1}, 2, math.Log(4), false},
		{"large logits", []float32{1e4, 0}, 1, 1e4, false},
		{"sure", []float32{-50, 50}, 1, 0, true},
		{"one class", []float32{3}, 0, 0, true},
	}
	for _, c := range cases {
		loss, correct := kernel.CrossEntropy(c.logits, c.label, 0)
		if math.Abs(float64(loss)-c.loss) > 1e-6*(1+c.loss) || correct != c.correct {
			t.Errorf("%s: loss %g, correct %v, want %g, %v", c.name, loss, correct, c.loss, c.correct)
		}
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		for i := range 3 {
			logits := []float32{0, 1, 2}
			logits[i] = bad
			if loss, _ := kernel.CrossEntropy(logits, 1, 0); loss == loss {
				t.Errorf("logits %v: loss %g, want NaN", logits, loss)
			}
		}
	}
}

func TestCrossEntropyGradAgreesWithDifferences(t *testing.T) {
	t.Parallel()
	const label, h = 4, 1e-2
	for _, smoothing := range []float64{0, 0.1, 0.9} {
		logits, grad := random(1, 11), make([]float32, 11)
		kernel.CrossEntropyGrad(grad, logits, label, smoothing, 0.5)
		sum := 0.0
		for i := range logits {
			was := logits[i]
			logits[i] = was + h
			up, _ := kernel.CrossEntropy(logits, label, smoothing)
			logits[i] = was - h
			down, _ := kernel.CrossEntropy(logits, label, smoothing)
			logits[i] = was
			if want := 0.5 * float64(up-down) / (2 * h); math.Abs(float64(grad[i])-want) > 1e-4 {
				t.Errorf("smoothing %g: gradient %d = %g, want %g", smoothing, i, grad[i], want)
			}
			sum += float64(grad[i])
		}
		if math.Abs(sum) > 1e-7 {
			t.Errorf("smoothing %g: gradients add up to %g, want 0", smoothing, sum)
		}
	}
}

// The loss with smoothing is the cross-entropy with the target that has that
// share spread evenly: PyTorch's CrossEntropyLoss(label_smoothing).
func TestLabelSmoothing(t *testing.T) {
	t.Parallel()
	logits := []float32{2, -1, 0.5, 30}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v))
	}
	for _, smoothing := range []float64{0.1, 0.5, 1} {
		for label := range int32(4) {
			want := 0.0
			for i, v := range logits {
				target := smoothing / 4
				if int32(i) == label {
					target += 1 - smoothing
				}
				want -= target * (float64(v) - math.Log(sum))
			}
			if loss, correct := kernel.CrossEntropy(logits, label, smoothing); math.Abs(float64(loss)-want) > 1e-5 || correct != (label == 3) {
				t.Errorf("smoothing %g, label %d: loss %g, %v, want %g", smoothing, label, loss, correct, want)
			}
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
		kernel.SGD(w, v, g, 0.1, 0.9, 0, false)
		kernel.Mask(w, mask)
		kernel.SumSquares(g)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
