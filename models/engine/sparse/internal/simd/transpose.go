package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const side = 8 // of the squares that are transposed in registers

// Arguments of transpose. Strides and steps are in elements: from row to row of
// a square, and from square to square.
const (
	moveTo = iota
	moveToStride
	moveToStep
	moveFrom
	moveFromStride
	moveFromStep
	moveSquares
	moveResidual // laid out as the result, or nil
	moveReLU
)

func transpose() {
	text("transposeAVX2")
	to, from, residual := arg(moveTo), arg(moveFrom), arg(moveResidual)
	toStride, fromStride := inBytes(moveToStride), inBytes(moveFromStride)
	toStep, fromStep := inBytes(moveToStep), inBytes(moveFromStep)
	squares := arg(moveSquares)
	Label("square")
	rows := loadRows(from, fromStride)
	columns := turned(rows)
	TESTQ(residual, residual)
	JZ(LabelRef("alone"))
	for i, at := range strided(residual, toStride) {
		VADDPS(at, columns[i], columns[i])
	}
	ADDQ(toStep, residual)
	Label("alone")
	relu := arg(moveReLU)
	TESTQ(relu, relu)
	JZ(LabelRef("store"))
	zero := YMM()
	VXORPS(zero, zero, zero)
	for _, c := range columns {
		VMAXPS(c, zero, c) // gives c where it is NaN
	}
	Label("store")
	for i, at := range strided(to, toStride) {
		VMOVUPS(columns[i], at)
	}
	ADDQ(toStep, to)
	ADDQ(fromStep, from)
	DECQ(squares)
	JNZ(LabelRef("square"))
	VZEROUPPER()
	RET()
}

func inBytes(i int) reg.Register {
	n := arg(i)
	SHLQ(U8(2), n)
	return n
}

func loadRows(from, stride reg.Register) [side]reg.VecVirtual {
	var rows [side]reg.VecVirtual
	for i, at := range strided(from, stride) {
		rows[i] = YMM()
		VMOVUPS(at, rows[i])
	}
	return rows
}

// strided are eight rows that lie stride bytes apart.
func strided(base, stride reg.Register) [side]Mem {
	fourth, triple := GP64(), GP64()
	LEAQ(Mem{Base: base, Index: stride, Scale: 4}, fourth)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, triple)
	var rows [side]Mem
	for i, b := range []reg.Register{base, fourth} {
		rows[4*i] = Mem{Base: b}
		rows[4*i+1] = Mem{Base: b, Index: stride, Scale: 1}
		rows[4*i+2] = Mem{Base: b, Index: stride, Scale: 2}
		rows[4*i+3] = Mem{Base: b, Index: triple, Scale: 1}
	}
	return rows
}

// turned are the columns of a square: pairs, fours, then halves of registers.
func turned(rows [side]reg.VecVirtual) [side]reg.VecVirtual {
	var pairs, fours, columns [side]reg.VecVirtual
	for i := range columns {
		pairs[i], fours[i], columns[i] = YMM(), YMM(), YMM()
	}
	for i := 0; i < side; i += 2 {
		VUNPCKLPS(rows[i+1], rows[i], pairs[i])
		VUNPCKHPS(rows[i+1], rows[i], pairs[i+1])
	}
	for i := 0; i < side; i += 4 {
		for j := range 2 {
			VSHUFPS(U8(0x44), pairs[i+j+2], pairs[i+j], fours[i+2*j])
			VSHUFPS(U8(0xee), pairs[i+j+2], pairs[i+j], fours[i+2*j+1])
		}
	}
	for i := range side / 2 {
		VPERM2F128(U8(0x20), fours[i+4], fours[i], columns[i])
		VPERM2F128(U8(0x31), fours[i+4], fours[i], columns[i+4])
	}
	return columns
}
