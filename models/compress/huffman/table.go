package huffman

import (
	"errors"
	"fmt"

	"espalier/models/compress/internal/bitio"
)

// writeTable writes the size of the alphabet and, for each symbol, how much
// longer its word is than the one before, from 0: the differences 0, -1, 1, -2,
// 2 and so on as 1, 2, 3, 4, 5, all in gamma code. Neighbours among centroids
// and among gaps are about as frequent, so most lengths take one or three bits.
func writeTable(w *bitio.Writer, lengths []uint8) {
	w.WriteGamma(uint64(len(lengths)))
	before := 0
	for _, l := range lengths {
		w.WriteGamma(folded(int(l) - before))
		before = int(l)
	}
}

// readTable reads what writeTable wrote. It refuses lengths that are not those
// of a complete code; the only incomplete code is that of a lone symbol.
func readTable(r *bitio.Reader) ([]uint8, error) {
	size, err := r.ReadGamma(MaxSymbols)
	if err != nil {
		return nil, err
	}
	// Each length takes a bit, so that a false size takes no memory.
	if int64(size) > r.Left() {
		return nil, fmt.Errorf("%d bits are left for the lengths of %d symbols", r.Left(), size)
	}
	lengths := make([]uint8, size)
	before, used, space := 0, 0, 0 // space in words of MaxLength bits
	for s := range lengths {
		difference, err := r.ReadGamma(folded(MaxLength))
		if err != nil {
			return nil, err
		}
		before += unfolded(difference)
		if before < 0 || before > MaxLength {
			return nil, fmt.Errorf("the length of symbol %d is %d: it is from 0 to %d", s, before, MaxLength)
		}
		lengths[s] = uint8(before)
		if before > 0 {
			used++
			space += 1 << (MaxLength - before)
		}
	}
	switch {
	case before == 0:
		return nil, errors.New("the last symbol of the alphabet does not occur")
	case used == 1 && before != 1:
		return nil, fmt.Errorf("a lone symbol has length %d, want 1", before)
	case used > 1 && space != 1<<MaxLength:
		return nil, fmt.Errorf("the words of %d symbols do not make a complete code", used)
	}
	return lengths, nil
}

// folded maps 0, -1, 1, -2, 2 and so on to 1, 2, 3, 4, 5.
func folded(difference int) uint64 {
	if difference < 0 {
		return uint64(-2 * difference)
	}
	return uint64(2*difference + 1)
}

func unfolded(v uint64) int {
	if v%2 == 0 {
		return -int(v / 2)
	}
	return int(v / 2)
}
