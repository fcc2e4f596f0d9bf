package huffman

import (
	"fmt"

	"espalier/models/compress/internal/bitio"
)

// decoder finds a word by its length: words of one length are consecutive
// numbers, and their symbols stand together.
type decoder struct {
	first, counts [MaxLength + 1]uint32
	symbols       []uint16 // in the order of their words
	// short finds words of at most shortBits bits by what the message goes on
	// with: symbol and length, or 0 for longer words.
	short [1 << shortBits]uint32
}

const shortBits = 11

func newDecoder(lengths []uint8) *decoder {
	d := &decoder{first: firsts(lengths), counts: histogram(lengths)}
	var at [MaxLength + 2]uint32
	for l, n := range d.counts {
		at[l+1] = at[l] + n
	}
	d.symbols = make([]uint16, at[MaxLength+1])
	for s, l := range lengths {
		if l > 0 {
			d.symbols[at[l]] = uint16(s)
			at[l]++
		}
	}
	for s, word := range words(lengths) {
		if l := int(lengths[s]); l > 0 && l <= shortBits {
			from := int(word) << (shortBits - l)
			for i := from; i < from+1<<(shortBits-l); i++ {
				d.short[i] = uint32(s)<<8 | uint32(l)
			}
		}
	}
	return d
}

// fast reads symbols as long as whole machine words of the message are left and
// all is well, and returns how many it read.
func (d *decoder) fast(r *bitio.Reader, symbols []uint16) int {
	for i := range symbols {
		bits, ok := r.Peek()
		if !ok {
			return i
		}
		if entry := d.short[bits>>(64-shortBits)]; entry != 0 {
			symbols[i] = uint16(entry >> 8)
			r.Skip(int(entry & 0xff))
			continue
		}
		if symbols[i], ok = d.long(r, bits); !ok {
			return i
		}
	}
	return len(symbols)
}

// long reads a word that is longer than short knows.
func (d *decoder) long(r *bitio.Reader, bits uint64) (symbol uint16, ok bool) {
	before := uint32(0)
	for l := 1; l <= MaxLength; l++ {
		if i := uint32(bits>>(64-l)) - d.first[l]; i < d.counts[l] {
			r.Skip(l)
			return d.symbols[before+i], true
		}
		before += d.counts[l]
	}
	return 0, false
}

func (d *decoder) next(r *bitio.Reader) (uint16, error) {
	word, before := uint32(0), uint32(0)
	for l := 1; l <= MaxLength; l++ {
		bit, err := r.Bit()
		if err != nil {
			return 0, err
		}
		word = word<<1 | uint32(bit)
		// The difference wraps around below the first word, and is then large.
		if i := word - d.first[l]; i < d.counts[l] {
			return d.symbols[before+i], nil
		}
		before += d.counts[l]
	}
	return 0, fmt.Errorf("the bits %b are no word of the code", word)
}
