package pattern

import (
	"encoding/binary"
	"fmt"

	"espalier/models/compress/esp/internal/arith"
)

// maxBlended is how many places a blended map may have. A place takes some tens of
// nanoseconds, and products of its counts must fit 64 bits.
const maxBlended = 1 << 24

// blendedCost is how many decisions of a plain map one of a blended one is worth.
const blendedCost = 8

// isRising says whether no row has its first entry before that of the row
// above, and rows without entries come last.
func (m Matrix) isRising() bool {
	last := int32(0)
	for r := range m.Rows() {
		first := int32(m.Cols)
		if m.Starts[r] < m.Starts[r+1] {
			first = m.Columns[m.Starts[r]]
		}
		if first < last {
			return false
		}
		last = first
	}
	return true
}

// places is what a blended map knows of the places so far.
type places struct {
	cols, period, width int
	n, size             uint64 // entries and places, for what an entry is at first

	rows           uint64 // before this one
	row, above     []bool // this one and the one above
	inRow, inAbove uint64
	inCol, inGroup []uint32
	here           []uint32 // entries of this row in each group
	firstAbove     int      // the first entry of the row above, then of this one

	rowProbs, nearProbs, groupProbs []arith.Prob
	open, started                   []int32 // weights before and after the first entry of a row
	blend                           *arith.Blend
}

const (
	rowSteps   = 64 // the last two are for places before the first entry of a row
	groupSteps = 64
	opinions   = 6
)

func newPlaces(rows, cols, period, n int) *places {
	groups := (cols + period - 1) / period
	p := &places{
		cols: cols, period: period, n: uint64(n), size: uint64(rows) * uint64(cols),
		row: make([]bool, cols), above: make([]bool, cols), inCol: make([]uint32, cols), inGroup: make([]uint32, groups), here: make([]uint32, groups),
		open: arith.Weights(opinions), started: arith.Weights(opinions),
	}
	for p.width = 1; (p.width+1)*(p.width+1) <= period; {
		p.width++
	}
	prior := arith.LogOdds(p.n, p.size)
	p.blend = arith.NewBlend(prior)
	probs := func(n int) []arith.Prob {
		all := make([]arith.Prob, n)
		for i := range all {
			all[i] = arith.FromLogOdds(prior)
		}
		return all
	}
	p.rowProbs, p.nearProbs, p.groupProbs = probs(rowSteps), probs(16), probs(4*groupSteps)
	return p
}

// halves is the logarithm of part of all in half doublings, from below limit
// for a half or more down to 0.
func halves(part, all uint64, limit int) int {
	return max(0, min(limit-1, limit+int((arith.Log(part)-arith.Log(all))>>11)))
}

// expect prepares the blend for a place.
func (p *places) expect(c int, rising bool) *arith.Blend {
	g := c / p.period
	// Shares of entries, as of some places more that are as full as all are; of
	// the row, as of half the row above.
	inRow, ofRow := (10*p.inRow+5*p.inAbove+3)*p.n, (10*uint64(c)+5*uint64(p.cols))*p.n+3*p.size
	inCol, ofCol := (10*uint64(p.inCol[c])+4)*p.n, 10*p.rows*p.n+4*p.size
	inGroup, ofGroup := (10*uint64(p.inGroup[g])+5)*p.n, 10*(p.rows*uint64(p.period)+uint64(c%p.period))*p.n+5*p.size

	row := halves(inRow, ofRow, rowSteps-2)
	weights := p.started
	if p.inRow == 0 {
		weights = p.open
		if rising {
			row = rowSteps - 1
			if p.rows > 0 && c == p.firstAbove {
				row = rowSteps - 2
			}
		}
	}
	near := 0
	for i, entry := range []bool{c > 0 && p.row[max(0, c-1)], p.above[c], c > 1 && p.row[max(0, c-2)], p.width > 1 && c%p.period >= p.width && p.row[max(0, c-p.width)]} {
		if entry {
			near |= 1 << i
		}
	}
	b := p.blend
	b.Begin(weights)
	b.Learned(&p.rowProbs[row])
	b.Learned(&p.nearProbs[near])
	b.Learned(&p.groupProbs[int(min(p.here[g], 3))*groupSteps+halves(inGroup, ofGroup, groupSteps)])
	b.Estimate(inRow, ofRow)
	b.Estimate(inCol, ofCol)
	b.Estimate(inGroup, ofGroup)
	return b
}

func (p *places) learn(c int, entry bool) {
	p.row[c] = entry
	if entry {
		if p.inRow == 0 {
			p.firstAbove = c
		}
		g := c / p.period
		p.inRow++
		p.inCol[c]++
		p.inGroup[g]++
		p.here[g]++
	}
}

func (p *places) endRow() {
	p.row, p.above = p.above, p.row
	clear(p.row)
	clear(p.here)
	p.inAbove, p.inRow, p.rows = p.inRow, 0, p.rows+1
}

// walk goes over the places of a blended map until n entries have been found.
// at says whether a place holds one.
func walk(rows, cols, period, n int, rising bool, at func(r, c int, b *arith.Blend) bool) error {
	p := newPlaces(rows, cols, period, n)
	found := 0
	for r := range rows {
		from := 0
		if rising && r > 0 {
			from = p.firstAbove
		}
		for c := from; c < cols; c++ {
			entry := at(r, c, p.expect(c, rising))
			p.learn(c, entry)
			if entry {
				if found++; found == n {
					return nil
				}
			}
		}
		if rising && p.inRow == 0 {
			return fmt.Errorf("row %d of a rising map has no entries, and %d are to come", r, n-found)
		}
		p.endRow()
	}
	return fmt.Errorf("%d entries are on the map, want %d", found, n)
}

// encodeBlended is a blended map of a matrix, by its rows or, if mark says so,
// of what is left when these were columns.
func encodeBlended(m Matrix, mark byte, period int) []byte {
	rising := m.isRising()
	if rising {
		mark |= markRising
	}
	return appendBlended(header(mark|markBlended, len(m.Columns)), m, period, rising)
}

// appendBlended writes a map of at least one entry.
func appendBlended(out []byte, m Matrix, period int, rising bool) []byte {
	e := arith.NewEncoder()
	next := 0
	_ = walk(m.Rows(), m.Cols, period, len(m.Columns), rising, func(r, c int, b *arith.Blend) bool {
		entry := next < int(m.Starts[r+1]) && int(m.Columns[next]) == c
		bit := 0
		if entry {
			bit = 1
			next++
		}
		e.Blended(b, bit)
		return entry
	})
	return append(binary.AppendUvarint(out, uint64(period)), e.Bytes()...)
}

func decodeBlended(data []byte, rows, cols, n int, rising bool) (Matrix, error) {
	period, size := binary.Uvarint(data)
	if size <= 0 || period < 1 || period > uint64(cols) {
		return Matrix{}, fmt.Errorf("a map with a period of %d, allowed are 1 to %d, its columns", period, cols)
	}
	if int64(rows)*int64(cols) > maxBlended || n == 0 {
		return Matrix{}, fmt.Errorf("a blended map of %d entries in %d x %d places, at most %d are allowed", n, rows, cols, maxBlended)
	}
	m := Matrix{Cols: cols, Starts: make([]int32, rows+1), Columns: make([]int32, 0, n)}
	d := arith.NewDecoder(data[size:])
	err := walk(rows, cols, int(period), n, rising, func(r, c int, b *arith.Blend) bool {
		if d.Blended(b) == 0 {
			return false
		}
		m.Columns = append(m.Columns, int32(c))
		m.Starts[r+1] = int32(len(m.Columns))
		return true
	})
	if err != nil {
		return Matrix{}, err
	}
	for r := range rows {
		m.Starts[r+1] = max(m.Starts[r+1], m.Starts[r])
	}
	return m, d.End()
}
