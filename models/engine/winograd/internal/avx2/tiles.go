package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Arguments of analyse in the order of the struct analysisArgs. begin
// and cols are for the assembly's own use; dst and patches move.
const (
	aDst = iota
	aX
	aPatches
	aCount
	aBlank
	aWhole
	aMask
	aPosition
	aPixel
	aRow
	aScratch
	aBegin
	aCols
	aOwn
)

// A patch: the offsets of its rows, the first column and the columns.
const (
	patchFrom = 24
	patchCols = 28
	patchSize = 32
)

// analyse writes the transform of patches of side values to span positions
// along each axis.
func analyse(name string, side, span int, t transform) {
	a := text(name, aOwn, aDst, aPatches)
	l := t()
	Label("tile")
	rows := patchRows(a, side)
	clearColumns(a, side, span)
	dst, channel := a.get(aDst), GP64()
	XORQ(channel, channel)
	p := patches{a, rows, dst, channel, side, span, l}
	Label("vector")
	CMPQ(channel, a.at(aWhole))
	JGE(LabelRef("tail"))
	p.vector("whole", nil)
	ADDQ(I8(width), dst)
	ADDQ(I8(width), channel)
	JMP(LabelRef("vector"))
	Label("tail")
	mask := a.get(aMask)
	TESTQ(mask, mask)
	JZ(LabelRef("next"))
	p.vector("part", load(Mem{Base: mask}))
	Label("next")
	row := a.get(aRow)
	ADDQ(row, a.at(aDst))
	ADDQ(I8(patchSize), a.at(aPatches))
	DECQ(a.at(aCount))
	JNZ(LabelRef("tile"))
	end()
}

// patchRows gives the begin of each row of a patch; a row outside the image is
// the blank one.
func patchRows(a arguments, side int) []reg.GPVirtual {
	patch, x, blank := a.get(aPatches), a.get(aX), a.get(aBlank)
	rows := make([]reg.GPVirtual, side)
	for i := range rows {
		offset := GP64()
		rows[i] = GP64()
		MOVLQSX(Mem{Base: patch, Disp: 4 * i}, offset)
		LEAQ(Mem{Base: x, Index: offset, Scale: 4}, rows[i])
		TESTQ(offset, offset)
		CMOVQLT(blank, rows[i])
	}
	return rows
}

// clearColumns sets the scratch of columns outside the image to 0, once for
// all channels, and notes where that of the others begins.
func clearColumns(a arguments, side, span int) {
	nought := zero()
	patch, at := a.get(aPatches), a.get(aScratch)
	from, cols := GP64(), GP64()
	MOVLQSX(Mem{Base: patch, Disp: patchFrom}, from)
	MOVLQSX(Mem{Base: patch, Disp: patchCols}, cols)
	MOVQ(cols, a.at(aCols))
	rest := GP64()
	MOVQ(I32(side), rest)
	SUBQ(from, rest)
	SUBQ(cols, rest)
	clearLoop("before", from, at, span, nought)
	MOVQ(at, a.at(aBegin))
	IMUL3Q(I32(span*width), cols, cols)
	ADDQ(cols, at)
	clearLoop("after", rest, at, span, nought)
}

func clearLoop(label string, n, at reg.Register, span int, nought reg.VecVirtual) {
	Label(label)
	DECQ(n)
	JLT(LabelRef(label + "_end"))
	for i := range span {
		VMOVUPS(nought, Mem{Base: at, Disp: i * width})
	}
	ADDQ(I32(span*width), at)
	JMP(LabelRef(label))
	Label(label + "_end")
}

// patches is the state of analyse within a tile.
type patches struct {
	arguments
	rows         []reg.GPVirtual
	dst, channel reg.GPVirtual
	side, span   int
	line         line
}

// vector transforms a vector of channels.
func (p patches) vector(label string, mask reg.VecVirtual) {
	n := p.get(aCols)
	TESTQ(n, n)
	JZ(LabelRef(label + "_rows"))
	at, column, pixel := copyOf(p.channel), p.get(aBegin), p.get(aPixel)
	Label(label + "_column")
	for i, v := range p.line(func(i int) reg.VecVirtual {
		m := Mem{Base: p.rows[i], Index: at, Scale: 1}
		if mask == nil {
			return load(m)
		}
		y := YMM()
		VMASKMOVPS(m, mask, y)
		return y
	}) {
		VMOVUPS(v, Mem{Base: column, Disp: i * width})
	}
	ADDQ(pixel, at)
	ADDQ(I32(p.span*width), column)
	DECQ(n)
	JNZ(LabelRef(label + "_column"))
	Label(label + "_rows")
	scratch, s, dst := p.get(aScratch), newStrides(p.get(aPosition), p.span), copyOf(p.dst)
	for i := range p.span {
		for j, v := range p.line(func(j int) reg.VecVirtual {
			return load(Mem{Base: scratch, Disp: (j*p.span + i) * width})
		}) {
			VMOVUPS(v, s.at(dst, j))
		}
		if i+1 < p.span {
			s.skip(dst, p.span)
		}
	}
}

// Arguments of synthesise in the order of the struct synthesisArgs.
const (
	sY = iota
	sProducts
	sPlaces
	sCount
	sResidual
	sBias
	sFloor
	sWhole
	sMask
	sPosition
	sRow
	sPixel
	sLine
	sScratch
	sOwn
)

const placeSize = 16

// epilogue is what synthesise does before it stores.
type epilogue struct {
	name           string
	bias, residual bool // bias goes with the floor
}

var epilogues = []epilogue{{"", false, false}, {"Bias", true, false}, {"Residual", true, true}}

// synthesise writes the transform of positions back to side x side results.
func synthesise(name string, side int, t transform, e epilogue) {
	a := text(name, sOwn, sProducts, sPlaces)
	p := places{arguments: a, epilogue: e, side: side, span: side + 2, line: t()}
	Label("tile")
	place := a.get(sPlaces)
	at := GP64()
	MOVLQSX(Mem{Base: place}, at)
	p.rows, p.cols = GP64(), GP64()
	MOVLQSX(Mem{Base: place, Disp: 4}, p.rows)
	MOVLQSX(Mem{Base: place, Disp: 8}, p.cols)
	p.y = a.get(sY)
	LEAQ(Mem{Base: p.y, Index: at, Scale: 4}, p.y)
	if e.residual {
		p.other = a.get(sResidual)
		LEAQ(Mem{Base: p.other, Index: at, Scale: 4}, p.other)
	}
	p.channel = GP64()
	XORQ(p.channel, p.channel)
	Label("vector")
	CMPQ(p.channel, a.at(sWhole))
	JGE(LabelRef("tail"))
	p.vector("whole", nil)
	ADDQ(I8(width), p.channel)
	JMP(LabelRef("vector"))
	Label("tail")
	mask := a.get(sMask)
	TESTQ(mask, mask)
	JZ(LabelRef("next"))
	p.vector("part", mask)
	Label("next")
	row := a.get(sRow)
	ADDQ(row, a.at(sProducts))
	ADDQ(I8(placeSize), a.at(sPlaces))
	DECQ(a.at(sCount))
	JNZ(LabelRef("tile"))
	end()
}

// places is the state of synthesise within a tile.
type places struct {
	arguments
	epilogue
	side, span                    int
	line                          line
	y, other, channel, rows, cols reg.GPVirtual
}

// vector transforms a vector of channels.
func (p places) vector(label string, mask reg.Register) {
	p.columns()
	y, n := copyOf(p.y), copyOf(p.rows)
	ADDQ(p.channel, y)
	var other reg.GPVirtual
	if p.residual {
		other = copyOf(p.other)
		ADDQ(p.channel, other)
	}
	scratch, s := p.get(sScratch), newStrides(p.get(sPixel), p.side)
	Label(label + "_row")
	values := p.line(func(j int) reg.VecVirtual { return load(Mem{Base: scratch, Disp: j * width}) })
	for j, v := range values {
		if j > 0 {
			CMPQ(p.cols, I8(j))
			JLE(LabelRef(label + "_next"))
		}
		p.store(v, s, y, other, j, mask)
	}
	Label(label + "_next")
	ADDQ(p.at(sLine), y)
	if p.residual {
		ADDQ(p.at(sLine), other)
	}
	ADDQ(I32(p.span*width), scratch)
	DECQ(n)
	JNZ(LabelRef(label + "_row"))
}

// columns transforms along the columns.
func (p places) columns() {
	position, products := p.get(sPosition), p.get(sProducts)
	ADDQ(p.channel, products)
	s, scratch := newStrides(times(position, p.span), p.span), p.get(sScratch)
	for j := range p.span {
		for i, v := range p.line(func(i int) reg.VecVirtual { return load(s.at(products, i)) }) {
			VMOVUPS(v, Mem{Base: scratch, Disp: (i*p.span + j) * width})
		}
		if j+1 < p.span {
			ADDQ(position, products)
		}
	}
}

// store ends a result.
func (p places) store(v reg.VecVirtual, s strides, y, other reg.GPVirtual, j int, mask reg.Register) {
	var only reg.VecVirtual
	if mask != nil {
		only = load(Mem{Base: mask})
	}
	part := func(m Mem) reg.VecVirtual {
		if mask == nil {
			return load(m)
		}
		y := YMM()
		VMASKMOVPS(m, only, y)
		return y
	}
	if p.bias {
		bias := p.get(sBias)
		v = add(v, part(Mem{Base: bias, Index: p.channel, Scale: 1}))
		if p.residual {
			v = add(v, part(s.at(other, j)))
		}
		floor := YMM()
		VBROADCASTSS(p.at(sFloor), floor)
		VMAXPS(v, floor, v) // gives v where it is NaN
	}
	if mask == nil {
		VMOVUPS(v, s.at(y, j))
	} else {
		VMASKMOVPS(v, only, s.at(y, j))
	}
}
