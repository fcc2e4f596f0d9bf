package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Arguments of pack in the order of the struct packArgs.
const (
	pU = iota
	pW
	pColumn
	pInner
	pCount
	pPosition
	pScratch
	pOwn
)

const (
	filter = 3
	taps   = filter * filter
	half   = 8 // filters of a vector
)

// pack writes the transform of 16 filters for each inner channel. A variant
// that streams writes whole cache lines past the caches, to an aligned u.
func pack(name string, span int, t transform, rotate, stream bool) {
	a := text(name, pOwn, pU, pW)
	l := t()
	Label("row")
	for h := range 2 {
		w, u, scratch := a.get(pW), a.get(pU), a.get(pScratch)
		column := a.get(pColumn)
		if h == 1 {
			LEAQ(Mem{Base: w, Index: column, Scale: half}, w)
		}
		gather(w, column, scratch)
		between := func(i, j int) Mem { return Mem{Base: scratch, Disp: (taps + i*filter + j) * width} }
		packColumns(l, rotate, scratch, between)
		s := newStrides(a.get(pPosition), span)
		for i := range span {
			for j, v := range l(func(j int) reg.VecVirtual { return load(between(i, j)) }) {
				first := Mem{Base: scratch, Disp: (taps + span*filter + i*span + j) * width}
				switch {
				case !stream:
					VMOVUPS(v, s.at(u, j).Offset(h*width))
				case h == 0:
					VMOVUPS(v, first)
				default:
					VMOVNTPS(load(first), s.at(u, j))
					VMOVNTPS(v, s.at(u, j).Offset(width))
				}
			}
			if i+1 < span {
				s.skip(u, span)
			}
		}
	}
	inner := a.get(pInner)
	ADDQ(inner, a.at(pW))
	ADDQ(I8(2*width), a.at(pU))
	DECQ(a.at(pCount))
	JNZ(LabelRef("row"))
	if stream {
		SFENCE()
	}
	end()
}

// packColumns transforms along the columns of the filters in scratch.
func packColumns(l line, rotate bool, scratch reg.GPVirtual, between func(i, j int) Mem) {
	for j := range filter {
		for i, v := range l(func(i int) reg.VecVirtual {
			e := i*filter + j
			if rotate {
				e = taps - 1 - e
			}
			return load(Mem{Base: scratch, Disp: e * width})
		}) {
			VMOVUPS(v, between(i, j))
		}
	}
}

// columns are the addresses of 8 filters.
type columns struct {
	low, high reg.GPVirtual
	strides
}

func newColumns(w, column reg.GPVirtual) columns {
	c := columns{low: w, high: GP64(), strides: newStrides(column, 4)}
	LEAQ(Mem{Base: w, Index: column, Scale: 4}, c.high)
	return c
}

func (c columns) at(k, element int) Mem {
	base := c.low
	if k >= 4 {
		base = c.high
	}
	return c.strides.at(base, k%4).Offset(4 * element)
}

// gather writes the 9 elements of 8 filters to scratch, a vector for each.
func gather(w, column, scratch reg.GPVirtual) {
	c := newColumns(w, column)
	four := func(from int) []reg.VecVirtual {
		r := make([]reg.VecVirtual, 4)
		for k := range r {
			r[k] = YMM()
			VBROADCASTF128(c.at(k, from), r[k])
			VINSERTF128(U8(1), c.at(k+4, from), r[k], r[k])
		}
		return r
	}
	for _, from := range []int{0, 4} {
		for i, v := range transpose(four(from)) {
			VMOVUPS(v, Mem{Base: scratch, Disp: (from + i) * width})
		}
	}
	r, a, b := four(taps-4), YMM(), YMM()
	VUNPCKHPS(r[1], r[0], a)
	VUNPCKHPS(r[3], r[2], b)
	VSHUFPS(U8(0xee), b, a, a)
	VMOVUPS(a, Mem{Base: scratch, Disp: (taps - 1) * width})
}

// transpose turns the 4x4 matrix in each half of four vectors.
func transpose(r []reg.VecVirtual) []reg.VecVirtual {
	a, b, c, d := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPS(r[1], r[0], a)
	VUNPCKHPS(r[1], r[0], b)
	VUNPCKLPS(r[3], r[2], c)
	VUNPCKHPS(r[3], r[2], d)
	out := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VSHUFPS(U8(0x44), c, a, out[0])
	VSHUFPS(U8(0xee), c, a, out[1])
	VSHUFPS(U8(0x44), d, b, out[2])
	VSHUFPS(U8(0xee), d, b, out[3])
	return out
}

// Arguments of finish in the order of the struct finishArgs.
const (
	fW = iota
	fColumn
	fInner
	fAccs
	fAccCount
	fAt
	fCount
	fPosition
	fScratch
	fOwn
)

const sliceHeader = 24 // bytes

// finish writes the sum of accumulators, led back to 16 filters for each inner
// channel.
func finish(name string, span int, t transform) {
	a := text(name, fOwn, fW)
	l := t()
	Label("row")
	for h := range 2 {
		scratch := a.get(fScratch)
		at := func(i, j int) Mem { return Mem{Base: scratch, Disp: (i*span + j) * width} }
		element := func(i int) Mem { return Mem{Base: scratch, Disp: (filter*span + i) * width} }
		offset, position := a.get(fAt), a.get(fPosition)
		ADDQ(I8(h*width), offset)
		for j := range span {
			d := sum(a, []string{"low", "high"}[h]+string(rune('0'+j)), span, offset, position)
			for i, v := range l(func(i int) reg.VecVirtual { return d[i] }) {
				VMOVUPS(v, at(i, j))
			}
			ADDQ(position, offset)
		}
		for i := range filter {
			for j, v := range l(func(j int) reg.VecVirtual { return load(at(i, j)) }) {
				VMOVUPS(v, element(i*filter+j))
			}
		}
		w, column := a.get(fW), a.get(fColumn)
		if h == 1 {
			LEAQ(Mem{Base: w, Index: column, Scale: half}, w)
		}
		scatter(newColumns(w, column), element)
	}
	inner := a.get(fInner)
	ADDQ(inner, a.at(fW))
	ADDQ(I8(2*width), a.at(fAt))
	DECQ(a.at(fCount))
	JNZ(LabelRef("row"))
	end()
}

// sum adds a column of positions over the accumulators, in order.
func sum(a arguments, label string, span int, offset, position reg.GPVirtual) []reg.VecVirtual {
	accs, n := a.get(fAccs), a.get(fAccCount)
	s, base := newStrides(times(position, span), span), GP64()
	MOVQ(Mem{Base: accs}, base)
	ADDQ(offset, base)
	d := make([]reg.VecVirtual, span)
	for i := range d {
		d[i] = load(s.at(base, i))
	}
	Label(label)
	DECQ(n)
	JZ(LabelRef(label + "_end"))
	ADDQ(I8(sliceHeader), accs)
	MOVQ(Mem{Base: accs}, base)
	ADDQ(offset, base)
	for i := range d {
		VADDPS(s.at(base, i), d[i], d[i])
	}
	JMP(LabelRef(label))
	Label(label + "_end")
	return d
}

// scatter writes the 9 elements of 8 filters.
func scatter(c columns, element func(int) Mem) {
	for _, from := range []int{0, 4} {
		r := make([]reg.VecVirtual, 4)
		for i := range r {
			r[i] = load(element(from + i))
		}
		for k, v := range transpose(r) {
			VMOVUPS(v.AsX(), c.at(k, from))
			VEXTRACTF128(U8(1), v, c.at(k+4, from))
		}
	}
	for k := range half {
		g := GP32()
		MOVL(element(taps-1).Offset(4*k), g)
		MOVL(g, c.at(k, taps-1))
	}
}
