package numbers_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"espalier/models/compress/esp/internal/numbers"
)

// tokens are the bytes of a list behind its coder and their number.
func tokens(list []byte) []byte {
	if list[0]>>3 == 31 {
		return list[1:]
	}
	_, n := binary.Uvarint(list[1:])
	return list[1+n:]
}

// Messages of the same numbers in another order have the same table and differ
// soon behind it.
func TestTableSize(t *testing.T) {
	t.Parallel()
	coders := map[string]int{}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		spread, least := 30*r.Float64(), 1+r.IntN(40)
		list := drawn(r, 2000+r.IntN(9000), func() uint32 { return uint32(max(0, float64(least)+spread*r.NormFloat64())) })
		first := numbers.Encode(list, 0)
		size := numbers.TableSize(first)
		if size == 0 {
			continue
		}
		coders[numbers.Name(first)]++
		table := tokens(first)
		same := len(table)
		for range 8 {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			other := numbers.Encode(list, 0)
			if numbers.Name(other) != numbers.Name(first) {
				continue // both are as good
			}
			if n := numbers.TableSize(other); n != size {
				t.Fatalf("seed %d: tables of %d and %d bytes", seed, size, n)
			}
			for i, b := range tokens(other) {
				if i < same && table[i] != b {
					same = i
				}
			}
		}
		// The last byte of a Huffman table may hold the first words.
		if same < size-1 || same > size+1 {
			t.Errorf("seed %d, %s: the table takes %d bytes, and the first %d are the same", seed, numbers.Name(first), size, same)
		}
	}
	if coders["huffman"] < 3 || coders["fse"] < 3 {
		t.Errorf("coders %v: want some of each", coders)
	}
}
