package pattern

import (
	"fmt"
	"math/bits"

	"espalier/models/compress/esp/internal/arith"
)

// density is a place's neighbourhood: how full its row and its column have been
// so far, on a scale of doublings, and whether the places to its left and above
// it hold entries.
type density struct {
	probs   []arith.Prob
	inCol   []int32 // entries of each column so far
	above   []bool
	inRow   int32
	left    bool
	rowSeen int32 // rows before this one
}

const (
	steps    = 13
	contexts = steps * steps * 4
)

func newDensity(cols int) *density {
	return &density{probs: arith.NewProbs(contexts), inCol: make([]int32, cols), above: make([]bool, cols)}
}

// step is about the logarithm of the share n of seen, from 0 for less than one
// of 2^11: the whole logarithm of (2n + 1) / (2 seen + 4), plus 12.
func step(n, seen int32) int {
	above, below := 2*uint64(n)+1, 2*uint64(seen)+4
	down := bits.Len64(below) - bits.Len64(above) // above < below
	if above<<down < below {
		down++
	}
	return max(0, 12-down)
}

// at is the probability for a place.
func (d *density) at(c int) *arith.Prob {
	context := step(d.inRow, int32(c))*steps + step(d.inCol[c], d.rowSeen)
	context *= 4
	if d.left {
		context++
	}
	if d.above[c] {
		context += 2
	}
	return &d.probs[context]
}

func (d *density) learn(c int, entry bool) {
	if entry {
		d.inRow++
		d.inCol[c]++
	}
	d.left, d.above[c] = entry, entry
}

func (d *density) endRow() { d.inRow, d.left, d.rowSeen = 0, false, d.rowSeen+1 }

func appendMap(out []byte, m Matrix) []byte {
	e, near := arith.NewEncoder(), newDensity(m.Cols)
	for r := range m.Rows() {
		entries := m.Columns[m.Starts[r]:m.Starts[r+1]]
		for c := range m.Cols {
			bit := 0
			if len(entries) > 0 && int(entries[0]) == c {
				bit, entries = 1, entries[1:]
			}
			e.Bit(near.at(c), bit)
			near.learn(c, bit == 1)
		}
		near.endRow()
	}
	return append(out, e.Bytes()...)
}

func decodeMap(data []byte, rows, cols, n int) (Matrix, error) {
	m := Matrix{Cols: cols, Starts: make([]int32, rows+1), Columns: make([]int32, 0, n)}
	d, near := arith.NewDecoder(data), newDensity(cols)
	for r := range rows {
		for c := range cols {
			bit := d.Bit(near.at(c))
			near.learn(c, bit == 1)
			if bit == 0 {
				continue
			}
			if len(m.Columns) == n {
				return Matrix{}, fmt.Errorf("more than %d entries are on the map", n)
			}
			m.Columns = append(m.Columns, int32(c))
		}
		m.Starts[r+1] = int32(len(m.Columns))
		near.endRow()
	}
	if len(m.Columns) != n {
		return Matrix{}, fmt.Errorf("%d entries are on the map, want %d", len(m.Columns), n)
	}
	return m, d.End()
}
