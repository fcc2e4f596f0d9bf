// Package pattern writes where the entries of a sparse matrix are in few bytes.
//
// Rows and columns that have no entries are named first and left out, which in
// a pruned network are many. What is left is written in one of two ways,
// whichever is shorter: as the gaps between entries, by rows or by columns, or
// as a map in adaptive binary coding, where a place is the more probable to
// hold an entry the more entries its row and its column have had so far.
//
// [Decode] reads what nobody has checked. What it takes is bounded by the
// matrix: some bytes for each row and each place for an entry.
package pattern

import (
	"encoding/binary"
	"fmt"
	"math"

	"espalier/models/compress/esp/internal/numbers"
)

// Matrix is where the entries are, in compressed rows: those of row r are in
// Columns[Starts[r]:Starts[r+1]], ascending.
type Matrix struct {
	Cols    int
	Starts  []int32 // one more than there are rows
	Columns []int32
}

// Rows is how many there are.
func (m Matrix) Rows() int { return len(m.Starts) - 1 }

// The first byte of a pattern.
const (
	markMap      = 1 << 0 // a map, not gaps
	markColumns  = 1 << 1 // gaps, or the map, go down the columns
	markSqueezed = 1 << 2 // empty rows and columns are named and left out
	markBlended  = 1 << 3 // the map is blended of several models
	markRising   = 1 << 4 // and no row begins before the row above it
	marks        = 1<<5 - 1
)

// known says whether there are patterns with these marks.
func known(mark byte) bool {
	switch {
	case mark&^marks != 0:
		return false
	case mark&markBlended != 0:
		return mark&(markMap|markSqueezed) == markMap
	default:
		return mark&markRising == 0 && mark&(markMap|markSqueezed) != markMap
	}
}

// Blended says whether a pattern is one of those that came with version 2 of
// the file.
func Blended(data []byte) bool { return len(data) > 0 && data[0]&markBlended != 0 }

// Encode writes a pattern, with adaptive coding only where it takes at most
// decisions between 0 and 1; a blended one counts for blendedCost. A reader has
// to expect the same. period is after how many columns they are alike, the
// places of a kernel for instance, 1 if that is not known.
func Encode(m Matrix, expected *Expected, period, decisions int) []byte {
	n := len(m.Columns)
	if n == 0 {
		return []byte{0, 0}
	}
	best := appendGaps(header(0, n), m, decisions)
	keep := func(data []byte) {
		if len(data) < len(best) {
			best = data
		}
	}
	keep(appendGaps(header(markColumns, n), m.transposed(), decisions))
	used := occupied(m)
	named := used.encode(expected)
	squeezed := used.squeeze(m)
	front := func(mark byte) []byte {
		data := binary.AppendUvarint(header(mark|markSqueezed, n), uint64(len(named)))
		return append(data, named...)
	}
	if squeezed.Rows()+squeezed.Cols < m.Rows()+m.Cols {
		keep(appendGaps(front(0), squeezed, decisions))
		keep(appendGaps(front(markColumns), squeezed.transposed(), decisions))
	}
	if squeezed.Rows()*squeezed.Cols <= decisions {
		keep(appendMap(front(markMap), squeezed))
		keep(appendMap(front(markMap|markColumns), squeezed.transposed()))
	}
	if places := int64(m.Rows()) * int64(m.Cols); places <= maxBlended && places*blendedCost <= int64(decisions) {
		keep(encodeBlended(m, markMap, period))
		keep(encodeBlended(m.transposed(), markMap|markColumns, 1))
	}
	return best
}

func header(mark byte, n int) []byte { return binary.AppendUvarint([]byte{mark}, uint64(n)) }

// Decode reads a pattern of a matrix with these rows and columns, whose product
// fits an int32, and of which so much is expected.
func Decode(data []byte, rows, cols int, expected *Expected) (Matrix, error) {
	if len(data) < 2 {
		return Matrix{}, fmt.Errorf("a pattern of %d bytes", len(data))
	}
	mark := data[0]
	count, size := binary.Uvarint(data[1:])
	if !known(mark) {
		return Matrix{}, fmt.Errorf("pattern of kind %d is not known", mark)
	}
	if size <= 0 || count > uint64(rows)*uint64(cols) {
		return Matrix{}, fmt.Errorf("%d entries in a matrix of %d x %d", count, rows, cols)
	}
	n, data := int(count), data[1+size:]
	all := lines{rows: rows, cols: cols}
	if mark&markSqueezed != 0 {
		length, size := binary.Uvarint(data)
		if size <= 0 || length > uint64(len(data)-size) {
			return Matrix{}, fmt.Errorf("empty rows and columns in %d bytes of %d", length, len(data))
		}
		var err error
		if all, err = decodeLines(data[size:size+int(length)], rows, cols, expected); err != nil {
			return Matrix{}, err
		}
		data = data[size+int(length):]
	}
	m, err := decodeBody(mark, data, all.rows, all.cols, n)
	if err != nil {
		return Matrix{}, err
	}
	if mark&markSqueezed != 0 {
		m = all.expand(m, rows, cols)
	}
	return m, nil
}

func decodeBody(mark byte, data []byte, rows, cols, n int) (m Matrix, err error) {
	if int64(n) > int64(rows)*int64(cols) {
		return Matrix{}, fmt.Errorf("%d entries in %d rows and %d columns that have any", n, rows, cols)
	}
	decode := decodeGaps
	switch {
	case mark&markBlended != 0:
		decode = func(data []byte, rows, cols, n int) (Matrix, error) {
			return decodeBlended(data, rows, cols, n, mark&markRising != 0)
		}
	case mark&markMap != 0:
		decode = decodeMap
	}
	if mark&markColumns == 0 {
		return decode(data, rows, cols, n)
	}
	if m, err = decode(data, cols, rows, n); err != nil {
		return Matrix{}, err
	}
	return m.transposed(), nil
}

// appendGaps writes how many places without an entry lie before each, row after
// row.
func appendGaps(out []byte, m Matrix, decisions int) []byte {
	gaps := make([]uint32, 0, len(m.Columns))
	next := 0
	for r := range m.Rows() {
		for _, c := range m.Columns[m.Starts[r]:m.Starts[r+1]] {
			at := r*m.Cols + int(c)
			gaps = append(gaps, uint32(at-next))
			next = at + 1
		}
	}
	return append(out, numbers.Encode(gaps, decisions)...)
}

func decodeGaps(data []byte, rows, cols, n int) (Matrix, error) {
	gaps, err := numbers.Decode[uint32](data, n, math.MaxInt32)
	if err != nil {
		return Matrix{}, fmt.Errorf("gaps: %w", err)
	}
	m := Matrix{Cols: cols, Starts: make([]int32, rows+1), Columns: make([]int32, n)}
	row, column := 0, int64(0) // of the next place
	for i, gap := range gaps {
		column += int64(gap)
		for column >= int64(cols) {
			if int64(cols)*int64(rows-row) <= column {
				return Matrix{}, fmt.Errorf("entry %d lies behind the last place of a matrix of %d x %d", i, rows, cols)
			}
			skipped := int64(1)
			if column >= 8*int64(cols) {
				skipped = column / int64(cols)
			}
			for range skipped {
				row++
				m.Starts[row] = int32(i)
			}
			column -= skipped * int64(cols)
		}
		m.Columns[i] = int32(column)
		column++
	}
	for row < rows {
		row++
		m.Starts[row] = int32(n)
	}
	return m, nil
}

// transposed is the same pattern with rows as columns.
func (m Matrix) transposed() Matrix {
	t := Matrix{Cols: m.Rows(), Starts: make([]int32, m.Cols+1), Columns: make([]int32, len(m.Columns))}
	for _, c := range m.Columns {
		t.Starts[c+1]++
	}
	for c := range m.Cols {
		t.Starts[c+1] += t.Starts[c]
	}
	at := make([]int32, m.Cols)
	copy(at, t.Starts)
	for r := range m.Rows() {
		for _, c := range m.Columns[m.Starts[r]:m.Starts[r+1]] {
			t.Columns[at[c]] = int32(r)
			at[c]++
		}
	}
	return t
}
