package kernel

import "math"

// The portable loops. Each product is converted to float32 before it is added,
// which forbids the compiler to fuse the two (as it would on arm64), so that
// these loops and the assembly agree to the bit. NaN's payload is not counted.

// flush sets what is denormal to 0. A momentum whose gradient stays 0 decays
// into the denormal numbers, with which some processors compute many times
// more slowly, and there it would stay.
func flush(x float32) float32 {
	const smallest = 0x1p-126
	if x < smallest && x > -smallest {
		return 0
	}
	return x
}

type sgd struct {
	w, v, g             []float32
	lr, momentum, decay float32
	nesterov            bool
}

func (s sgd) slice(lo, hi int) sgd {
	s.w, s.g = s.w[lo:hi], s.g[lo:hi]
	if s.v != nil {
		s.v = s.v[lo:hi]
	}
	return s
}

func (s sgd) generic() {
	w, v, g := s.w, s.v, s.g
	for i := range w {
		d := g[i] + float32(s.decay*w[i])
		step := d
		if v != nil {
			v[i] = flush(float32(s.momentum*v[i]) + d)
			step = v[i]
			if s.nesterov {
				step = d + float32(s.momentum*v[i])
			}
		}
		w[i] = flush(w[i] - float32(s.lr*step))
	}
}

type adam struct {
	w, m, v, g      []float32
	beta1, beta2    float32
	rest1, rest2    float32 // 1-beta1, 1-beta2
	step, root, eps float32 // lr/bias1, sqrt(bias2)
	l2, shrink      float32 // added to the gradient; factor on the weight
}

func newAdam(lr, beta1, beta2, eps, decay float32, decoupled bool, bias1, bias2 float32) adam {
	a := adam{beta1: beta1, beta2: beta2, rest1: 1 - beta1, rest2: 1 - beta2, eps: eps, shrink: 1, l2: decay}
	a.step = lr / bias1
	a.root = float32(math.Sqrt(float64(bias2)))
	if decoupled {
		a.l2, a.shrink = 0, 1-float32(lr*decay)
	}
	return a
}

func (a adam) slice(lo, hi int) adam {
	a.w, a.m, a.v, a.g = a.w[lo:hi], a.m[lo:hi], a.v[lo:hi], a.g[lo:hi]
	return a
}

func (a adam) generic() {
	w, m, v, g := a.w, a.m, a.v, a.g
	for i := range w {
		d := g[i] + float32(a.l2*w[i])
		m[i] = flush(float32(a.beta1*m[i]) + float32(a.rest1*d))
		v[i] = flush(float32(a.beta2*v[i]) + float32(a.rest2*float32(d*d)))
		denominator := float32(math.Sqrt(float64(v[i])))/a.root + a.eps
		w[i] = flush(float32(a.shrink*w[i]) - float32(a.step*m[i])/denominator)
	}
}

func maskGeneric(x []float32, mask []bool) {
	for i, stays := range mask[:len(x)] {
		if !stays {
			x[i] = 0
		}
	}
}

func addScaledGeneric(dst, x []float32, a float32) {
	for i, v := range x[:len(dst)] {
		dst[i] += float32(a * v)
	}
}

func addSignGeneric(dst, x []float32, a float32) {
	for i, v := range x[:len(dst)] {
		var up, down float32
		if v > 0 {
			up = a
		}
		if v < 0 {
			down = a
		}
		dst[i] = dst[i] + up - down
	}
}

func scaleGeneric(x []float32, a float32) {
	for i := range x {
		x[i] *= a
	}
}

func softThreshold(x []float32, a float32) {
	for i, v := range x {
		switch {
		case v > a:
			x[i] = flush(v - a)
		case v < -a:
			x[i] = flush(v + a)
		case v == v:
			x[i] = 0
		}
	}
}

// sumLanes is the number of partial sums of a block: two AVX2 registers of
// float64, so that the additions do not wait for one another.
const sumLanes = 8

func sumSquares(x []float32) float64 {
	var lane [sumLanes]float64
	whole := len(x) - len(x)%sumLanes
	addSquares(x[:whole], &lane)
	for j, v := range x[whole:] {
		lane[j] += float64(v) * float64(v)
	}
	sum := 0.0
	for _, l := range lane {
		sum += l
	}
	return sum
}

// addSquaresGeneric adds to each lane; len(x) is a multiple of their number.
func addSquaresGeneric(x []float32, lane *[sumLanes]float64) {
	for ; len(x) > 0; x = x[sumLanes:] {
		for j := range lane {
			v := float64(x[j])
			lane[j] += v * v // exact, for a float32's square fits a float64
		}
	}
}
