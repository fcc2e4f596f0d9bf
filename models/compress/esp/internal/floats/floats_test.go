package floats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"espalier/models/compress/esp/internal/floats"
)

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// nasty are values that arithmetic would change.
var nasty = []float32{
	0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, math.SmallestNonzeroFloat32,
	math.Float32frombits(0x7fc00001), math.Float32frombits(0xffc12345), math.Float32frombits(0x7f800001), 1, -1, 1e-40,
}

func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for name, next := range map[string]func() float32{
		"any bits": func() float32 { return math.Float32frombits(r.Uint32()) },
		"weights":  func() float32 { return float32(0.05 * r.NormFloat64()) },
		"halves":   func() float32 { return math.Float32frombits(math.Float32bits(float32(r.NormFloat64())) &^ 0xffff) },
		"one":      func() float32 { return 1 },
		"nasty":    func() float32 { return nasty[r.IntN(len(nasty))] },
	} {
		for _, n := range []int{0, 1, 2, 9, 100, 5000} {
			values := make([]float32, n)
			for i := range values {
				values[i] = next()
			}
			data := floats.Encode(values, 1<<16)
			if got, err := floats.Decode(data, n); err != nil || !sameBits(got, values) {
				t.Errorf("%s, %d: %v", name, n, err)
			}
			if len(data) > 1+4*n {
				t.Errorf("%s: %d values take %d bytes", name, n, len(data))
			}
		}
	}
}

func TestCodebooksComeBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 50 {
		values := slices.Clone(nasty)
		for range r.IntN(300) {
			values = append(values, math.Float32frombits(r.Uint32()>>round<<round/2))
		}
		slices.SortFunc(values, func(a, b float32) int { return int(int64(floats.Key(a)) - int64(floats.Key(b))) })
		values = slices.CompactFunc(values, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
		if got, err := floats.DecodeBook(floats.EncodeBook(values, 1<<16), len(values)); err != nil || !sameBits(got, values) {
			t.Errorf("round %d: %v", round, err)
		}
	}
}

func TestMalformedValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data []byte
		n    int
		book bool
		want string
	}{
		"nothing":           {nil, 3, false, "0 bytes are no list of 3 values"},
		"too much":          {[]byte{0}, 0, false, "1 bytes are no list of 0 values"},
		"unknown":           {[]byte{2, 0}, 1, false, "2 bytes are no list"},
		"short":             {[]byte{0, 1, 2, 3}, 1, false, "4 bytes are no list of 1 values"},
		"short planes":      {[]byte{1, 9, 0}, 1, false, "bytes 0 of the values: 9 of 2"},
		"no fourth":         {[]byte{1, 2, 0, 1, 2, 0, 1, 2, 0, 1}, 1, false, "bytes 3 of the values: no bytes"},
		"no book":           {nil, 1, true, "0 bytes are no codebook"},
		"zeros":             {[]byte{32, 0, 1}, 1, true, "no codebook of 1 values"},
		"beyond the last":   {[]byte{28, 0, 8}, 2, true, "value 1 is beyond the last float32"},
		"short of a number": {[]byte{0, 7<<3 | 1, 1}, 2, true, "codebook: 2 numbers, fixed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decode := floats.Decode
			if test.book {
				decode = floats.DecodeBook
			}
			if got, err := decode(test.data, test.n); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, error %v, want %s", got, err, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(floats.Encode(nasty, 1<<16), uint8(len(nasty)))
	f.Add(floats.Encode([]float32{1, 2, 3}, 1<<16), uint8(3))
	f.Add(floats.EncodeBook([]float32{1, 2, 3}, 1<<16), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		if values, err := floats.Decode(data, int(n)); err == nil {
			if again, err := floats.Decode(floats.Encode(values, 1<<16), int(n)); err != nil || !sameBits(again, values) {
				t.Errorf("values of %x are not what is written: %v", data, err)
			}
		}
		if values, err := floats.DecodeBook(data, int(n)); err == nil && n > 0 {
			for i := range values[1:] {
				if floats.Key(values[i]) >= floats.Key(values[i+1]) {
					t.Errorf("codebook of %x: values %d and %d are not in order", data, i, i+1)
				}
			}
		}
	})
}
