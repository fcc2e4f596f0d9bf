package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Behind the common arguments of a product with one vector.
const (
	argX = argY + 1 + iota
	argReLU
	argMasks
)

// some is how many entries are taken at a time: entry k of a row is added to
// sum k modulo some.
const some = 16

// gatherer emits the steps of a product with one vector.
type gatherer interface {
	// begin readies the registers, and clear the 16 sums of a row.
	begin(form)
	clear()
	// step adds the products of 16 entries, or of the first left ones.
	step(f form, at place, left reg.Register)
	// sums are the 16 sums in two registers.
	sums() (low, high reg.VecVirtual)
}

// place is where some entries and their operands are.
type place struct {
	x, columns, values reg.Register
	entry, row         reg.Register // numbers of the entry in the matrix and in its row
}

// index is where the columns of the entries from i on are.
func (p place) index(i int) Mem {
	return Mem{Base: p.columns, Index: p.entry, Scale: 2, Disp: 2 * i}
}

func (p place) value(i int) Mem { return Mem{Base: p.values, Index: p.entry, Scale: 4, Disp: 4 * i} }
func (p place) code(i int) Mem  { return Mem{Base: p.values, Index: p.entry, Scale: 1, Disp: i} }
func (p place) dense(i int) Mem { return Mem{Base: p.x, Index: p.row, Scale: 4, Disp: 4 * i} }

// far is how many entries ahead memory is asked for: gathering leaves the
// processor too few loads under way to stream a matrix.
const far = 256

// ahead asks for the entries to come.
func (p place) ahead(f form) {
	if f.index != "" {
		PREFETCHT0(p.index(far))
	}
	if f.coded {
		PREFETCHT0(p.code(far))
	} else {
		PREFETCHT0(p.value(far))
	}
}

// gather emits a product of rows with one vector.
func gather(name string, forms []form, g gatherer) {
	text(name)
	dispatch(forms, func(f form) {
		g.begin(f)
		at := place{x: arg(argX), values: arg(argValues), row: GP64()}
		if f.index != "" {
			at.columns = arg(argColumns)
		}
		eachRow(f, func(from, end reg.GPVirtual) {
			at.entry = from
			g.clear()
			XORQ(at.row, at.row)
			SUBQ(from, end)
			SUBQ(U8(some), end)
			JL(LabelRef(f.name + "_rest"))
			Label(f.name + "_some")
			at.ahead(f)
			g.step(f, at, nil)
			ADDQ(U8(some), at.entry)
			ADDQ(U8(some), at.row)
			SUBQ(U8(some), end)
			JGE(LabelRef(f.name + "_some"))
			Label(f.name + "_rest")
			ADDQ(U8(some), end)
			JZ(LabelRef(f.name + "_sum"))
			g.step(f, at, end)
			Label(f.name + "_sum")
			finish(f, g)
		})
	})
}

// finish adds up the 16 sums by halves, scales and stores.
func finish(f form, g gatherer) {
	low, high := g.sums()
	VADDPS(high, low, low)
	other, sum := XMM(), XMM()
	VEXTRACTF128(U8(1), low, other)
	VADDPS(other, low.AsX(), sum)
	VMOVHLPS(sum, sum, other)
	VADDPS(other, sum, sum)
	VMOVSHDUP(sum, other)
	VADDSS(other, sum, sum)
	VMOVSS(Mem{Base: arg(argScale)}, other)
	VFMADD213SS(Mem{Base: arg(argBias)}, other, sum)
	relu := arg(argReLU)
	TESTQ(relu, relu)
	JZ(LabelRef(f.name + "_store"))
	zero := XMM()
	VXORPS(zero, zero, zero)
	VMAXSS(sum, zero, sum) // gives sum where it is NaN
	Label(f.name + "_store")
	VMOVSS(sum, Mem{Base: arg(argY)})
	ADDQ(U8(4), slot(argY))
}

// halves are 16 sums in two registers of AVX2.
type halves struct {
	low, high reg.VecVirtual
	book      reg.Register
}

func gatherAVX2() {
	gather("gatherAVX2", []form{{name: "plain", index: "16"}, {name: "coded", index: "16", coded: true}, {name: "full", coded: true}}, &halves{})
}

func (h *halves) begin(f form) {
	h.low, h.high = YMM(), YMM()
	if f.coded {
		h.book = arg(argBook)
	}
}

func (h *halves) clear() {
	VXORPS(h.low, h.low, h.low)
	VXORPS(h.high, h.high, h.high)
}

func (h *halves) sums() (low, high reg.VecVirtual) { return h.low, h.high }

// step reads whole vectors: behind the last entry of a matrix there is room.
func (h *halves) step(f form, at place, left reg.Register) {
	for half, sum := range []reg.VecVirtual{h.low, h.high} {
		first := half * some / 2
		var mask reg.VecVirtual
		if left != nil {
			mask = YMM()
			p := GP64()
			MOVQ(left, p)
			SHLQ(U8(6), p)
			ADDQ(arg(argMasks), p)
			VMOVDQU(Mem{Base: p, Disp: 4 * first}, mask)
		}
		x, w := YMM(), YMM()
		switch {
		case f.index != "":
			columns := YMM()
			VPMOVZXWD(at.index(first), columns)
			gatherYMM(at.x, columns, x)
			if mask != nil {
				VANDPS(mask, x, x)
			}
		case mask != nil:
			VMASKMOVPS(at.dense(first), mask, x)
		default:
			VMOVUPS(at.dense(first), x)
		}
		if f.coded {
			codes := YMM()
			VPMOVZXBD(at.code(first), codes)
			gatherYMM(h.book, codes, w)
		} else {
			VMOVUPS(at.value(first), w)
		}
		if mask != nil {
			VANDPS(mask, w, w)
		}
		VFMADD231PS(x, w, sum)
	}
}

func gatherYMM(base reg.Register, index, to reg.VecVirtual) {
	all := YMM()
	VPCMPEQD(all, all, all)
	VXORPS(to, to, to) // nothing to wait for
	VGATHERDPS(all, Mem{Base: base, Index: index, Scale: 4}, to)
}
