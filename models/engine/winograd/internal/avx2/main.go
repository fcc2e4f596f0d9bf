// Command avx2 writes the AVX2 bodies of package winograd. The transforms work on
// vectors of 8 channels and does the same roundings in the same order as the
// portable loop of that name. A tile is transformed along its columns into
// scratch and along its rows from there.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const width = 32 // bytes of a vector

func main() {
	ConstraintExpr("amd64")
	for _, side := range []int{2, 4} {
		name := map[int]string{2: "2", 4: "4"}[side]
		analyse("analyseInput"+name+"AVX2", side+2, side+2, inputs[side])
		analyse("analyseGradient"+name+"AVX2", side, side+2, gradients[side])
		for _, e := range epilogues {
			synthesise("synthesise"+e.name+name+"AVX2", side, outputs[side], e)
		}
		for _, stream := range []bool{false, true} {
			prefix := map[bool]string{false: "pack", true: "stream"}[stream]
			pack(prefix+name+"AVX2", side+2, weights[side], false, stream)
			pack(prefix+"Rotated"+name+"AVX2", side+2, weights[side], true, stream)
		}
		finish("finish"+name+"AVX2", side+2, weightGradients[side])
	}
	for m := range maxRows {
		multiply(m)
		correlate(m + 1)
	}
	Generate()
}

// text begins a function of a pointer to its arguments, which the generator
// need not know as a type, and returns the pointer. An argument is a word.
// Those that move are copied to words of the assembly's own, which are no
// pointers to Go: at the end they are beyond what they pointed to.
func text(name string, own int, moving ...int) arguments {
	TEXT(name, NOSPLIT, "func(args *byte)")
	Pragma("noescape")
	a := arguments{Load(Param("args"), GP64()), make(map[int]int)}
	for i, m := range moving {
		MOVQ(a.get(m), a.at(own+i))
	}
	for i, m := range moving {
		a.moved[m] = own + i
	}
	return a
}

type arguments struct {
	base  reg.Register
	moved map[int]int // where an argument's copy is
}

func (a arguments) at(i int) Mem {
	if to, ok := a.moved[i]; ok {
		i = to
	}
	return Mem{Base: a.base, Disp: 8 * i}
}

func (a arguments) get(i int) reg.GPVirtual {
	g := GP64()
	MOVQ(a.at(i), g)
	return g
}

func end() {
	VZEROUPPER()
	RET()
}

func copyOf(g reg.Register) reg.GPVirtual {
	c := GP64()
	MOVQ(g, c)
	return c
}

// every broadcasts a constant to all lanes.
func every(v float64) reg.VecVirtual {
	g, x, y := GP32(), XMM(), YMM()
	MOVL(U32(math.Float32bits(float32(v))), g)
	VMOVD(g, x)
	VBROADCASTSS(x, y)
	return y
}

func load(m Mem) reg.VecVirtual {
	y := YMM()
	VMOVUPS(m, y)
	return y
}

func zero() reg.VecVirtual {
	y := YMM()
	VXORPS(y, y, y)
	return y
}

// strides are multiples of a distance, for elements 0 to 5 from a base.
type strides struct{ one, three, five reg.GPVirtual }

func newStrides(one reg.GPVirtual, n int) strides {
	s := strides{one: one, three: GP64()}
	LEAQ(Mem{Base: one, Index: one, Scale: 2}, s.three)
	if n > 5 {
		s.five = GP64()
		LEAQ(Mem{Base: one, Index: one, Scale: 4}, s.five)
	}
	return s
}

func (s strides) at(base reg.Register, i int) Mem {
	switch i {
	case 0:
		return Mem{Base: base}
	case 3:
		return Mem{Base: base, Index: s.three, Scale: 1}
	case 5:
		return Mem{Base: base, Index: s.five, Scale: 1}
	}
	return Mem{Base: base, Index: s.one, Scale: uint8(i)}
}

// skip moves a base over n elements.
func (s strides) skip(base reg.Register, n int) {
	if n == 6 {
		LEAQ(Mem{Base: base, Index: s.three, Scale: 2}, base)
	} else {
		LEAQ(Mem{Base: base, Index: s.one, Scale: uint8(n)}, base)
	}
}

// times is a distance of n elements.
func times(one reg.Register, n int) reg.GPVirtual {
	g := GP64()
	IMUL3Q(I8(n), one, g)
	return g
}
