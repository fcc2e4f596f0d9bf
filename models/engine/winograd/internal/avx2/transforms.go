package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// A transform makes the code of a line's transform out of its constants. The
// code takes its values by number, once each, and gives the results in order.
type (
	transform func() line
	line      func(value func(i int) reg.VecVirtual) []reg.VecVirtual
)

// The constants of package winograd.
const (
	near, far           = 0.70710678118654752440, 1.41421356237309504880
	near3, far3         = near / 2, 2 * far
	scaleNear, scaleFar = -2.0 / 3, 1.0 / 6
)

var (
	inputs          = map[int]transform{2: input2, 4: input4}
	outputs         = map[int]transform{2: output2, 4: output4}
	gradients       = map[int]transform{2: gradient2, 4: gradient4}
	weights         = map[int]transform{2: weight2, 4: weight4}
	weightGradients = map[int]transform{2: weightGradient2, 4: weightGradient4}
)

func add(a, b reg.VecVirtual) reg.VecVirtual {
	y := YMM()
	VADDPS(b, a, y)
	return y
}

func sub(a, b reg.VecVirtual) reg.VecVirtual {
	y := YMM()
	VSUBPS(b, a, y)
	return y
}

func mul(a, b reg.VecVirtual) reg.VecVirtual {
	y := YMM()
	VMULPS(b, a, y)
	return y
}

// fma is a*b + c, fnma is c - a*b.
func fma(a, b, c reg.VecVirtual) reg.VecVirtual {
	y := YMM()
	VMOVAPS(c, y)
	VFMADD231PS(a, b, y)
	return y
}

func fnma(a, b, c reg.VecVirtual) reg.VecVirtual {
	y := YMM()
	VMOVAPS(c, y)
	VFNMADD231PS(a, b, y)
	return y
}

// both is even + a*odd and even - a*odd; it takes even's register.
func both(a, odd, even reg.VecVirtual) (plus, minus reg.VecVirtual) {
	plus = fma(a, odd, even)
	VFNMADD231PS(a, odd, even)
	return plus, even
}

func all(value func(i int) reg.VecVirtual, n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = value(i)
	}
	return v
}

func input2() line {
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		d := all(value, 4)
		return []reg.VecVirtual{sub(d[0], d[2]), add(d[1], d[2]), sub(d[2], d[1]), sub(d[3], d[1])}
	}
}

func output2() line {
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		m := all(value, 4)
		return []reg.VecVirtual{add(m[0], add(m[1], m[2])), add(sub(m[1], m[2]), m[3])}
	}
}

func gradient2() line {
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		g := all(value, 2)
		return []reg.VecVirtual{g[0], add(g[0], g[1]), sub(g[0], g[1]), g[1]}
	}
}

func weight2() line {
	half := every(0.5)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		w := all(value, 3)
		even := mul(half, add(w[0], w[2]))
		plus, minus := both(half, w[1], even)
		return []reg.VecVirtual{w[0], plus, minus, w[2]}
	}
}

func weightGradient2() line {
	half := every(0.5)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		d := all(value, 4)
		sum := add(d[1], d[2])
		return []reg.VecVirtual{fma(half, sum, d[0]), mul(half, sub(d[1], d[2])), fma(half, sum, d[3])}
	}
}

func input4() line {
	two, half, outer := every(2), every(0.5), every(2.5)
	a, b := every(near), every(far)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		d2, d4 := value(2), value(4)
		first := fnma(outer, d2, d4)
		first = add(first, value(0))
		even, even2 := fnma(two, d2, d4), fnma(half, d2, d4)
		d1, d3 := value(1), value(3)
		last := fnma(outer, d3, value(5))
		last = add(last, d1)
		odd, odd2 := fnma(two, d1, d3), fnma(half, d1, d3)
		plus, minus := both(a, odd, even)
		plus2, minus2 := both(b, odd2, even2)
		return []reg.VecVirtual{first, plus, minus, plus2, minus2, last}
	}
}

func output4() line {
	two, half, a, b, a3, b3 := every(2), every(0.5), every(near), every(far), every(near3), every(far3)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		m1, m2 := value(1), value(2)
		sum, difference := add(m1, m2), sub(m1, m2)
		m3, m4 := value(3), value(4)
		sum2, difference2 := add(m3, m4), sub(m3, m4)
		return []reg.VecVirtual{
			add(value(0), add(sum, sum2)),
			fma(b, difference2, mul(a, difference)),
			fma(two, sum2, mul(half, sum)),
			fma(b3, difference2, fma(a3, difference, value(5))),
		}
	}
}

func gradient4() line {
	two, half, a, b := every(2), every(0.5), every(near), every(far)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		g := all(value, 4)
		even, odd := fma(half, g[2], g[0]), fma(half, g[3], g[1])
		even2, odd2 := fma(two, g[2], g[0]), fma(two, g[3], g[1])
		plus, minus := both(a, odd, even)
		plus2, minus2 := both(b, odd2, even2)
		return []reg.VecVirtual{g[0], plus, minus, plus2, minus2, g[3]}
	}
}

func weight4() line {
	two, half, n, f := every(2), every(0.5), every(scaleNear), every(scaleFar)
	a, b := every(scaleNear*near), every(scaleFar*far)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		w := all(value, 3)
		plus, minus := both(a, w[1], mul(n, fma(half, w[2], w[0])))
		plus2, minus2 := both(b, w[1], mul(f, fma(two, w[2], w[0])))
		return []reg.VecVirtual{w[0], plus, minus, plus2, minus2, w[2]}
	}
}

func weightGradient4() line {
	n, f, a, b := every(scaleNear), every(scaleFar), every(scaleNear*near), every(scaleFar*far)
	n2, f2 := every(0.5*scaleNear), every(2*scaleFar)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		d1, d2 := value(1), value(2)
		sum, difference := add(d1, d2), sub(d1, d2)
		d3, d4 := value(3), value(4)
		sum2, difference2 := add(d3, d4), sub(d3, d4)
		return []reg.VecVirtual{
			fma(f, sum2, fma(n, sum, value(0))),
			fma(b, difference2, mul(a, difference)),
			fma(f2, sum2, fma(n2, sum, value(5))),
		}
	}
}
