package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wide are 16 sums in one register of AVX-512.
type wide struct {
	sum         reg.VecVirtual
	book        reg.Register
	first, last reg.VecVirtual // of a small codebook
}

func gatherAVX512() {
	gather("gatherAVX512", []form{
		{name: "plain", index: "16"}, {name: "coded", index: "16", coded: true}, {name: "full", coded: true},
		{name: "small", index: "16", coded: true, small: true}, {name: "fullSmall", coded: true, small: true},
	}, &wide{})
}

func (s *wide) begin(f form) {
	s.sum = ZMM()
	switch {
	case f.small:
		s.first, s.last = ZMM(), ZMM()
		book := arg(argBook)
		VMOVUPS(Mem{Base: book}, s.first)
		VMOVUPS(Mem{Base: book, Disp: 64}, s.last)
	case f.coded:
		s.book = arg(argBook)
	}
}

func (s *wide) clear() { VPXORD(s.sum, s.sum, s.sum) }

func (s *wide) sums() (low, high reg.VecVirtual) {
	high = YMM()
	VEXTRACTF64X4(U8(1), s.sum, high)
	low = YMM()
	VMOVAPS(s.sum.AsY(), low)
	return low, high
}

func (s *wide) step(f form, at place, left reg.Register) {
	var mask reg.OpmaskVirtual
	if left != nil {
		mask = K()
		bits := GP64()
		MOVQ(U32(1<<some-1), bits)
		BZHIQ(left, bits, bits)
		KMOVW(bits.As32(), mask)
	}
	x, w := ZMM(), ZMM()
	switch {
	case f.index != "":
		columns := ZMM()
		VPMOVZXWD(at.index(0), columns)
		gatherZMM(at.x, columns, x, mask)
	case left != nil:
		VMOVUPS_Z(at.dense(0), mask, x)
	default:
		VMOVUPS(at.dense(0), x)
	}
	switch {
	case f.small:
		VPMOVZXBD(at.code(0), w)
		VPERMI2PS(s.last, s.first, w)
		if left != nil {
			VMOVAPS_Z(w, mask, w)
		}
	case f.coded:
		codes := ZMM()
		VPMOVZXBD(at.code(0), codes)
		gatherZMM(s.book, codes, w, mask)
	case left != nil:
		VMOVUPS_Z(at.value(0), mask, w)
	default:
		VMOVUPS(at.value(0), w)
	}
	VFMADD231PS(x, w, s.sum)
}

// gatherZMM gathers where the mask is set, or everything where there is none.
func gatherZMM(base reg.Register, index, to reg.VecVirtual, mask reg.Register) {
	some := K() // the instruction clears it
	if m, there := mask.(reg.OpmaskVirtual); there && m != nil {
		KMOVW(m, some)
	} else {
		KXNORW(some, some, some)
	}
	VPXORD(to, to, to)
	VGATHERDPS(Mem{Base: base, Index: index, Scale: 4}, some, to)
}
