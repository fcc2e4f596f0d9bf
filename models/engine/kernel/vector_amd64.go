package kernel

import "github.com/klauspost/cpuid/v2"

//go:generate go run -C internal/avx2 . -out ../../avx2_amd64.s -stubs ../../avx2_amd64.go -pkg kernel

// hasAVX2 says whether the assembly can run here.
var hasAVX2 = cpuid.CPU.Supports(cpuid.AVX2)

// lanes is the vector length in elements.
const lanes = 8

// vectorized is how many of n elements the assembly does; the portable loop
// does the rest.
func vectorized(n int) int {
	if !hasAVX2 {
		return 0
	}
	return n &^ (lanes - 1)
}

func (s sgd) run() {
	n := vectorized(len(s.w))
	head := s.slice(0, n)
	switch {
	case n == 0:
	case s.v == nil:
		sgdPlainAVX2(head.w, head.g, s.lr, s.decay)
	case s.nesterov:
		sgdNesterovAVX2(head.w, head.v, head.g, s.lr, s.momentum, s.decay)
	default:
		sgdMomentumAVX2(head.w, head.v, head.g, s.lr, s.momentum, s.decay)
	}
	s.slice(n, len(s.w)).generic()
}

func (a adam) run() {
	n := vectorized(len(a.w))
	head := a.slice(0, n)
	if n > 0 {
		adamAVX2(head.w, head.m, head.v, head.g, a.beta1, a.rest1, a.beta2, a.rest2, a.step, a.root, a.eps, a.l2, a.shrink)
	}
	a.slice(n, len(a.w)).generic()
}

func maskOut(x []float32, mask []bool) {
	n := vectorized(len(x))
	if n > 0 {
		maskAVX2(x[:n], mask[:n])
	}
	maskGeneric(x[n:], mask[n:])
}

func addScaled(dst, x []float32, a float32) {
	n := vectorized(len(dst))
	if n > 0 {
		addScaledAVX2(dst[:n], x[:n], a)
	}
	addScaledGeneric(dst[n:], x[n:], a)
}

func addSign(dst, x []float32, a float32) {
	n := vectorized(len(dst))
	if n > 0 {
		addSignAVX2(dst[:n], x[:n], a)
	}
	addSignGeneric(dst[n:], x[n:], a)
}

func scale(x []float32, a float32) {
	n := vectorized(len(x))
	if n > 0 {
		scaleAVX2(x[:n], a)
	}
	scaleGeneric(x[n:], a)
}

func addSquares(x []float32, lane *[sumLanes]float64) {
	if hasAVX2 {
		sumSquaresAVX2(x, lane)
		return
	}
	addSquaresGeneric(x, lane)
}

func biasRow(y, bias []float32, relu bool) {
	n := vectorized(len(y))
	switch {
	case n == 0:
	case relu:
		biasReLUAVX2(y[:n], bias[:n])
	default:
		biasAVX2(y[:n], bias[:n])
	}
	biasRowGeneric(y[n:], bias[n:], relu)
}

func reluGrad(dst, g, y []float32) {
	n := vectorized(len(dst))
	if n > 0 {
		reluGradAVX2(dst[:n], g[:n], y[:n])
	}
	reluGradGeneric(dst[n:], g[n:], y[n:])
}

func relu(dst, x []float32) {
	n := vectorized(len(dst))
	if n > 0 {
		reluAVX2(dst[:n], x[:n])
	}
	reluGeneric(dst[n:], x[n:])
}

func add(dst, a, b []float32) {
	n := vectorized(len(dst))
	if n > 0 {
		addAVX2(dst[:n], a[:n], b[:n])
	}
	addGeneric(dst[n:], a[n:], b[n:])
}

func mul(dst, a, b []float32) {
	n := vectorized(len(dst))
	if n > 0 {
		mulAVX2(dst[:n], a[:n], b[:n])
	}
	mulGeneric(dst[n:], a[n:], b[n:])
}

func addTo(dst, x []float32) {
	n := vectorized(len(dst))
	if n > 0 {
		addToAVX2(dst[:n], x[:n])
	}
	addToGeneric(dst[n:], x[n:])
}

func dropout(dst, x []float32, key DropoutKey, offset uint32, threshold int32, scale float32) {
	n := vectorized(len(dst))
	if n > 0 {
		var first [8]uint32
		for i := range first {
			first[i] = offset + uint32(i) + key.a
		}
		dropoutAVX2(dst[:n], x[:n], &first, key.b, threshold, scale)
	}
	dropoutGeneric(dst[n:], x[n:], key, offset+uint32(n), threshold, scale)
}
