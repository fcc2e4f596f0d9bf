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
		even, odd := mul(half, add(w[0], w[2])), mul(half, w[1])
		return []reg.VecVirtual{w[0], add(even, odd), sub(even, odd), w[2]}
	}
}

func weightGradient2() line {
	half := every(0.5)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		d := all(value, 4)
		sum := mul(half, add(d[1], d[2]))
		return []reg.VecVirtual{add(d[0], sum), mul(half, sub(d[1], d[2])), add(d[3], sum)}
	}
}

func input4() line {
	two, half, outer, a, b := every(2), every(0.5), every(2.5), every(near), every(far)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		d2, d4 := value(2), value(4)
		even, even2 := sub(d4, mul(two, d2)), sub(d4, mul(half, d2))
		first := add(sub(d4, mul(outer, d2)), value(0))
		d1, d3 := value(1), value(3)
		odd, odd2 := mul(a, sub(d3, mul(two, d1))), mul(b, sub(d3, mul(half, d1)))
		last := add(sub(value(5), mul(outer, d3)), d1)
		return []reg.VecVirtual{
			first, add(even, odd), sub(even, odd), add(even2, odd2), sub(even2, odd2), last,
		}
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
			add(mul(a, difference), mul(b, difference2)),
			add(mul(half, sum), mul(two, sum2)),
			add(add(value(5), mul(a3, difference)), mul(b3, difference2)),
		}
	}
}

func gradient4() line {
	two, half, a, b := every(2), every(0.5), every(near), every(far)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		g := all(value, 4)
		even, even2 := add(g[0], mul(half, g[2])), add(g[0], mul(two, g[2]))
		odd, odd2 := mul(a, add(g[1], mul(half, g[3]))), mul(b, add(g[1], mul(two, g[3])))
		return []reg.VecVirtual{
			g[0], add(even, odd), sub(even, odd), add(even2, odd2), sub(even2, odd2), g[3],
		}
	}
}

func weight4() line {
	two, half, n, f := every(2), every(0.5), every(scaleNear), every(scaleFar)
	a, b := every(scaleNear*near), every(scaleFar*far)
	return func(value func(int) reg.VecVirtual) []reg.VecVirtual {
		w := all(value, 3)
		even, odd := mul(n, add(w[0], mul(half, w[2]))), mul(a, w[1])
		plus, minus := add(even, odd), sub(even, odd)
		even2, odd2 := mul(f, add(w[0], mul(two, w[2]))), mul(b, w[1])
		return []reg.VecVirtual{w[0], plus, minus, add(even2, odd2), sub(even2, odd2), w[2]}
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
			add(add(value(0), mul(n, sum)), mul(f, sum2)),
			add(mul(a, difference), mul(b, difference2)),
			add(add(value(5), mul(n2, sum)), mul(f2, sum2)),
		}
	}
}
