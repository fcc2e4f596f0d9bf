// Package huffman writes messages of small numbers in few bits: frequent
// symbols get short words (Huffman 1952).
//
// The code is canonical: the lengths of the words say which they are, so the
// table that stands before a message holds lengths only, each as its difference
// to the one before. Equal messages give equal bytes, on every machine.
//
// [Decode] reads what nobody has checked. The memory that it takes is bounded
// by its input, and it refuses codes that are not complete, words that mean
// nothing, and what stands after the message.
//
// How many symbols there are is not written: a reader knows it already.
package huffman

import (
	"fmt"
	"slices"

	"espalier/models/compress/internal/bitio"
)

// Encode writes the table of the best code for the message, and the message.
// The alphabet ends with the largest symbol. An empty message is no bytes.
func Encode(symbols []uint16) []byte {
	if len(symbols) == 0 {
		return nil
	}
	lengths := best(symbols)
	var w bitio.Writer
	writeTable(&w, lengths)
	code := words(lengths)
	for _, s := range symbols {
		w.Write(uint64(code[s]), int(lengths[s]))
	}
	return w.Bytes()
}

// Size is the number of bits of the table and of the words that [Encode]
// writes; it fills their sum up to whole bytes.
func Size(symbols []uint16) (table, message int64) {
	if len(symbols) == 0 {
		return 0, 0
	}
	lengths := best(symbols)
	var w bitio.Writer
	writeTable(&w, lengths)
	for _, s := range symbols {
		message += int64(lengths[s])
	}
	return w.Bits(), message
}

// Decode reads a message of n symbols. It fails where n is negative, and on
// data that are not what [Encode] writes.
func Decode(data []byte, n int) ([]uint16, error) {
	// Every symbol takes a bit, so that a false n takes no memory.
	if n < 0 || int64(n) > 8*int64(len(data)) {
		return nil, fmt.Errorf("%d bytes cannot hold %d symbols", len(data), n)
	}
	if n == 0 {
		if len(data) > 0 {
			return nil, fmt.Errorf("%d bytes follow a message of no symbols", len(data))
		}
		return nil, nil
	}
	r := bitio.NewReader(data)
	lengths, err := readTable(r)
	if err != nil {
		return nil, fmt.Errorf("table of the code: %w", err)
	}
	d := newDecoder(lengths)
	symbols := make([]uint16, n)
	for i := d.fast(r, symbols); i < n; i++ {
		if symbols[i], err = d.next(r); err != nil {
			return nil, fmt.Errorf("symbol %d of %d: %w", i, n, err)
		}
	}
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("after %d symbols: %w", n, err)
	}
	return symbols, nil
}

// best is the lengths of the best code for a message of at least one symbol.
// No message is too large for Lengths: it has at most MaxSymbols symbols, and
// words of MaxLength bits are enough for all.
func best(symbols []uint16) []uint8 {
	counts := make([]int64, int(slices.Max(symbols))+1)
	for _, s := range symbols {
		counts[s]++
	}
	lengths, _ := Lengths(counts, MaxLength)
	return lengths
}

// words are the canonical code words: in order of length and then of symbol,
// each is the one before plus 1, lengthened with zeros.
func words(lengths []uint8) []uint32 {
	next := firsts(lengths)
	words := make([]uint32, len(lengths))
	for s, l := range lengths {
		if l > 0 {
			words[s] = next[l]
			next[l]++
		}
	}
	return words
}

// firsts is the first word of each length.
func firsts(lengths []uint8) [MaxLength + 1]uint32 {
	var first [MaxLength + 1]uint32
	counts := histogram(lengths)
	for l := 1; l <= MaxLength; l++ {
		first[l] = (first[l-1] + counts[l-1]) << 1
	}
	return first
}

// histogram is how many words there are of each length; none has length 0.
func histogram(lengths []uint8) [MaxLength + 1]uint32 {
	var counts [MaxLength + 1]uint32
	for _, l := range lengths {
		counts[l]++
	}
	counts[0] = 0
	return counts
}

// TableBits is how many bits the table takes that stands before a message of at
// least one symbol. It fails where that is no table.
func TableBits(data []byte) (int64, error) {
	r := bitio.NewReader(data)
	if _, err := readTable(r); err != nil {
		return 0, fmt.Errorf("table of the code: %w", err)
	}
	return 8*int64(len(data)) - r.Left(), nil
}
