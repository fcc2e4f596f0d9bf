package esp

import (
	"encoding/binary"
	"math"

	"espalier/models"
	"espalier/models/compress/esp/internal/floats"
	"espalier/models/compress/esp/internal/numbers"
	"espalier/models/compress/esp/internal/pattern"
)

// The first byte of a tensor: its kind in the lowest two bits, and these.
const (
	markSparse  = 1 << 2
	maskZeros   = 1 << 3 // a mask that prunes the weights that are +0
	maskApart   = 2 << 3 // a mask of its own
	maskBits    = 3 << 3
	markByRow   = 1 << 5 // a scale for each row, not one for all
	markBeside  = 1 << 6 // the pattern is coded beside an earlier tensor
	tensorMarks = 1<<7 - 1
)

// A block is as many rows as have about so many weights. Blocks are coded apart,
// so that all processors can read a large tensor.
const blockWeights = 1 << 20

// blocks are the rows at which the blocks of a matrix begin, and its end.
func blocks(rows, columns int) []int {
	var starts []int
	for r := 0; r < rows; r += max(1, blockWeights/columns) {
		starts = append(starts, r)
	}
	return append(starts, rows)
}

func (t *Tensor) inOneBlock() bool { return len(blocks(t.Rows, t.Columns)) == 2 }

// decisions are how many decisions in adaptive binary coding, of some ten
// nanoseconds each, a list of a block with so many weights may take.
func (o Options) decisions(weights int) int {
	if o.Smallest {
		return math.MaxInt
	}
	return max(weights/16, min(1<<16, 6*weights))
}

// encodeTensor is the shortest of the forms that a parameter can have in that
// context. Of large ones a form is taken that is hardly longer than
// the shortest if it is read and multiplied by faster: a sparse one where fewer
// than half of the weights are entries, else a dense one.
func encodeTensor(p *models.Param, like context, o Options) []byte {
	dense := matrixOf(p)
	var best []byte
	least := 0
	for _, t := range forms(dense) {
		data := t.encode(context{period: like.period}, o)
		if t.Sparse && like.expected != nil && len(data) < largeTensor && t.inOneBlock() {
			if beside := t.encode(like, o); len(beside) < len(data) {
				data = beside
			}
		}
		size := len(data)
		if t.Sparse && !o.Smallest && size >= largeTensor {
			if len(t.Places) < t.Rows*t.Columns/2 {
				size -= size / hardly
			} else {
				size += size / hardly
			}
		}
		if best == nil || size < least {
			best, least = data, size
		}
	}
	return best
}

const (
	largeTensor = 1 << 14 // bytes
	hardly      = 100
)

func forms(dense *Tensor) []*Tensor {
	sparse := dense.sparse()
	var all []*Tensor
	for _, t := range []*Tensor{dense, sparse} {
		for _, form := range []*Tensor{t, t.shared(), t.scaled()} {
			if form != nil && !(t == dense && hopeless(sparse)) {
				all = append(all, form)
			}
		}
	}
	return all
}

// hopeless says whether there are so few entries that a sparse form is certain
// to be smaller than a dense one.
func hopeless(sparse *Tensor) bool {
	return len(sparse.Places) < sparse.Rows*sparse.Columns/64
}

// encode writes a mark and parts, each after its length but the last, which ends
// with the tensor.
func (t *Tensor) encode(like context, o Options) []byte {
	mark, mask := t.mask()
	if like.expected != nil {
		mark |= markBeside
	}
	for number, kind := range kinds {
		if t.Kind == kind {
			mark |= byte(number)
		}
	}
	var parts [][]byte
	switch t.Kind {
	case Codes:
		book := floats.EncodeBook(t.Codebook, o.decisions(len(t.Codebook)))
		parts = append(parts, append(binary.AppendUvarint(nil, uint64(len(t.Codebook))), book...))
	case Int8:
		if len(t.Scales) > 1 {
			mark |= markByRow
		}
		parts = append(parts, floats.Encode(t.Scales, o.decisions(len(t.Scales))))
	}
	starts := blocks(t.Rows, t.Columns)
	for i, from := range starts[:len(starts)-1] {
		parts = append(parts, t.encodeBlock(from, starts[i+1], like, o)...)
	}
	if t.Sparse {
		mark |= markSparse
	}
	if mask != nil {
		parts = append(parts, pattern.Encode(*mask, nil, like.period, o.decisions(len(t.Mask))))
	}
	out := []byte{mark}
	for i, part := range parts {
		if i < len(parts)-1 {
			out = binary.AppendUvarint(out, uint64(len(part)))
		}
		out = append(out, part...)
	}
	return out
}

// encodeBlock is where the entries of some rows are, for a sparse tensor, and
// what they are.
func (t *Tensor) encodeBlock(from, to int, like context, o Options) [][]byte {
	decisions := o.decisions((to - from) * t.Columns)
	first, last := from*t.Columns, to*t.Columns
	var parts [][]byte
	if t.Sparse {
		first, last = int(t.Starts[from]), int(t.Starts[to])
		m := pattern.Matrix{Cols: t.Columns, Starts: make([]int32, to-from+1), Columns: t.Places[first:last]}
		for r := range m.Starts {
			m.Starts[r] = t.Starts[from+r] - int32(first)
		}
		parts = append(parts, pattern.Encode(m, like.expected, like.period, decisions))
	}
	switch {
	case t.Kind == Float32:
		return append(parts, floats.Encode(t.Values[first:last], decisions))
	case t.Kind == Int8:
		folded := make([]uint8, last-first)
		for i, q := range t.Ints[first:last] {
			folded[i] = uint8(q<<1) ^ uint8(q>>7)
		}
		return append(parts, numbers.Encode(folded, decisions))
	case t.Codes16 != nil:
		return append(parts, numbers.Encode(t.Codes16[first:last], decisions))
	default:
		return append(parts, numbers.Encode(t.Codes8[first:last], decisions))
	}
}

// mask says how a mask is stored: not at all if there is none or it follows from
// the weights, otherwise as the places of the zeros that it does not prune.
func (t *Tensor) mask() (mark byte, kept *pattern.Matrix) {
	if t.Mask == nil {
		return 0, nil
	}
	m := pattern.Matrix{Cols: t.Columns, Starts: make([]int32, 1, t.Rows+1)}
	dense := t.Dense()
	for r := range t.Rows {
		for c := range t.Columns {
			if i := r*t.Columns + c; t.Mask[i] && math.Float32bits(dense[i]) == 0 {
				m.Columns = append(m.Columns, int32(c))
			}
		}
		m.Starts = append(m.Starts, int32(len(m.Columns)))
	}
	if len(m.Columns) == 0 {
		return maskZeros, nil
	}
	return maskApart, &m
}
