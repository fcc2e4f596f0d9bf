package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Behind the common arguments of a product with many vectors.
const (
	argStride = argY + 1 + iota // bytes from column to column
	argBases                    // a pointer for each vector
)

const vector = 32 // bytes

// shape is how many vectors of 8 columns of the right matrix are met at a time,
// and in how many chains each sum is computed.
type shape struct{ vectors, chains int }

// lanes emits a product whose right matrix has its columns side by side: each
// entry is multiplied by 8 of them at a time.
func lanes(s shape) {
	text(fmt.Sprintf("lanes%dx%dAVX2", s.vectors, s.chains))
	dispatch([]form{
		{name: "plain", index: "16"}, {name: "coded", index: "16", coded: true}, {name: "full", coded: true},
		{name: "offset", index: "32"}, {name: "offsetCoded", index: "32", coded: true},
	}, func(f form) { laneRows(f, s) })
}

// walker are the registers of a walk along the entries of a row.
type walker struct {
	form
	bases                 []reg.Register
	stride                reg.Register
	columns, values, book reg.Register
	at                    reg.Register // of rows without an index: bytes of the column
}

func laneRows(f form, s shape) {
	w := walker{form: f, stride: arg(argStride)}
	for v := range s.vectors {
		w.bases = append(w.bases, arg(argBases+v))
	}
	if f.coded {
		w.book = arg(argBook)
	}
	eachRow(f, func(from, end reg.GPVirtual) {
		w.seek(from)
		SUBQ(from, end)
		sums := make([][]reg.VecVirtual, s.chains)
		for c := range sums {
			for range s.vectors {
				sum := YMM()
				VXORPS(sum, sum, sum)
				sums[c] = append(sums[c], sum)
			}
		}
		w.entries(s.chains, end, func(chain int, value reg.VecVirtual, offset reg.Register) {
			for v, base := range w.bases {
				VFMADD231PS(Mem{Base: base, Index: offset, Scale: 1}, value, sums[chain][v])
			}
		})
		store(sums)
	})
}

// seek finds the first entry of a row.
func (w *walker) seek(from reg.Register) {
	w.values = arg(argValues)
	if w.coded {
		ADDQ(from, w.values)
	} else {
		LEAQ(Mem{Base: w.values, Index: from, Scale: 4}, w.values)
	}
	switch w.index {
	case "":
		w.at = GP64()
		XORQ(w.at, w.at)
	default:
		w.columns = arg(argColumns)
		LEAQ(Mem{Base: w.columns, Index: from, Scale: w.width()}, w.columns)
	}
}

func (w *walker) width() uint8 {
	if w.index == "16" {
		return 2
	}
	return 4
}

// entries emits a loop over left entries, one for each chain at a time; what
// remains goes to the first chains.
func (w *walker) entries(chains int, left reg.Register, add func(chain int, value reg.VecVirtual, offset reg.Register)) {
	rest := w.name + "_rest"
	SUBQ(U8(chains), left)
	JL(LabelRef(rest))
	Label(w.name + "_entry")
	for c := range chains {
		w.entry(c, c, add)
	}
	w.move(chains)
	SUBQ(U8(chains), left)
	JGE(LabelRef(w.name + "_entry"))
	Label(rest)
	if chains == 1 {
		return
	}
	ADDQ(U8(chains), left)
	for c := range chains - 1 {
		JZ(LabelRef(w.name + "_done"))
		w.entry(c, c, add)
		DECQ(left)
	}
	Label(w.name + "_done")
}

// entry emits the products of the entry that is ahead by some.
func (w *walker) entry(ahead, chain int, add func(int, reg.VecVirtual, reg.Register)) {
	offset, value := GP64(), YMM()
	switch w.index {
	case "16":
		MOVWQZX(Mem{Base: w.columns, Disp: 2 * ahead}, offset)
		IMULQ(w.stride, offset)
	case "32":
		MOVLQSX(Mem{Base: w.columns, Disp: 4 * ahead}, offset)
		IMULQ(w.stride, offset)
	default:
		MOVQ(w.at, offset)
		ADDQ(w.stride, w.at)
	}
	if w.coded {
		code := GP64()
		MOVBQZX(Mem{Base: w.values, Disp: ahead}, code)
		VBROADCASTSS(Mem{Base: w.book, Index: code, Scale: 4}, value)
	} else {
		VBROADCASTSS(Mem{Base: w.values, Disp: 4 * ahead}, value)
	}
	add(chain, value, offset)
}

func (w *walker) move(entries int) {
	if w.coded {
		ADDQ(U8(entries), w.values)
	} else {
		ADDQ(U8(4*entries), w.values)
	}
	if w.index != "" {
		ADDQ(U8(int(w.width())*entries), w.columns)
	}
}

// store adds up the chains, scales and stores a row.
func store(sums [][]reg.VecVirtual) {
	for step := 1; step < len(sums); step *= 2 {
		for c := 0; c < len(sums); c += 2 * step {
			for v, sum := range sums[c] {
				VADDPS(sums[c+step][v], sum, sum)
			}
		}
	}
	scale, bias := YMM(), YMM()
	VBROADCASTSS(Mem{Base: arg(argScale)}, scale)
	VBROADCASTSS(Mem{Base: arg(argBias)}, bias)
	y := arg(argY)
	for v, sum := range sums[0] {
		VFMADD213PS(bias, scale, sum)
		VMOVUPS(sum, Mem{Base: y, Disp: vector * v})
	}
	ADDQ(U32(vector*len(sums[0])), slot(argY))
}
