package compress_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/compress"
)

// The paper's figure 1: weights at 1, 4 and 15, gaps of three bits. The figure
// prints a gap as the difference of positions; what is stored is 1 less.
func TestTheFigureOfThePaper(t *testing.T) {
	t.Parallel()
	values := make([]float32, 16)
	values[1], values[4], values[15] = 3.4, 0.9, 1.7
	got, err := compress.Encode(values, compress.View{Rows: 1, Columns: 16, Order: compress.ByRows}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint16{1, 2, 7, 2}; !slices.Equal(got.Gaps, want) {
		t.Errorf("gaps %v, want %v", got.Gaps, want)
	}
	if want := []float32{3.4, 0.9, 0, 1.7}; !slices.Equal(got.Values, want) {
		t.Errorf("values %v, want %v", got.Values, want)
	}
	if want := int64(4 * (3 + 32)); got.Size() != want {
		t.Errorf("Size() = %d bits, want %d", got.Size(), want)
	}
}

func TestColumnsAreWalkedDown(t *testing.T) {
	t.Parallel()
	values := []float32{0, 2, 0, 1, 0, 3} // 2 x 3
	got, err := compress.Encode(values, compress.View{Rows: 2, Columns: 3, Order: compress.ByColumns}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint16{1, 0, 2}; !slices.Equal(got.Gaps, want) { // steps 1, 2 and 5 of 0 1 | 2 0 | 0 3
		t.Errorf("gaps %v, want %v", got.Gaps, want)
	}
	if want := []float32{1, 2, 3}; !slices.Equal(got.Values, want) {
		t.Errorf("values %v, want %v", got.Values, want)
	}
}

func TestViewOfATensorHasARowForEachFilter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		shape models.Shape
		want  compress.View
	}{
		"linear":    {models.Shape{10, 100}, compress.View{Rows: 10, Columns: 100, Order: compress.ByRows}},
		"filters":   {models.Shape{50, 20, 5, 5}, compress.View{Rows: 50, Columns: 500, Order: compress.ByRows}},
		"depthwise": {models.Shape{8, 1, 3, 3}, compress.View{Rows: 8, Columns: 9, Order: compress.ByRows}},
		"a vector":  {models.Shape{7}, compress.View{Rows: 7, Columns: 1, Order: compress.ByRows}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := compress.ViewOf(test.shape, compress.ByRows); got != test.want {
				t.Errorf("ViewOf(%v) = %+v, want %+v", test.shape, got, test.want)
			}
		})
	}
}

// Matrices come back bit for bit, through every width of gap, either order, and
// bytes with and without Huffman's code.
func TestMatricesComeBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	matrices := map[string]struct {
		rows, columns int
		values        []float32
	}{
		"one weight":             {1, 1, []float32{-0.5}},
		"one zero":               {1, 1, []float32{0}},
		"all zero":               {40, 50, make([]float32, 2000)},
		"all there":              {20, 30, drawn(r, 600, 1)},
		"one row":                {1, 500, drawn(r, 500, 0.1)},
		"one column":             {500, 1, drawn(r, 500, 0.1)},
		"empty rows":             {50, 20, slices.Concat(make([]float32, 300), drawn(r, 100, 0.5), make([]float32, 600))},
		"the last weight only":   {300, 300, append(make([]float32, 89999), 1)},
		"a gap of 8":             {1, 9, append(make([]float32, 8), 1)},
		"a gap of 7":             {1, 8, append(make([]float32, 7), 1)},
		"two gaps of 65536":      {2, 65537, slices.Concat(make([]float32, 65536), []float32{1}, make([]float32, 65536), []float32{1})},
		"numbers of every kind":  {1, 6, []float32{float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(-1)), 0, 1e-45, math.MaxFloat32}},
		"sparse":                 {123, 77, drawn(r, 123*77, 0.03)},
		"half of it":             {31, 64, drawn(r, 31*64, 0.5)},
		"negative zero and zero": {2, 2, []float32{0, float32(math.Copysign(0, -1)), 0, 0}},
	}
	for name, m := range matrices {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, order := range []string{compress.ByRows, compress.ByColumns} {
				for _, bits := range []int{0, 3, 4, 5, 8, 11, 16} {
					v := compress.View{Rows: m.rows, Columns: m.columns, Order: order}
					s, err := compress.Encode(m.values, v, bits)
					if err != nil {
						t.Fatal(err)
					}
					if got, err := s.Decode(); err != nil || !sameBits(got, m.values) {
						t.Fatalf("%s, %d bits: Decode = %v, want what was encoded", order, bits, err)
					}
					for _, huffman := range []bool{false, true} {
						if got, err := s.Pack(huffman).Sparse(); err != nil || !slices.Equal(got.Gaps, s.Gaps) || !sameBits(got.Values, s.Values) {
							t.Fatalf("%s, %d bits, Huffman %t: bytes come back different: %v", order, bits, huffman, err)
						}
					}
				}
			}
		})
	}
}

func TestRandomMatricesComeBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		v := compress.View{Rows: 1 + r.IntN(40), Columns: 1 + r.IntN(60), Order: []string{compress.ByRows, compress.ByColumns}[r.IntN(2)]}
		values := drawn(r, v.Rows*v.Columns, math.Pow(r.Float64(), 4))
		bits := compress.MinGapBits + r.IntN(compress.MaxGapBits-compress.MinGapBits+1)
		s, err := compress.Encode(values, v, bits)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Decode(); err != nil || !sameBits(got, values) {
			t.Fatalf("%+v, %d bits: Decode = %v, want what was encoded", v, bits, err)
		}
	}
}

// With no width given, none of the allowed ones makes the matrix smaller.
func TestTheWidthOfGapsIsTheBest(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	for _, density := range []float64{0, 0.0005, 0.01, 0.08, 0.3, 1} {
		values, v := drawn(r, 20000, density), compress.View{Rows: 100, Columns: 200, Order: compress.ByRows}
		best, err := compress.Encode(values, v, 0)
		if err != nil {
			t.Fatal(err)
		}
		for bits := compress.MinGapBits; bits <= compress.MaxGapBits; bits++ {
			s, err := compress.Encode(values, v, bits)
			if err != nil {
				t.Fatal(err)
			}
			if s.Size() < best.Size() || s.Size() == best.Size() && bits < best.Bits {
				t.Errorf("density %g: %d bits of gap make %d bits, the chosen %d make %d", density, bits, s.Size(), best.Bits, best.Size())
			}
		}
	}
}

func TestEncodeRefusesWhatIsNoMatrix(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values []float32
		view   compress.View
		bits   int
		want   string
	}{
		"too few values":  {make([]float32, 5), compress.View{Rows: 2, Columns: 3, Order: compress.ByRows}, 5, "5 values are no matrix of 2 x 3"},
		"no rows":         {nil, compress.View{Columns: 3, Order: compress.ByRows}, 5, "a matrix of 0 x 3: both are at least 1 and their product at most 2147483647"},
		"too many":        {nil, compress.View{Rows: 1 << 20, Columns: 1 << 20, Order: compress.ByRows}, 5, "a matrix of 1048576 x 1048576: both are at least 1 and their product at most 2147483647"},
		"no order":        {make([]float32, 6), compress.View{Rows: 2, Columns: 3}, 5, `order "": it is "csr" or "csc"`},
		"too narrow gaps": {make([]float32, 6), compress.View{Rows: 2, Columns: 3, Order: compress.ByRows}, 2, "a gap has 2 bits: from 3 to 16 are allowed"},
		"too wide gaps":   {make([]float32, 6), compress.View{Rows: 2, Columns: 3, Order: compress.ByRows}, 17, "a gap has 17 bits: from 3 to 16 are allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := compress.Encode(test.values, test.view, test.bits); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func TestDecodeRefusesWrongEntries(t *testing.T) {
	t.Parallel()
	index := func(bits int, gaps ...uint16) compress.Index {
		return compress.Index{View: compress.View{Rows: 2, Columns: 8, Order: compress.ByRows}, Bits: bits, Gaps: gaps}
	}
	tests := map[string]struct {
		decode func() (any, error)
		want   string
	}{
		"beyond the end":  {sparse(index(3, 7, 7, 0), 1, 1, 1), "entry 2 is at step 16 of the walk, which has 16"},
		"a wide gap":      {sparse(index(3, 8), 1), "the gap of entry 0 is 8: 3 bits hold less than 8"},
		"a short filler":  {sparse(index(3, 6), 0), "entry 0 is a filler with a gap of 6, want 7"},
		"too few values":  {sparse(index(3, 1, 1), 1), "1 values for 2 gaps"},
		"no width":        {sparse(index(0, 1), 1), "a gap has 0 bits: from 3 to 16 are allowed"},
		"a wide code":     {coded(index(3, 1), 2, 4), "the code of entry 0 is 4: 2 bits hold less than 4"},
		"no width of it":  {coded(index(3, 1), 0, 0), "a code has 0 bits: from 1 to 16 are allowed"},
		"a short filler'": {coded(index(4, 14), 2, 0), "entry 0 is a filler with a gap of 14, want 15"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := test.decode(); err == nil || err.Error() != test.want {
				t.Errorf("Decode = %v, %v, want %s", got, err, test.want)
			}
		})
	}
}

func sparse(x compress.Index, values ...float32) func() (any, error) {
	return func() (any, error) { return compress.Sparse{Index: x, Values: values}.Decode() }
}

func coded(x compress.Index, bits int, codes ...uint16) func() (any, error) {
	return func() (any, error) { return compress.Coded{Index: x, CodeBits: bits, Codes: codes}.Decode() }
}

// FuzzUnpack reads any bytes as the entries of a small matrix. It answers with
// an error or with entries; those of a matrix are packed to what was read.
func FuzzUnpack(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 4))
	v := compress.View{Rows: 30, Columns: 40, Order: compress.ByColumns}
	shared := compress.Shared{Layer: "fc", Shape: models.Shape{30, 40}, Bits: 3, Codebook: []float32{0, -1, 0.5, 2}, Codes: make([]uint16, 1200)}
	for i := range shared.Codes {
		shared.Codes[i] = uint16(r.IntN(4) * r.IntN(2))
	}
	c, err := shared.Encode(v.Order, 3)
	if err != nil {
		f.Fatal(err)
	}
	for _, huffman := range []bool{false, true} {
		p := c.Pack(huffman)
		f.Add(p.Values, p.Gaps, p.Entries, p.ValueBits, p.GapBits, huffman)
		f.Add(p.Gaps, p.Values, -1, 17, 2, huffman)
		f.Add([]byte{}, []byte{}, 1<<40, 3, 3, huffman)
	}
	f.Fuzz(func(t *testing.T, values, gaps []byte, entries, valueBits, gapBits int, huffman bool) {
		p := compress.Packed{View: v, Entries: entries, ValueBits: valueBits, GapBits: gapBits, Huffman: huffman, Values: values, Gaps: gaps}
		if s, err := p.Sparse(); err == nil && !huffman {
			if diff := cmp.Diff(p, s.Pack(false)); diff != "" {
				t.Fatal(diff)
			}
		}
		c, err := p.Coded()
		if err != nil {
			return
		}
		if again, err := c.Pack(huffman).Coded(); err != nil || !slices.Equal(again.Codes, c.Codes) || !slices.Equal(again.Gaps, c.Gaps) {
			t.Fatalf("packed again, the entries differ: %v", err)
		}
		if codes, err := c.Decode(); err == nil && len(codes) != 1200 {
			t.Fatalf("%d codes for a matrix of 1200", len(codes))
		}
	})
}
