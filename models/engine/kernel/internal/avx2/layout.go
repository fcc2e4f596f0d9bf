package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes a matrix of rows x cols, both multiples of 8, transposed:
// blocks of 8 x 8, along the rows of dst.
func transpose() {
	text("transposeAVX2", "func(dst, src []float32, rows, cols, dstStride, srcStride int)")
	dst, src := Load(Param("dst").Base(), GP64()), Load(Param("src").Base(), GP64())
	to, from := bytes("dstStride"), bytes("srcStride")
	to3, from3 := GP64(), GP64()
	LEAQ(Mem{Base: to, Index: to, Scale: 2}, to3)
	LEAQ(Mem{Base: from, Index: from, Scale: 2}, from3)
	cols := Load(Param("cols"), GP64())
	rows, d, s, d4, s4 := GP64(), GP64(), GP64(), GP64(), GP64()
	Label("cols")
	Load(Param("rows"), rows)
	MOVQ(dst, d)
	MOVQ(src, s)
	Label("rows")
	LEAQ(Mem{Base: d, Index: to, Scale: 4}, d4)
	LEAQ(Mem{Base: s, Index: from, Scale: 4}, s4)
	block(eight(d, d4, to, to3), eight(s, s4, from, from3))
	LEAQ(Mem{Base: s4, Index: from, Scale: 4}, s)
	ADDQ(I32(width), d)
	SUBQ(I32(lanes), rows)
	JNZ(LabelRef("rows"))
	LEAQ(Mem{Base: dst, Index: to, Scale: 8}, dst)
	ADDQ(I32(width), src)
	SUBQ(I32(lanes), cols)
	JNZ(LabelRef("cols"))
	VZEROUPPER()
	RET()
}

func bytes(param string) reg.Register {
	r := Load(Param(param), GP64())
	SHLQ(U8(2), r)
	return r
}

// eight are eight rows, the last four from fourth on.
func eight(first, fourth, stride, triple reg.Register) [8]Mem {
	var rows [8]Mem
	for i, base := range []reg.Register{first, fourth} {
		rows[4*i] = Mem{Base: base}
		rows[4*i+1] = Mem{Base: base, Index: stride, Scale: 1}
		rows[4*i+2] = Mem{Base: base, Index: stride, Scale: 2}
		rows[4*i+3] = Mem{Base: base, Index: triple, Scale: 1}
	}
	return rows
}

// block transposes 8 x 8 elements: pairs, fours, then halves of registers.
func block(to, from [8]Mem) {
	var r, t [8]reg.VecVirtual
	for i := range r {
		r[i] = load(from[i])
	}
	for i := 0; i < 8; i += 2 {
		t[i], t[i+1] = YMM(), YMM()
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			r[i+2*j], r[i+2*j+1] = YMM(), YMM()
			VSHUFPS(U8(0x44), t[i+j+2], t[i+j], r[i+2*j])
			VSHUFPS(U8(0xee), t[i+j+2], t[i+j], r[i+2*j+1])
		}
	}
	for i := range 4 {
		low, high := YMM(), YMM()
		VPERM2F128(U8(0x20), r[i+4], r[i], low)
		VPERM2F128(U8(0x31), r[i+4], r[i], high)
		VMOVUPS(low, to[i])
		VMOVUPS(high, to[i+4])
	}
}
