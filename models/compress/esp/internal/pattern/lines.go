package pattern

import (
	"fmt"

	"espalier/models/compress/esp/internal/arith"
)

// lines are the rows and columns that have entries.
type lines struct {
	rows, cols         int // how many
	rowPlace, colPlace []int32
}

// Expected are the rows and columns that are expected to have entries, because
// of what else is known: each nil, or one for each row or column.
type Expected struct{ Rows, Cols []bool }

// sides are the rows and the columns; of none, nothing is expected.
func (x *Expected) sides() [2][]bool {
	if x == nil {
		return [2][]bool{}
	}
	return [2][]bool{x.Rows, x.Cols}
}

// context of line i is what the two lines before it are, and what is expected
// of it.
func context(before int, expected []bool, i int) int {
	if expected != nil && expected[i] {
		return before | 4
	}
	return before
}

func occupied(m Matrix) lines {
	var used lines
	for r := range m.Rows() {
		if m.Starts[r] < m.Starts[r+1] {
			used.rowPlace = append(used.rowPlace, int32(r))
		}
	}
	full := make([]bool, m.Cols)
	for _, c := range m.Columns {
		full[c] = true
	}
	for c, is := range full {
		if is {
			used.colPlace = append(used.colPlace, int32(c))
		}
	}
	used.rows, used.cols = len(used.rowPlace), len(used.colPlace)
	used.fill(m.Rows(), m.Cols)
	return used
}

// fill keeps the sizes of the whole matrix behind the places.
func (l *lines) fill(rows, cols int) {
	l.rowPlace, l.colPlace = append(l.rowPlace, int32(rows)), append(l.colPlace, int32(cols))
}

// encode writes for each row and for each column whether it has entries, in
// adaptive binary coding.
func (l lines) encode(expected *Expected) []byte {
	e := arith.NewEncoder()
	for side, places := range [][]int32{l.rowPlace, l.colPlace} {
		probs, before, next := arith.NewProbs(8), 0, 0
		for i := range int(places[len(places)-1]) {
			bit := 0
			if int(places[next]) == i {
				bit = 1
				next++
			}
			e.Bit(&probs[context(before, expected.sides()[side], i)], bit)
			before = before<<1&3 | bit
		}
	}
	return e.Bytes()
}

func decodeLines(data []byte, rows, cols int, expected *Expected) (lines, error) {
	var l lines
	d := arith.NewDecoder(data)
	for i, side := range []struct {
		n      int
		places *[]int32
	}{{rows, &l.rowPlace}, {cols, &l.colPlace}} {
		probs, before, expects := arith.NewProbs(8), 0, expected.sides()[i]
		for i := range side.n {
			bit := d.Bit(&probs[context(before, expects, i)])
			if bit == 1 {
				*side.places = append(*side.places, int32(i))
			}
			before = before<<1&3 | bit
		}
	}
	if err := d.End(); err != nil {
		return lines{}, fmt.Errorf("empty rows and columns: %w", err)
	}
	l.rows, l.cols = len(l.rowPlace), len(l.colPlace)
	l.fill(rows, cols)
	return l, nil
}

// squeeze leaves out what has no entries.
func (l lines) squeeze(m Matrix) Matrix {
	s := Matrix{Cols: l.cols, Starts: make([]int32, 0, l.rows+1), Columns: make([]int32, len(m.Columns))}
	for _, r := range l.rowPlace[:l.rows] {
		s.Starts = append(s.Starts, m.Starts[r])
	}
	s.Starts = append(s.Starts, int32(len(m.Columns)))
	place := make([]int32, m.Cols)
	for i, c := range l.colPlace[:l.cols] {
		place[c] = int32(i)
	}
	for i, c := range m.Columns {
		s.Columns[i] = place[c]
	}
	return s
}

// expand undoes squeeze.
func (l lines) expand(s Matrix, rows, cols int) Matrix {
	m := Matrix{Cols: cols, Starts: make([]int32, rows+1), Columns: s.Columns}
	for i, c := range m.Columns {
		m.Columns[i] = l.colPlace[c]
	}
	at := 0
	for r := range rows {
		m.Starts[r] = s.Starts[at]
		if int(l.rowPlace[at]) == r {
			at++
		}
	}
	m.Starts[rows] = s.Starts[len(s.Starts)-1]
	return m
}
