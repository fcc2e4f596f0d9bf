package numbers_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"espalier/models/compress/esp/internal/numbers"
)

// geometric draws the gaps of a random pattern.
func geometric(r *rand.Rand, density float64) uint32 {
	return uint32(math.Log(1-r.Float64()) / math.Log(1-density))
}

func drawn(r *rand.Rand, n int, next func() uint32) []uint32 {
	values := make([]uint32, n)
	for i := range values {
		values[i] = next()
	}
	return values
}

func TestNumbersComeBack(t *testing.T) {
	t.Parallel()
	coders := map[string]bool{}
	r := rand.New(rand.NewPCG(1, 1))
	for name, next := range map[string]func() uint32{
		"all the same":      func() uint32 { return 7 },
		"even bytes":        func() uint32 { return r.Uint32N(256) },
		"any":               func() uint32 { return r.Uint32() >> 1 },
		"the largest":       func() uint32 { return math.MaxUint32 - 1 - r.Uint32N(3) },
		"gaps":              func() uint32 { return geometric(r, 0.05) },
		"rare gaps":         func() uint32 { return geometric(r, 0.0001) },
		"mostly 0":          func() uint32 { return geometric(r, 0.95) },
		"sixteen codes":     func() uint32 { return uint32(min(15, max(0, 8+2*r.NormFloat64()))) },
		"of all magnitudes": func() uint32 { return r.Uint32() >> (1 + r.IntN(31)) },
	} {
		for _, n := range []int{1, 2, 3, 10, 100, 1000, 20_000} {
			for _, decisions := range []int{0, 1 << 20} {
				values := drawn(r, n, next)
				data := numbers.Encode(values, decisions)
				coders[numbers.Name(data)] = true
				got, err := numbers.Decode[uint32](data, n, slices.Max(values))
				if err != nil || !slices.Equal(got, values) {
					t.Fatalf("%s, %d by %s: %v", name, n, numbers.Name(data), err)
				}
				if _, err := numbers.Decode[uint32](data, n, slices.Max(values)-1); slices.Max(values) > 0 && err == nil {
					t.Errorf("%s, %d: a number above the limit is read", name, n)
				}
				if again := numbers.Encode(values, decisions); !slices.Equal(again, data) {
					t.Errorf("%s, %d: equal lists have different bytes", name, n)
				}
			}
		}
	}
	if len(coders) != 6 {
		t.Errorf("coders %v were chosen, want all six", coders)
	}
}

func TestTypesOfNumbers(t *testing.T) {
	t.Parallel()
	small, large := []uint8{0, 255, 3, 3, 3, 3, 3, 9}, []uint16{0, 65535, 3, 3, 3, 300}
	if got, err := numbers.Decode[uint8](numbers.Encode(small, 1000), len(small), 255); err != nil || !slices.Equal(got, small) {
		t.Errorf("bytes: %v, %v", got, err)
	}
	if got, err := numbers.Decode[uint16](numbers.Encode(large, 1000), len(large), 65535); err != nil || !slices.Equal(got, large) {
		t.Errorf("numbers of 16 bits: %v, %v", got, err)
	}
	// A list of larger ones is none of bytes.
	if got, err := numbers.Decode[uint8](numbers.Encode(large, 1000), len(large), math.MaxUint32); err == nil {
		t.Errorf("65535 as a byte: %v", got)
	}
}

func TestMalformedLists(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data []byte
		n    int
		want string
	}{
		"negative":            {[]byte{0, 1}, -1, "there are none or more"},
		"nothing":             {nil, 3, "no bytes for 3 numbers"},
		"too much":            {[]byte{0}, 0, "1 bytes follow a list of no numbers"},
		"unknown coder":       {[]byte{7}, 1, "coder 7 is not known"},
		"setting of none":     {[]byte{8, 1}, 1, "setting 1 of a coder that has none"},
		"no number":           {[]byte{0}, 1, "0 bytes are not one number"},
		"two numbers":         {[]byte{0, 1, 1}, 1, "2 bytes are not one number"},
		"too large":           {[]byte{0, 200, 1}, 1, "number 0 is 200, at most 99 is allowed"},
		"fixed, short":        {[]byte{7<<3 | 1, 1}, 2, "1 bytes for numbers of 8 bits, want 2"},
		"fixed, large":        {[]byte{7<<3 | 1, 1, 100}, 2, "number 1 is 100, at most 99 is allowed"},
		"fixed, a one behind": {[]byte{0<<3 | 1, 0b01000001}, 2, "the last byte does not end in 6 zeros"},
		"no split":            {[]byte{1<<3 | 2, 1, 0xb0, 0}, 1, "setting 1 is no split"},
		"tokens too long":     {[]byte{0<<3 | 2, 9, 0}, 1, "tokens of 9 bytes in 2 bytes"},
		"fse, short":          {[]byte{31<<3 | 3, 1}, 1, "input too small"},
		"tree of no bits":     {[]byte{0<<3 | 4, 1}, 1, "numbers of 0 bits"},
		"tree of 17 bits":     {[]byte{17<<3 | 4, 1}, 1, "numbers of 17 bits"},
		"adaptive, long":      {[]byte{3<<3 | 4, 1, 2, 3, 4, 5, 6}, 1, "bytes follow the end of the message"},
		"adaptive, zero":      {[]byte{3<<3 | 4, 1, 0}, 1, "ends in a zero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := numbers.Decode[uint32](test.data, test.n, 99); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, error %v, want %s", got, err, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, density := range []float64{0.9, 0.3, 0.01, 0.0001} {
		for _, n := range []int{1, 20, 300} {
			for _, decisions := range []int{0, 1 << 20} {
				f.Add(numbers.Encode(drawn(r, n, func() uint32 { return geometric(r, density) }), decisions), uint16(n))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, n uint16) {
		values, err := numbers.Decode[uint32](data, int(n), math.MaxUint32)
		if err != nil {
			return
		}
		if again, err := numbers.Decode[uint32](numbers.Encode(values, 1<<20), int(n), math.MaxUint32); err != nil || !slices.Equal(again, values) {
			t.Errorf("what was read from %x is not what is written: %v", data, err)
		}
	})
}
