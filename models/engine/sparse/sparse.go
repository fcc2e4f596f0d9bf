// Package sparse multiplies by weights most of which are zero, or that take
// few different values, in the form in which they are kept: it reads a zero
// nowhere, and of a shared value one byte.
//
// A [Matrix] holds the weights of a layer, a row for each output, as the values
// that are not zero and the columns where they stand (CSR), or as one-byte
// codes of a codebook in place of the values (Han, Mao and Dally 2016). A
// [Linear] layer multiplies it with one sample by gathering what each row reads,
// and with many by meeting each weight with eight samples in a vector. A [Conv]
// layer is the direct sparse convolution of Park et al. 2017: each weight of a
// filter meets neighbouring pixels of the plane of its channel.
//
// Everything runs on the calling goroutine and allocates nothing; callers
// divide rows or samples among goroutines. What is computed for a row does not
// depend on how the rows are divided among calls, and the AVX2, the AVX-512 and
// the portable code give the same bits. A weight that is 0 does not see what it
// would be multiplied with, be it infinite or no number. Slices that are too
// short panic.
package sparse

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

const (
	// MaxColumns is how many columns a matrix may have.
	MaxColumns = 1 << 16
	// MaxShared is how many different values a codebook may hold.
	MaxShared = 256

	smallBook = 32 // entries that two registers of AVX-512 hold
	room      = 16 // entries that the assembly may read behind the last
)

// Matrix is the weights of a layer. It does not change, and is safe for
// concurrent use.
type Matrix struct {
	Rows, Columns int

	entries
	ones, zeros []float32 // a scale and a bias that change nothing
}

// entries are the weights of a matrix that take part, row by row.
type entries struct {
	starts  []int32   // the first entry of each row, and behind it that of none
	columns []uint16  // nil where every element is an entry
	offsets []int32   // instead of columns: where in an image the operands begin
	values  []float32 // nil where there are codes
	codes   []uint8
	book    []float32 // of MaxShared values, the last ones unused
	shared  int       // used values of the book
}

// New keeps the weights that are not 0, of rows x columns.
func New(weights []float32, rows, columns int) (*Matrix, error) {
	m, err := newMatrix(weights, rows, columns)
	if err != nil {
		return nil, err
	}
	m.index(weights)
	n := m.Entries()
	m.values = make([]float32, 0, n+room)
	for _, w := range weights {
		if w != 0 {
			m.values = append(m.values, w)
		}
	}
	m.values = m.values[:n+room]
	return m, nil
}

// NewShared keeps weights that take at most [MaxShared] different values, those
// that are 0 not counted, as codes: of all of them, or where a third or more are
// 0 of the others.
func NewShared(weights []float32, rows, columns int) (*Matrix, error) {
	m, err := newMatrix(weights, rows, columns)
	if err != nil {
		return nil, err
	}
	book, zeros, ok := bookOf(weights)
	if !ok {
		return nil, fmt.Errorf("the weights take more than %d different values", MaxShared)
	}
	// An index takes two bytes, and saves the product with 0. A full codebook has
	// no code left for it.
	sparse := 3*zeros >= len(weights) || zeros > 0 && len(book) == MaxShared
	if sparse {
		m.index(weights)
	} else {
		if zeros > 0 {
			book = append(book, 0)
		}
		for r := range m.starts {
			m.starts[r] = int32(r * columns)
		}
	}
	codes := make(map[uint32]uint8, len(book))
	for i, w := range book {
		codes[math.Float32bits(w)] = uint8(i)
	}
	m.codes = make([]uint8, 0, m.Entries()+room)
	for _, w := range weights {
		if w != 0 || !sparse {
			m.codes = append(m.codes, codes[math.Float32bits(w+0)]) // of -0 that of 0
		}
	}
	m.codes = m.codes[:len(m.codes)+room]
	m.shared = len(book)
	m.book = append(book, make([]float32, MaxShared-len(book))...)
	return m, nil
}

// bookOf are the different values that are not 0, in order, and
// how many weights are 0. It is not ok where there are too many.
func bookOf(weights []float32) (book []float32, zeros int, ok bool) {
	seen := make(map[uint32]bool)
	for _, w := range weights {
		bits := math.Float32bits(w)
		switch {
		case w == 0:
			zeros++
		case seen[bits]:
		case len(book) == MaxShared:
			return nil, 0, false
		default:
			seen[bits] = true
			book = append(book, w)
		}
	}
	slices.Sort(book)
	return book, zeros, true
}

func newMatrix(weights []float32, rows, columns int) (*Matrix, error) {
	if rows < 1 || columns < 1 || columns > MaxColumns {
		return nil, fmt.Errorf("a matrix of %d x %d: there is at least one row, and from 1 to %d columns", rows, columns, MaxColumns)
	}
	if len(weights) != rows*columns {
		return nil, fmt.Errorf("%d weights for a matrix of %d x %d", len(weights), rows, columns)
	}
	m := &Matrix{Rows: rows, Columns: columns, ones: make([]float32, rows), zeros: make([]float32, rows)}
	for i := range m.ones {
		m.ones[i] = 1
	}
	m.starts = make([]int32, rows+1)
	return m, nil
}

// index finds the entries of weights that are not all kept.
func (m *Matrix) index(weights []float32) {
	n := 0
	for _, w := range weights {
		if w != 0 {
			n++
		}
	}
	m.columns = make([]uint16, 0, n+room)
	for r := range m.Rows {
		for c, w := range weights[r*m.Columns:][:m.Columns] {
			if w != 0 {
				m.columns = append(m.columns, uint16(c))
			}
		}
		m.starts[r+1] = int32(len(m.columns))
	}
	m.columns = m.columns[:n+room]
}

// Entries is how many weights take part in a product.
func (m *Matrix) Entries() int { return int(m.starts[m.Rows]) }

// Bytes is how many bytes a product reads of the matrix.
func (m *Matrix) Bytes() int {
	n := 4 * len(m.starts)
	perEntry := 0
	if m.columns != nil {
		perEntry += 2
	}
	if m.codes != nil {
		perEntry, n = perEntry+1, n+4*m.shared
	} else {
		perEntry += 4
	}
	return n + perEntry*m.Entries()
}

// Share is the part's rows of all: about as many entries for each part.
func (m *Matrix) Share(part, parts int) (lo, hi int) {
	return m.bound(part, parts), m.bound(part+1, parts)
}

func (m *Matrix) bound(part, parts int) int {
	if part == parts {
		return m.Rows
	}
	want := (m.Entries() + m.Rows) * part / parts // rows count too: one without entries is written as well
	return sort.Search(m.Rows, func(r int) bool { return int(m.starts[r])+r >= want })
}

// Epilogue is what the sums of a row become before they are stored:
// y = relu(scale*sum + bias).
type Epilogue struct {
	Scale []float32 // one a row, or nil for 1
	Bias  []float32 // one a row, or nil for 0
	ReLU  bool      // sets what is negative to 0; NaN stays NaN
}

// lines are the scales and biases of the rows.
func (m *Matrix) lines(e Epilogue) (scale, bias []float32) {
	scale, bias = m.ones, m.zeros
	if e.Scale != nil {
		scale = e.Scale[:m.Rows]
	}
	if e.Bias != nil {
		bias = e.Bias[:m.Rows]
	}
	return scale, bias
}
