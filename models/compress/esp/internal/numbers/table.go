package numbers

import (
	"math/bits"

	"espalier/models/compress/huffman"
)

// TableSize is how many bytes of a list that [Decode] has read are the table of
// its coder, a last one that the numbers share counted as the table's.
func TableSize(data []byte) int {
	if len(data) == 0 || data[0]&7 != coderHuffman && data[0]&7 != coderFSE {
		return 0
	}
	tokens, _, err := parts(data[1:], int(data[0]>>3))
	if err != nil {
		return 0
	}
	if data[0]&7 == coderFSE {
		return fseTable(tokens)
	}
	size, err := huffman.TableBits(tokens)
	if err != nil {
		return 0
	}
	return int((size + 7) / 8)
}

// fseTable is the size of the table before a message in finite state entropy,
// as in section 4.1.1 of RFC 8878: shares of a power of two, in numbers of as
// many bits as what is left of it needs, and after each 0 how many more follow.
func fseTable(data []byte) int {
	at := 0
	take := func(n int) int {
		v := 0
		for i := range n {
			if at+i < 8*len(data) {
				v |= int(data[(at+i)/8]>>((at+i)%8)&1) << i
			}
		}
		at += n
		return v
	}
	left := 1<<(take(4)+5) + 1
	for left > 1 && at < 8*len(data) {
		width := bits.Len(uint(left))
		// Small numbers take one bit less, as many of them as there is room for.
		short := 1<<width - 1 - left
		v := take(width - 1)
		if v >= short {
			if v |= take(1) << (width - 1); v >= 1<<(width-1) {
				v -= short
			}
		}
		share := v - 1
		left -= max(share, -share)
		for more := share == 0; more; {
			more = take(2) == 3 && at < 8*len(data)
		}
	}
	return min((at+7)/8, len(data))
}
