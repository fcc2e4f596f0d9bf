package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const side = 8 // of the squares that are transposed in registers

// square is 8x8 elements, a row in each register.
func square() []reg.VecVirtual { return newTile(side, 1).flat() }

func (t tile) flat() []reg.VecVirtual {
	var all []reg.VecVirtual
	for _, row := range t {
		all = append(all, row...)
	}
	return all
}

// transpose gives the columns of eight rows.
func transpose(row []reg.VecVirtual) []reg.VecVirtual {
	pairs := square()
	for i := 0; i < side; i += 2 {
		VUNPCKLPS(row[i+1], row[i], pairs[i])
		VUNPCKHPS(row[i+1], row[i], pairs[i+1])
	}
	fours := square()
	for i := 0; i < side; i += 4 {
		for j := range 2 {
			VSHUFPS(U8(0x44), pairs[i+j+2], pairs[i+j], fours[i+2*j])
			VSHUFPS(U8(0xee), pairs[i+j+2], pairs[i+j], fours[i+2*j+1])
		}
	}
	column := square()
	for i := range side / 2 {
		VPERM2F128(U8(0x20), fours[i+4], fours[i], column[i])
		VPERM2F128(U8(0x31), fours[i+4], fours[i], column[i+4])
	}
	return column
}

// at is row i of eight that lie stride bytes apart; stride3 is 3*stride.
func at(base, base4, stride, stride3 reg.Register, i int) Mem {
	if i >= 4 {
		base = base4
	}
	switch i % 4 {
	case 0:
		return Mem{Base: base}
	case 3:
		return Mem{Base: base, Index: stride3, Scale: 1}
	default:
		return Mem{Base: base, Index: stride, Scale: uint8(i % 4)}
	}
}

// strided readies the registers of at.
func strided(base, stride reg.Register) func(i int) Mem {
	base4, stride3 := GP64(), GP64()
	LEAQ(Mem{Base: base, Index: stride, Scale: 4}, base4)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	return func(i int) Mem { return at(base, base4, stride, stride3, i) }
}

// packT reads eight rows of b and writes square after square; the rows of a
// square go where the table says.
func packT() {
	TEXT("packTAVX2", NOSPLIT, "func(dst *float32, rows *int32, b *float32, ldb, squares int)")
	Pragma("noescape")
	dst, rows := Load(Param("dst"), GP64()), Load(Param("rows"), GP64())
	b, ldb, n := Load(Param("b"), GP64()), Load(Param("ldb"), GP64()), Load(Param("squares"), GP64())
	SHLQ(U8(2), ldb)
	Label("square")
	row, from := square(), strided(b, ldb)
	for i := range row {
		VMOVUPS(from(i), row[i])
	}
	for i, column := range transpose(row) {
		p := GP64()
		MOVLQSX(Mem{Base: rows, Disp: 4 * i}, p)
		SHLQ(U8(6), p)
		VMOVUPS(column, Mem{Base: dst, Index: p, Scale: 1})
	}
	ADDQ(I32(vector), b)
	ADDQ(I32(4*side), rows)
	DECQ(n)
	JNZ(LabelRef("square"))
	VZEROUPPER()
	RET()
}

// unpackT reads eight columns of src from the rows that the table names and
// writes, or adds, them to eight rows of dst.
func unpackT() {
	for _, add := range []bool{false, true} {
		name := map[bool]string{false: "unpackTAVX2", true: "unpackTAddAVX2"}[add]
		TEXT(name, NOSPLIT, "func(dst *float32, ldd int, src *float32, lds int, rows *int32, squares int)")
		Pragma("noescape")
		dst, ldd, src, lds := Load(Param("dst"), GP64()), Load(Param("ldd"), GP64()), Load(Param("src"), GP64()), Load(Param("lds"), GP64())
		rows, n := Load(Param("rows"), GP64()), Load(Param("squares"), GP64())
		SHLQ(U8(2), ldd)
		SHLQ(U8(2), lds)
		Label("square")
		row, to := square(), strided(dst, ldd)
		for i := range row {
			p := GP64()
			MOVLQSX(Mem{Base: rows, Disp: 4 * i}, p)
			IMULQ(lds, p)
			VMOVUPS(Mem{Base: src, Index: p, Scale: 1}, row[i])
		}
		for i, column := range transpose(row) {
			if add {
				VADDPS(to(i), column, column)
			}
			VMOVUPS(column, to(i))
		}
		ADDQ(I32(vector), dst)
		ADDQ(I32(4*side), rows)
		DECQ(n)
		JNZ(LabelRef("square"))
		VZEROUPPER()
		RET()
	}
}
