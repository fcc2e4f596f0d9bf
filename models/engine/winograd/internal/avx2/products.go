package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Arguments of multiply and correlate in the order of the struct productArgs.
// There are first tiles of the function's rows and then second tiles of fewer.
// What follows the distances is for the assembly's own use.
const (
	mSums = iota
	mLeft
	mRight
	mPositions
	mPanels
	mFirst
	mSecond
	mInner
	mLeftRow
	mRightRow
	mSumsRow
	mRightPanel
	mSumsPanel
	mLeftPosition
	mRightPosition
	mSumsPosition
	mPanelsLeft
	mPanelRight
	mPanelSums
	mOwn
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

// multiply writes, for each position and panel of the right matrix, its
// products with the rows of the left matrix: tiles of 6 rows and then up to
// one of m. While a panel is used the next one is fetched.
func multiply(m int) {
	a := text(fmt.Sprintf("multiply%dAVX2", m), mOwn, mSums, mLeft, mRight)
	panels(a, func() {
		left, out, ahead := a.get(mLeft), a.get(mPanelSums), a.get(mPanelRight)
		ADDQ(a.at(mRightPanel), ahead)
		leftRow := a.get(mLeftRow)
		tiles := a.get(mFirst)
		TESTQ(tiles, tiles)
		JZ(LabelRef("rest"))
		Label("tile")
		multiplyTile(a, "", maxRows, left, out, leftRow, ahead)
		ADDQ(times(leftRow, maxRows), left)
		step := GP64()
		IMUL3Q(I8(maxRows), a.at(mSumsRow), step)
		ADDQ(step, out)
		DECQ(tiles)
		JNZ(LabelRef("tile"))
		Label("rest")
		if m > 0 {
			multiplyTile(a, "Rest", m, left, out, leftRow, ahead)
		}
	})
}

// panels repeats a body for all panels of all positions.
func panels(a arguments, body func()) {
	Label("position")
	for _, m := range [][2]int{{mPanels, mPanelsLeft}, {mRight, mPanelRight}, {mSums, mPanelSums}} {
		MOVQ(a.get(m[0]), a.at(m[1]))
	}
	Label("panel")
	body()
	for _, m := range [][2]int{{mPanelRight, mRightPanel}, {mPanelSums, mSumsPanel}} {
		ADDQ(a.get(m[1]), a.at(m[0]))
	}
	DECQ(a.at(mPanelsLeft))
	JNZ(LabelRef("panel"))
	for _, m := range [][2]int{{mLeft, mLeftPosition}, {mRight, mRightPosition}, {mSums, mSumsPosition}} {
		ADDQ(a.get(m[1]), a.at(m[0]))
	}
	DECQ(a.at(mPositions))
	JNZ(LabelRef("position"))
	end()
}

// multiplyTile computes a tile of m rows.
func multiplyTile(a arguments, name string, m int, left, out, leftRow, ahead reg.GPVirtual) {
	s := newSums(m)
	for i := range s {
		for _, v := range s[i] {
			VXORPS(v, v, v)
		}
	}
	at, right, n := newRows(copyOf(left), leftRow, m), a.get(mPanelRight), a.get(mInner)
	for _, unroll := range []int{4, 1} {
		label := fmt.Sprintf("inner%d%s", unroll, name)
		Label(label)
		SUBQ(I8(unroll), n)
		JLT(LabelRef(label + "_end"))
		if unroll > 1 {
			PREFETCHT1(Mem{Base: ahead})
			ADDQ(I8(2*width), ahead)
		}
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
	s.each(out, a.get(mSumsRow), func(v reg.VecVirtual, m Mem) { VMOVUPS(v, m) })
}

// correlate adds to the sums, for each position and panel of the right matrix,
// the products of the transpose of the left matrix and the panel: tiles of m
// columns of the left matrix and then tiles of m-1. While a tile is computed
// the sums of the next one are fetched.
func correlate(m int) {
	a := text(fmt.Sprintf("correlate%dAVX2", m), mOwn, mSums, mLeft, mRight)
	panels(a, func() {
		left, out := a.get(mLeft), a.get(mPanelSums)
		leftRow, rightRow := a.get(mLeftRow), a.get(mRightRow)
		for i, rows := range []int{m, m - 1} {
			if rows == 0 {
				continue
			}
			label := []string{"first", "second"}[i]
			tiles := a.get([]int{mFirst, mSecond}[i])
			Label(label)
			DECQ(tiles)
			JLT(LabelRef(label + "_end"))
			correlateTile(a, label, rows, left, out, leftRow, rightRow)
			ADDQ(I8(4*rows), left)
			ADDQ(I32(2*width*rows), out)
			JMP(LabelRef(label))
			Label(label + "_end")
		}
	})
}

func correlateTile(a arguments, label string, m int, left, out, leftRow, rightRow reg.GPVirtual) {
	s := newSums(m)
	move := func(do func(v reg.VecVirtual, m Mem)) {
		for i := range s {
			for j, v := range s[i] {
				do(v, Mem{Base: out, Disp: (2*i + j) * width})
			}
		}
	}
	move(func(v reg.VecVirtual, m Mem) { VMOVUPS(m, v) })
	for i := range m {
		PREFETCHT0(Mem{Base: out, Disp: 2 * width * (m + i)})
	}
	at, right, n := copyOf(left), a.get(mPanelRight), a.get(mInner)
	Label(label + "_inner")
	s.step(func(i int) Mem { return Mem{Base: at, Disp: 4 * i} }, Mem{Base: right})
	ADDQ(leftRow, at)
	ADDQ(rightRow, right)
	DECQ(n)
	JNZ(LabelRef(label + "_inner"))
	move(func(v reg.VecVirtual, m Mem) { VMOVUPS(v, m) })
}
