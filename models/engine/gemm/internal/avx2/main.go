// Command avx2 writes the AVX2 bodies of package gemm. Each element of a
// product is one chain of fused multiply-adds in the order of the portable
// loops.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	maxRows = 6  // rows of a tile: 6x16 leaves 4 of the 16 registers
	vector  = 32 // bytes
	panel   = 64 // bytes of a row of a panel
	lanes   = 8
	chunk   = 24 // elements of a row that gather copies
)

func main() {
	ConstraintExpr("amd64")
	for nv := 2; nv > 0; nv-- {
		for m := maxRows; m > 0; m-- {
			mul(m, nv)
		}
	}
	for _, s := range []struct {
		nv     int
		masked bool
	}{{2, false}, {2, true}, {1, true}} {
		for m := maxRows; m > 0; m-- {
			mulT(m, s.nv, s.masked)
		}
	}
	gather("gatherAVX2", chunk)
	gather("gatherPanelAVX2", panel/4)
	packT()
	unpackT()
	Generate()
}

// text begins a function of a pointer to its arguments, which the generator
// need not know as a type.
func text(name string) {
	TEXT(name, NOSPLIT, "func(args *byte)")
	Pragma("noescape")
}

// Arguments in the order of the structs mulArgs and mulTArgs, a word each.
const (
	argC = iota
	argRows
	argTiles
	argA
	argARows
	argTaps
	argNTaps
	argSpan
	argB
	argMask
	argBias
	argFrom
	argReLU
)

const (
	argAt = argTaps + iota
	argLdc
	argN
	argG
)

// arg loads an argument.
func arg(i int) reg.GPVirtual {
	g := GP64()
	Load(Param("args"), g)
	MOVQ(Mem{Base: g, Disp: 8 * i}, g)
	return g
}

// tile is m x nv vectors of sums.
type tile [][]reg.VecVirtual

func newTile(m, nv int) tile {
	t := make(tile, m)
	for i := range t {
		t[i] = make([]reg.VecVirtual, nv)
		for v := range t[i] {
			t[i][v] = YMM()
		}
	}
	return t
}

func (t tile) zero() {
	for _, row := range t {
		for _, sum := range row {
			VXORPS(sum, sum, sum)
		}
	}
}

// step adds the products of m values and a row of nv vectors.
func (t tile) step(value func(i int) Mem, row []reg.VecVirtual) {
	for i := range t {
		x := YMM()
		VBROADCASTSS(value(i), x)
		for v, sum := range t[i] {
			VFMADD231PS(row[v], x, sum)
		}
	}
}

// columns moves the nv vectors of a row; the last one only as far as its mask
// says, where there is one.
type columns struct {
	nv   int
	mask reg.VecVirtual
}

func (c columns) load(row []reg.VecVirtual, at Mem) {
	for v := range row {
		if c.mask != nil && v == c.nv-1 {
			VMASKMOVPS(at.Offset(v*vector), c.mask, row[v])
		} else {
			VMOVUPS(at.Offset(v*vector), row[v])
		}
	}
}

func (c columns) store(row []reg.VecVirtual, at Mem) {
	for v, sum := range row {
		if c.mask != nil && v == c.nv-1 {
			VMASKMOVPS(sum, c.mask, at.Offset(v*vector))
		} else {
			VMOVUPS(sum, at.Offset(v*vector))
		}
	}
}

func mask() reg.VecVirtual {
	m := YMM()
	VMOVDQU(Mem{Base: arg(argMask)}, m)
	return m
}

// address is base + 4*table[i].
func address(base, table reg.Register, i int) reg.GPVirtual {
	p := GP64()
	MOVLQSX(Mem{Base: table, Disp: 4 * i}, p)
	LEAQ(Mem{Base: base, Index: p, Scale: 4}, p)
	return p
}

// mul walks down a panel with tiles of m rows.
func mul(m, nv int) {
	text(fmt.Sprintf("mul%dx%dAVX2", m, nv))
	rows, aRows, tiles := arg(argRows), arg(argARows), arg(argTiles)
	Label("tile")
	t := newTile(m, nv)
	branch(argFrom, "begin",
		t.zero,
		func() { each(nv, "begin", func(c columns) { t.load(c, rows) }) })
	products(t, aRows)
	each(nv, "end", func(c columns) { t.finish(c, rows) })
	ADDQ(I32(4*m), rows)
	ADDQ(I32(4*m), aRows)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// branch does no where the argument is 0, yes where it is not.
func branch(i int, label string, no, yes func()) {
	label = fmt.Sprintf("%s_%d", label, i)
	f := arg(i)
	TESTQ(f, f)
	JNZ(LabelRef(label))
	no()
	JMP(LabelRef(label + "_done"))
	Label(label)
	yes()
	Label(label + "_done")
}

// each emits body for whole columns and for columns under the mask, where
// there is one at run time.
func each(nv int, label string, body func(columns)) {
	branch(argMask, label,
		func() { body(columns{nv: nv}) },
		func() { body(columns{nv: nv, mask: mask()}) })
}

// load begins the sums with what from held.
func (t tile) load(c columns, rows reg.Register) {
	base := arg(argFrom)
	for i := range t {
		c.load(t[i], Mem{Base: address(base, rows, i)})
	}
}

// finish adds the bias, cuts off what is negative and stores.
func (t tile) finish(c columns, rows reg.Register) {
	label := "whole"
	if c.mask != nil {
		label = "part"
	}
	branch(argBias, label, func() {}, func() {
		b := newTile(1, c.nv)[0]
		c.load(b, Mem{Base: arg(argBias)})
		for i := range t {
			for v, sum := range t[i] {
				VADDPS(b[v], sum, sum)
			}
		}
	})
	branch(argReLU, label, func() {}, func() {
		zero := YMM()
		VXORPS(zero, zero, zero)
		for i := range t {
			for _, sum := range t[i] {
				VMAXPS(sum, zero, sum) // gives sum where it is NaN
			}
		}
	})
	base := arg(argC)
	for i := range t {
		c.store(t[i], Mem{Base: address(base, rows, i)})
	}
}

// products runs over the inner index: taps, and within one its span.
func products(t tile, aRows reg.Register) {
	base := arg(argA)
	row := make([]reg.Register, len(t))
	for i := range row {
		row[i] = address(base, aRows, i)
	}
	tap, left, b := arg(argTaps), arg(argNTaps), arg(argB)
	Label("tap")
	at, k := GP64(), arg(argSpan)
	MOVLQSX(Mem{Base: tap}, at)
	for _, unroll := range []int{4, 1} {
		label := fmt.Sprintf("by%d", unroll)
		SUBQ(I32(unroll), k)
		JL(LabelRef(label + "_end"))
		Label(label)
		for u := range unroll {
			values := newTile(1, len(t[0]))[0]
			columns{nv: len(values)}.load(values, Mem{Base: b, Disp: u * panel})
			t.step(func(i int) Mem { return Mem{Base: row[i], Index: at, Scale: 4, Disp: 4 * u} }, values)
		}
		ADDQ(I32(unroll*panel), b)
		ADDQ(I32(unroll), at)
		SUBQ(I32(unroll), k)
		JGE(LabelRef(label))
		Label(label + "_end")
		ADDQ(I32(unroll), k)
	}
	ADDQ(I32(4), tap)
	DECQ(left)
	JNZ(LabelRef("tap"))
}

// mulT adds to tiles of m consecutive rows of c: the products of m
// neighbours in each row of a, which are constant over a tile's columns, and a
// row of g.
func mulT(m, nv int, masked bool) {
	name := fmt.Sprintf("mulT%dx%dAVX2", m, nv)
	if masked {
		name = fmt.Sprintf("mulT%dx%dMaskedAVX2", m, nv)
	}
	text(name)
	c, ldc, tiles, a := arg(argC), arg(argLdc), arg(argTiles), arg(argA)
	at := arg(argAt)
	LEAQ(Mem{Base: a, Index: at, Scale: 4}, a)
	g, cols := arg(argG), columns{nv: nv}
	if masked {
		cols.mask = mask()
	}
	SHLQ(U8(2), ldc)
	Label("tile")
	t := newTile(m, nv)
	walk(c, ldc, m, func(i int, at Mem) { cols.load(t[i], at) })
	aRows, rows, n := arg(argARows), arg(argRows), arg(argN)
	Label("row")
	p, q := address(a, aRows, 0), address(g, rows, 0)
	values := newTile(1, nv)[0]
	cols.load(values, Mem{Base: q})
	t.step(func(i int) Mem { return Mem{Base: p, Disp: 4 * i} }, values)
	ADDQ(I32(4), aRows)
	ADDQ(I32(4), rows)
	DECQ(n)
	JNZ(LabelRef("row"))
	next := walk(c, ldc, m, func(i int, at Mem) { cols.store(t[i], at) })
	MOVQ(next, c)
	ADDQ(I32(4*m), a)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// walk visits the m rows of a tile and returns where the next one begins.
func walk(c, ldc reg.Register, m int, visit func(i int, at Mem)) reg.Register {
	p := GP64()
	MOVQ(c, p)
	for i := range m {
		visit(i, Mem{Base: p})
		ADDQ(ldc, p)
	}
	return p
}

// gather copies some elements of each row of a side by side.
func gather(name string, some int) {
	TEXT(name, NOSPLIT, "func(dst, a *float32, aRows *int32, at, n int)")
	Pragma("noescape")
	dst, a, aRows, n := Load(Param("dst"), GP64()), Load(Param("a"), GP64()), Load(Param("aRows"), GP64()), Load(Param("n"), GP64())
	at := Load(Param("at"), GP64())
	LEAQ(Mem{Base: a, Index: at, Scale: 4}, a)
	Label("row")
	row, whole := newTile(1, some/lanes)[0], columns{nv: some / lanes}
	whole.load(row, Mem{Base: address(a, aRows, 0)})
	whole.store(row, Mem{Base: dst})
	ADDQ(I32(4*some), dst)
	ADDQ(I32(4), aRows)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
