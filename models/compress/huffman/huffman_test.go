package huffman_test

import (
	"bytes"
	"container/heap"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"espalier/models/compress/huffman"
)

func TestLengthsAreKnown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		counts []int64
		limit  int
		want   []uint8
	}{
		"no symbol":                     {nil, 24, []uint8{}},
		"no symbol that occurs":         {[]int64{0, 0}, 24, []uint8{0, 0}},
		"a lone symbol":                 {[]int64{0, 9, 0}, 24, []uint8{0, 1, 0}},
		"two symbols":                   {[]int64{1000, 0, 1}, 24, []uint8{1, 0, 1}},
		"the example of every textbook": {[]int64{45, 13, 12, 16, 9, 5}, 24, []uint8{1, 3, 3, 3, 4, 4}}, // Cormen et al., 16.3
		"powers of two":                 {[]int64{8, 4, 2, 1, 1}, 24, []uint8{1, 2, 3, 4, 4}},
		"powers of two, limited":        {[]int64{8, 4, 2, 1, 1}, 3, []uint8{1, 3, 3, 3, 3}},
		"all alike":                     {[]int64{7, 7, 7, 7}, 2, []uint8{2, 2, 2, 2}},
		"equal ones by number":          {[]int64{1, 1, 1}, 24, []uint8{2, 2, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := huffman.Lengths(test.counts, test.limit)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("Lengths(%v, %d) = %v, %v, want %v", test.counts, test.limit, got, err, test.want)
			}
		})
	}
}

func TestLengthsRefusesWhatIsNoCount(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		counts []int64
		limit  int
		want   string
	}{
		"a negative count":          {[]int64{1, -1}, 24, "the count of symbol 1 is -1: it is from 0 to 1099511627776"},
		"a count that is too large": {[]int64{1<<40 + 1}, 24, "the count of symbol 0 is 1099511627777: it is from 0 to 1099511627776"},
		"too many symbols":          {make([]int64, huffman.MaxSymbols+1), 24, "65537 symbols: at most 65536 are allowed"},
		"a limit of nothing":        {[]int64{1}, 0, "limit is 0: a code word has from 1 to 24 bits"},
		"a limit that is too large": {[]int64{1}, 25, "limit is 25: a code word has from 1 to 24 bits"},
		"a limit too small":         {[]int64{1, 1, 1}, 1, "3 symbols occur: words of at most 1 bits are enough for 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := huffman.Lengths(test.counts, test.limit); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

// tree is the heap of Huffman's own algorithm.
type tree struct{ sort.IntSlice }

func (h *tree) Push(x any) { h.IntSlice = append(h.IntSlice, x.(int)) }
func (h *tree) Pop() any {
	last := h.IntSlice[h.Len()-1]
	h.IntSlice = h.IntSlice[:h.Len()-1]
	return last
}

// cheapest is the number of bits that Huffman's algorithm comes to.
func cheapest(counts []int64) int64 {
	h := &tree{}
	for _, n := range counts {
		if n > 0 {
			heap.Push(h, int(n))
		}
	}
	bits := 0
	for h.Len() > 1 {
		sum := heap.Pop(h).(int) + heap.Pop(h).(int)
		bits += sum
		heap.Push(h, sum)
	}
	return int64(bits)
}

func TestLengthsCostWhatHuffmansTreeCosts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		counts := make([]int64, 2+r.IntN(70))
		for s := range counts {
			counts[s] = int64(r.IntN(3)) * int64(1+r.IntN(1<<r.IntN(12)))
		}
		counts[0], counts[1] = 1, 2
		lengths, err := huffman.Lengths(counts, huffman.MaxLength)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := cost(counts, lengths), cheapest(counts); got != want {
			t.Fatalf("%v costs %d bits with lengths %v, want %d", counts, got, lengths, want)
		}
	}
}

func cost(counts []int64, lengths []uint8) int64 {
	bits := int64(0)
	for s, n := range counts {
		bits += n * int64(lengths[s])
	}
	return bits
}

// A shorter limit costs more, never less, and every code is complete.
func TestLimitedLengthsMakeACompleteCode(t *testing.T) {
	t.Parallel()
	counts := []int64{1, 1} // Fibonacci's numbers make the deepest trees
	for len(counts) < 40 {
		counts = append(counts, counts[len(counts)-1]+counts[len(counts)-2])
	}
	before := int64(-1)
	for limit := huffman.MaxLength; limit >= 6; limit-- {
		lengths, err := huffman.Lengths(counts, limit)
		if err != nil {
			t.Fatal(err)
		}
		space := 0
		for _, l := range lengths {
			if l == 0 || int(l) > limit {
				t.Fatalf("limit %d: lengths %v", limit, lengths)
			}
			space += 1 << (limit - int(l))
		}
		if space != 1<<limit {
			t.Errorf("limit %d: lengths %v are no complete code", limit, lengths)
		}
		if got := cost(counts, lengths); got < before {
			t.Errorf("limit %d costs %d bits, %d more %d", limit, got, limit+1, before)
		} else {
			before = got
		}
	}
}

// messages are the alphabets that a code must bear.
func messages() map[string][]uint16 {
	r := rand.New(rand.NewPCG(3, 4))
	draw := func(n int, symbol func() int) []uint16 {
		m := make([]uint16, n)
		for i := range m {
			m[i] = uint16(symbol())
		}
		return m
	}
	all := make([]uint16, huffman.MaxSymbols)
	for i := range all {
		all[i] = uint16(i)
	}
	return map[string][]uint16{
		"nothing":            nil,
		"one symbol":         {0},
		"one symbol, often":  make([]uint16, 1000),
		"a lone large one":   {65535, 65535},
		"two":                {5, 9, 5, 5},
		"every symbol":       all,
		"uniform":            draw(5000, func() int { return r.IntN(64) }),
		"bell shaped":        draw(20000, func() int { return min(max(32+int(10*r.NormFloat64()), 0), 63) }),
		"gaps":               draw(20000, func() int { return min(int(12*r.ExpFloat64()), 31) }),
		"rare large symbols": draw(3000, func() int { return r.IntN(3) * r.IntN(2) * r.IntN(65536) }),
	}
}

func TestMessagesComeBack(t *testing.T) {
	t.Parallel()
	for name, message := range messages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := huffman.Encode(message)
			got, err := huffman.Decode(data, len(message))
			if err != nil || !slices.Equal(got, message) {
				t.Fatalf("Decode = %d symbols, %v, want the %d encoded ones", len(got), err, len(message))
			}
			table, words := huffman.Size(message)
			if want := (table + words + 7) / 8; int64(len(data)) != want {
				t.Errorf("%d bytes, want %d: %d bits of table and %d of words", len(data), want, table, words)
			}
			if again := huffman.Encode(message); !bytes.Equal(again, data) {
				t.Error("encoded again, the bytes differ")
			}
			for _, n := range []int{-1, len(message) + 17, 1 << 40} {
				if _, err := huffman.Decode(data, n); err == nil {
					t.Errorf("Decode as %d symbols is no error", n)
				}
			}
		})
	}
}

// The figure is the entropy of the message, worked out by hand: p = 1/2, 1/4,
// 1/8, 1/8 are 1.75 bits a symbol.
func TestWordsReachTheEntropyOfPowersOfTwo(t *testing.T) {
	t.Parallel()
	if _, bits := huffman.Size([]uint16{7, 7, 7, 7, 1, 1, 3, 2}); bits != 14 {
		t.Errorf("8 symbols take %d bits, want 14", bits)
	}
}

func TestBytesAreFrozen(t *testing.T) {
	t.Parallel()
	// 4 symbols: 00100. Lengths 2, 0, 1, 2: differences 2, -2, 1, 1 folded to 5,
	// 4, 3, 3: 00101 00100 011 011. Words 2: 0, 0: 10, 3: 11. The message: 10 0
	// 0 11.
	want := []byte{0b00100_001, 0b01_00100_0, 0b11_011_100, 0b0_11_00000}
	if got := huffman.Encode([]uint16{0, 2, 2, 3}); !bytes.Equal(got, want) {
		t.Errorf("Encode = %08b, want %08b", got, want)
	}
}

func TestDecodeRefusesWhatNoEncoderWrites(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data []byte
		n    int
		want string
	}{
		"a negative number of symbols":   {[]byte{1}, -1, "1 bytes cannot hold -1 symbols"},
		"more symbols than bits":         {[]byte{1}, 9, "1 bytes cannot hold 9 symbols"},
		"bytes of nothing":               {[]byte{1}, 0, "1 bytes follow a message of no symbols"},
		"zeros":                          {make([]byte, 9), 1, "table of the code: a number of 18 bits or more"},
		"an alphabet beyond the data":    {[]byte{0, 0, 0b1000_0000}, 1, "table of the code: the data end after 24 bits"},
		"a length above the largest":     {[]byte{0b1_0000011, 0b0011_0000}, 1, "table of the code: 51 stands before bit 12, where at most 49 is allowed"},
		"an alphabet without a length":   {[]byte{0b00000001, 0b11111000}, 1, "1 bits are left for the lengths of 252 symbols"},
		"a last symbol without a length": {[]byte{0b1_1_000000}, 1, "the last symbol of the alphabet does not occur"},
		"a lone symbol of two bits":      {[]byte{0b1_00101_00}, 1, "a lone symbol has length 2, want 1"},
		"a negative length":              {[]byte{0b1_010_0000}, 1, "the length of symbol 0 is -1"},
		"an incomplete code":             {[]byte{0b010_00101, 0b1_0000000}, 1, "the words of 2 symbols do not make a complete code"},
		"too many words":                 {[]byte{0b011_011_1_1, 0}, 1, "the words of 3 symbols do not make a complete code"},
		"a word of no symbol":            {[]byte{0b1_011_1000, 255, 255, 255}, 1, "symbol 0 of 1: the bits"},
		"a message cut off":              {[]byte{0b010_011_1_0}, 2, "symbol 1 of 2: the data end after 8 bits"},
		"bits after the message":         {[]byte{0b1_011_0001}, 1, "after 1 symbols: the last byte does not end in 3 zeros"},
		"bytes after the message":        {[]byte{0b1_011_0000, 0}, 1, "after 1 symbols: 1 bytes follow the end"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := huffman.Decode(test.data, test.n); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Decode = %v, %v, want an error with %q", got, err, test.want)
			}
		})
	}
}

// FuzzDecode gives a decoder any bytes. It answers with an error or with the
// symbols asked for, and what it accepts can be encoded.
func FuzzDecode(f *testing.F) {
	for _, message := range messages() {
		if len(message) <= 5000 {
			f.Add(huffman.Encode(message), len(message))
		}
	}
	for _, n := range []int{0, 1, -1, 1 << 62} {
		f.Add([]byte{0xff, 0x00, 0xff}, n)
		f.Add([]byte{}, n)
		f.Add(bytes.Repeat([]byte{0}, 64), n)
	}
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		symbols, err := huffman.Decode(data, n)
		if err != nil {
			return
		}
		if len(symbols) != n {
			t.Fatalf("Decode of %d symbols = %d of them", n, len(symbols))
		}
		best := huffman.Encode(symbols)
		if got, err := huffman.Decode(best, n); err != nil || !slices.Equal(got, symbols) {
			t.Fatalf("%v comes back as %v, %v", symbols, got, err)
		}
	})
}
