package pattern_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"espalier/models/compress/esp/internal/pattern"
)

// drawn is a pattern in which an entry is as probable as its row and column
// say together.
func drawn(r *rand.Rand, rows, cols int, density float64, even bool) pattern.Matrix {
	m := pattern.Matrix{Cols: cols, Starts: []int32{0}}
	byCol := make([]float64, cols)
	for c := range byCol {
		byCol[c] = 1
		if !even {
			byCol[c] = 2 * r.Float64() * float64(r.IntN(2))
		}
	}
	for range rows {
		byRow := density
		if !even {
			byRow *= 2 * r.Float64() * float64(r.IntN(2))
		}
		for c := range cols {
			if r.Float64() < byRow*byCol[c] {
				m.Columns = append(m.Columns, int32(c))
			}
		}
		m.Starts = append(m.Starts, int32(len(m.Columns)))
	}
	return m
}

// sorted is a pattern with its rows in the order of their first entries.
func sorted(m pattern.Matrix) pattern.Matrix {
	var rows [][]int32
	for r := range m.Rows() {
		rows = append(rows, m.Columns[m.Starts[r]:m.Starts[r+1]])
	}
	slices.SortStableFunc(rows, func(a, b []int32) int {
		if len(a) == 0 || len(b) == 0 {
			return len(b) - len(a)
		}
		return slices.Compare(a, b)
	})
	s := pattern.Matrix{Cols: m.Cols, Starts: []int32{0}}
	for _, row := range rows {
		s.Columns = append(s.Columns, row...)
		s.Starts = append(s.Starts, int32(len(s.Columns)))
	}
	return s
}

// turned is a pattern with rows as columns.
func turned(m pattern.Matrix) pattern.Matrix {
	rows := make([][]int32, m.Cols)
	for r := range m.Rows() {
		for _, c := range m.Columns[m.Starts[r]:m.Starts[r+1]] {
			rows[c] = append(rows[c], int32(r))
		}
	}
	t := pattern.Matrix{Cols: m.Rows(), Starts: []int32{0}}
	for _, row := range rows {
		t.Columns = append(t.Columns, row...)
		t.Starts = append(t.Starts, int32(len(t.Columns)))
	}
	return t
}

func same(a, b pattern.Matrix) bool {
	return a.Cols == b.Cols && slices.Equal(a.Starts, b.Starts) && slices.Equal(a.Columns, b.Columns)
}

// guessed is what somebody might expect of a matrix: at times nothing, mostly
// what is so.
func guessed(r *rand.Rand, m pattern.Matrix) *pattern.Expected {
	if r.IntN(3) == 0 {
		return nil
	}
	x := &pattern.Expected{Rows: make([]bool, m.Rows())}
	if r.IntN(2) == 0 {
		x.Cols = make([]bool, m.Cols)
	}
	for row := range x.Rows {
		x.Rows[row] = (m.Starts[row] < m.Starts[row+1]) != (r.IntN(20) == 0)
	}
	for _, c := range m.Columns {
		if x.Cols != nil {
			x.Cols[c] = true
		}
	}
	return x
}

// Rows that are empty where it was expected take nearly nothing.
func TestExpectedLinesTakeNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 1))
	m := pattern.Matrix{Cols: 1, Starts: []int32{0}}
	x := &pattern.Expected{}
	for range 500 {
		x.Rows = append(x.Rows, r.IntN(2) == 0)
		if x.Rows[len(x.Rows)-1] {
			m.Columns = append(m.Columns, 0)
		}
		m.Starts = append(m.Starts, int32(len(m.Columns)))
	}
	if plain, known := len(pattern.Encode(m, nil, 1, 1<<20)), len(pattern.Encode(m, x, 1, 1<<20)); plain < 60 || known > 16 {
		t.Errorf("500 rows at random take %d bytes, and %d where they are expected", plain, known)
	}
}

func TestPatternsComeBack(t *testing.T) {
	t.Parallel()
	kinds := map[byte]bool{}
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 1))
		rows, cols := 1+r.IntN(60), 1+r.IntN(90)
		m := drawn(r, rows, cols, r.Float64()*r.Float64(), seed%2 == 0)
		switch seed % 3 {
		case 1:
			m = sorted(m)
		case 2:
			m = turned(sorted(turned(m)))
		}
		x, period := guessed(r, m), 1+r.IntN(cols)
		for _, decisions := range []int{0, 1 << 20} {
			data := pattern.Encode(m, x, period, decisions)
			kinds[data[0]] = true
			got, err := pattern.Decode(data, rows, cols, x)
			if err != nil || !same(got, m) {
				t.Fatalf("seed %d, %d x %d, kind %d: %v\n%v\n%v", seed, rows, cols, data[0], err, got, m)
			}
		}
	}
	if len(kinds) != 10 {
		t.Errorf("kinds %v were chosen, want all ten", kinds)
	}
}

func TestMalformedPatterns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":             {nil, "a pattern of 0 bytes"},
		"unknown":             {[]byte{32, 0}, "pattern of kind 32 is not known"},
		"a map of everything": {[]byte{1, 0}, "pattern of kind 1 is not known"},
		"too many":            {[]byte{0, 13}, "13 entries in a matrix of 3 x 4"},
		"no count":            {[]byte{0, 200}, "entries in a matrix of 3 x 4"},
		"no gaps":             {[]byte{0, 1}, "no bytes for 1 numbers"},
		"behind the end":      {[]byte{0, 2, 0, 6}, "entry 1 lies behind the last place of a matrix of 3 x 4"},
		"far behind the end":  {[]byte{0, 1, 0, 0xff, 0xff, 0xff, 0xff, 7}, "entry 0 lies behind the last place"},
		"names too long":      {[]byte{4, 1, 9}, "empty rows and columns in 9 bytes"},
		"nothing is occupied": {[]byte{4, 1, 0, 0, 0}, "1 entries in 0 rows and 0 columns that have any"},
		"an empty map":        {[]byte{5, 1, 0}, "1 entries in 0 rows and 0 columns that have any"},
		"blended gaps":        {[]byte{8, 1, 1}, "pattern of kind 8 is not known"},
		"blended, squeezed":   {[]byte{13, 1, 1}, "pattern of kind 13 is not known"},
		"rising, not blended": {[]byte{17, 1, 1}, "pattern of kind 17 is not known"},
		"rising gaps":         {[]byte{16, 1, 1}, "pattern of kind 16 is not known"},
		"no period":           {[]byte{9, 1}, "a map with a period of 0, allowed are 1 to 4"},
		"period of nothing":   {[]byte{9, 1, 0}, "a map with a period of 0, allowed are 1 to 4"},
		"too long a period":   {[]byte{9, 1, 5}, "a map with a period of 5, allowed are 1 to 4"},
		"blended nothing":     {[]byte{9, 0, 1}, "a blended map of 0 entries in 3 x 4 places"},
		"none on the map":     {[]byte{9, 1, 1}, "0 entries are on the map, want 1"},
		"none in a row":       {[]byte{25, 1, 1}, "row 0 of a rising map has no entries, and 1 are to come"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if m, err := pattern.Decode(test.data, 3, 4, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, error %v, want %s", m, err, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		rows, cols := 1+r.IntN(30), 1+r.IntN(30)
		f.Add(pattern.Encode(sorted(drawn(r, rows, cols, 0.1, true)), nil, 1+r.IntN(cols), 1<<20), uint8(rows), uint8(cols))
		f.Add(pattern.Encode(drawn(r, rows, cols, 0.2, seed%3 == 0), nil, 1+r.IntN(cols), int(seed%2)<<20), uint8(rows), uint8(cols))
	}
	f.Fuzz(func(t *testing.T, data []byte, rows, cols uint8) {
		m, err := pattern.Decode(data, int(rows)+1, int(cols)+1, nil)
		if err != nil {
			return
		}
		if again, err := pattern.Decode(pattern.Encode(m, nil, 1+len(data)%m.Cols, 1<<20), m.Rows(), m.Cols, nil); err != nil || !same(again, m) {
			t.Errorf("what was read from %x is not what is written: %v", data, err)
		}
	})
}
