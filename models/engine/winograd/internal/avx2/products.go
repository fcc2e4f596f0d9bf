package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Arguments of multiply and correlate in the order of the struct productArgs.
// A sum is a tile of rows x 16; multiply has tiles of them below one another.
const (
	mSums = iota
	mLeft
	mRight
	mPositions
	mTiles
	mInner
	mLeftRow
	mRightRow
	mSumsRow
	mLeftPosition
	mRightPosition
	mSumsPosition
)

const maxRows = 6 // of a tile: 6x16 leaves 4 of the 16 registers

// sums is a tile of two vectors a row.
type sums [][2]reg.VecVirtual

func newSums(rows int) sums {
	s := make(sums, rows)
	for i := range s {
		s[i] = [2]reg.VecVirtual{YMM(), YMM()}
	}
	return s
}

// step adds the products of a value for each row and two vectors at right.
func (s sums) step(value func(i int) Mem, right Mem) {
	a, b := load(right), load(right.Offset(width))
	for i := range s {
		x := YMM()
		VBROADCASTSS(value(i), x)
		VFMADD231PS(a, x, s[i][0])
		VFMADD231PS(b, x, s[i][1])
	}
}

// each moves a tile's vectors; rows are from three and more beyond base.
func (s sums) each(base, row reg.GPVirtual, move func(v reg.VecVirtual, m Mem)) {
	at := newRows(base, row, len(s))
	for i := range s {
		m := at.row(i)
		move(s[i][0], m)
		move(s[i][1], m.Offset(width))
	}
}

// rows are up to six rows at a distance.
type rows struct{ low, high, distance reg.GPVirtual }

func newRows(base, distance reg.GPVirtual, n int) rows {
	r := rows{low: base, distance: distance}
	if n > 3 {
		r.high = GP64()
		LEAQ(Mem{Base: distance, Index: distance, Scale: 2}, r.high)
		ADDQ(base, r.high)
	}
	return r
}

func (r rows) row(i int) Mem {
	base := r.low
	if i >= 3 {
		base = r.high
	}
	if i%3 == 0 {
		return Mem{Base: base}
	}
	return Mem{Base: base, Index: r.distance, Scale: uint8(i % 3)}
}

func (r rows) move(n int) {
	ADDQ(I8(n), r.low)
	if r.high != nil {
		ADDQ(I8(n), r.high)
	}
}

// multiply writes, for each position, the products of rows of the left matrix
// and a panel of the right one.
func multiply(m int) {
	a := text(fmt.Sprintf("multiply%dAVX2", m))
	Label("position")
	left, out, tiles := a.get(mLeft), a.get(mSums), a.get(mTiles)
	leftRow, sumsRow := a.get(mLeftRow), a.get(mSumsRow)
	Label("tile")
	s := newSums(m)
	for i := range s {
		for _, v := range s[i] {
			VXORPS(v, v, v)
		}
	}
	at, right, n := newRows(copyOf(left), leftRow, m), a.get(mRight), a.get(mInner)
	for _, unroll := range []int{4, 1} {
		label := fmt.Sprintf("inner%d", unroll)
		Label(label)
		SUBQ(I8(unroll), n)
		JLT(LabelRef(label + "_end"))
		for u := range unroll {
			s.step(func(i int) Mem { return at.row(i).Offset(4 * u) }, Mem{Base: right, Disp: 2 * width * u})
		}
		at.move(4 * unroll)
		ADDQ(I32(2*width*unroll), right)
		JMP(LabelRef(label))
		Label(label + "_end")
		if unroll > 1 {
			ADDQ(I8(unroll), n)
		}
	}
	s.each(out, sumsRow, func(v reg.VecVirtual, m Mem) { VMOVUPS(v, m) })
	skip(left, leftRow, m)
	skip(out, sumsRow, m)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	nextPosition(a)
}

func skip(base, row reg.GPVirtual, n int) {
	ADDQ(times(row, n), base)
}

func nextPosition(a arguments) {
	for _, m := range [][2]int{{mLeft, mLeftPosition}, {mRight, mRightPosition}, {mSums, mSumsPosition}} {
		ADDQ(a.get(m[1]), a.at(m[0]))
	}
	DECQ(a.at(mPositions))
	JNZ(LabelRef("position"))
	end()
}

// correlate adds to a tile, for each position, the products of the transpose
// of m columns of the left matrix and 16 columns of the right one.
func correlate(m int) {
	a := text(fmt.Sprintf("correlate%dAVX2", m))
	Label("position")
	left, right, out, n := a.get(mLeft), a.get(mRight), a.get(mSums), a.get(mInner)
	leftRow, rightRow := a.get(mLeftRow), a.get(mRightRow)
	s := newSums(m)
	move := func(do func(v reg.VecVirtual, m Mem)) {
		for i := range s {
			for j, v := range s[i] {
				do(v, Mem{Base: out, Disp: (2*i + j) * width})
			}
		}
	}
	move(func(v reg.VecVirtual, m Mem) { VMOVUPS(m, v) })
	Label("inner")
	s.step(func(i int) Mem { return Mem{Base: left, Disp: 4 * i} }, Mem{Base: right})
	ADDQ(leftRow, left)
	ADDQ(rightRow, right)
	DECQ(n)
	JNZ(LabelRef("inner"))
	move(func(v reg.VecVirtual, m Mem) { VMOVUPS(v, m) })
	nextPosition(a)
}
