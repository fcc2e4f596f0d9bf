// Command simd writes the AVX2 and AVX-512 bodies of package sparse. Each sum
// is a chain, or a fixed number of chains, of fused multiply-adds in the order
// of the portable loops.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	gatherAVX2()
	gatherAVX512()
	for _, s := range []shape{{8, 1}, {4, 1}, {2, 1}, {1, 1}, {2, 2}, {1, 4}} {
		lanes(s)
	}
	transpose()
	Generate()
}

// text begins a function of a pointer to its arguments, which the generator
// need not know as a type.
func text(name string) {
	TEXT(name, NOSPLIT, "func(args *byte)")
	Pragma("noescape")
}

// Arguments in the order of the structs, a word each.
const (
	argKind = iota
	argRows
	argStarts
	argColumns
	argValues
	argBook
	argScale
	argBias
	argY
)

// slot is where an argument lies.
func slot(i int) Mem {
	g := GP64()
	Load(Param("args"), g)
	return Mem{Base: g, Disp: 8 * i}
}

// arg loads an argument.
func arg(i int) reg.GPVirtual {
	g := GP64()
	MOVQ(slot(i), g)
	return g
}

// form is how the entries of a matrix are written.
type form struct {
	name  string
	index string // "16", "32" or "" where every element is an entry
	coded bool
	small bool // a codebook that fits into two registers
}

// dispatch jumps to the body for the kind of matrix, and returns after it.
func dispatch(forms []form, body func(form)) {
	kind := arg(argKind)
	for i, f := range forms[1:] {
		CMPQ(kind, I32(i+1))
		JE(LabelRef(f.name))
	}
	for i, f := range forms {
		if i > 0 {
			Label(f.name)
		}
		body(f)
		VZEROUPPER()
		RET()
	}
}

// eachRow emits a loop over the rows. body sums the entries from to end.
func eachRow(f form, body func(from, end reg.GPVirtual)) {
	Label(f.name + "_row")
	starts := arg(argStarts)
	from, end := GP64(), GP64()
	MOVLQSX(Mem{Base: starts}, from)
	MOVLQSX(Mem{Base: starts, Disp: 4}, end)
	body(from, end)
	for _, i := range []int{argStarts, argScale, argBias} {
		ADDQ(U8(4), slot(i))
	}
	DECQ(slot(argRows))
	JNZ(LabelRef(f.name + "_row"))
}
