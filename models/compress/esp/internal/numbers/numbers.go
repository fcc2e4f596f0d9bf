// Package numbers writes lists of whole numbers in few bytes: each with the
// coder that takes the fewest for it, which its first byte names.
//
// Small numbers that are frequent are what all of the coders are good at:
// canonical Huffman codes and finite state entropy (Duda 2013, as in zstd) for
// long lists, which they read at some nanoseconds a number, and adaptive binary
// coding for short ones, which needs no table. Numbers that are larger than a
// table should be are written as the token of a range and the bits within it.
//
// How many numbers there are, and how large they may be, a reader knows.
// [Decode] reads what nobody has checked; what it takes is bounded by the count.
package numbers

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"espalier/models/compress/esp/internal/arith"
	"espalier/models/compress/internal/bitio"
)

// Number is what a list may hold. No number is 2^32 - 1.
type Number interface{ ~uint8 | ~uint16 | ~uint32 }

// The coders, in the lowest three bits of the first byte of a list. The five
// others are the coder's own.
const (
	coderSame    = iota // one number, which all are
	coderFixed          // each in as many bits, one less than the five bits say
	coderHuffman        // tokens in a Huffman code; the five bits are their split
	coderFSE            // tokens in finite state entropy; the same
	coderTree           // adaptive, all bits of the number; the five bits are how many
	coderGamma          // adaptive, for numbers of very different sizes
	coders
)

// Names of the coders, as in sizes and documents.
var names = [coders]string{"same", "fixed", "huffman", "fse", "adaptive", "adaptive gamma"}

// Name is that of the coder of a list that Encode wrote.
func Name(data []byte) string {
	if len(data) == 0 || data[0]&7 >= coders {
		return ""
	}
	return names[data[0]&7]
}

// largeList is how many bytes are so many that a coder must be worth the while.
const largeList = 1 << 16

// Encode writes a list, with adaptive coding only if that takes at most
// decisions between 0 and 1. A large list that no coder makes shorter by more
// than 1/64 stays as it is, unless decisions are not bounded at all. An empty
// list is no bytes.
func Encode[T Number](values []T, decisions int) []byte {
	if len(values) == 0 {
		return nil
	}
	most, same := values[0], true
	for _, v := range values {
		most, same = max(most, v), same && v == values[0]
	}
	if same {
		return binary.AppendUvarint([]byte{coderSame}, uint64(most))
	}
	width := max(1, bits.Len32(uint32(most)))
	fixed := encodeFixed(values, width)
	best := fixed
	keep := func(data []byte) {
		if data != nil && len(data) < len(best) {
			best = data
		}
	}
	for _, data := range encodeTokens(values, uint32(most)) {
		keep(data)
	}
	if width <= 16 && len(values)*width <= decisions {
		keep(encodeTree(values, width))
	}
	if width > 2 && gammaDecisions(values) <= decisions {
		keep(encodeGamma(values))
	}
	if len(fixed) > largeList && len(best) > len(fixed)-len(fixed)/64 && decisions < math.MaxInt {
		return fixed // which is only copied
	}
	return best
}

// Decode reads a list of n numbers of at most limit, and refuses what is none.
func Decode[T Number](data []byte, n int, limit uint32) ([]T, error) {
	if n == 0 {
		if len(data) > 0 {
			return nil, fmt.Errorf("%d bytes follow a list of no numbers", len(data))
		}
		return nil, nil
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("no bytes for %d numbers", n)
	}
	if n < 0 {
		return nil, fmt.Errorf("%d numbers: there are none or more", n)
	}
	values, err := decode[T](data[0]&7, int(data[0]>>3), data[1:], n, min(limit, uint32(^T(0)), 1<<32-2))
	if err != nil {
		return nil, fmt.Errorf("%d numbers, %s: %w", n, Name(data), err)
	}
	return values, nil
}

func decode[T Number](coder byte, setting int, data []byte, n int, limit uint32) ([]T, error) {
	if setting != 0 && (coder == coderSame || coder == coderGamma) {
		return nil, fmt.Errorf("setting %d of a coder that has none", setting)
	}
	switch coder {
	case coderSame:
		return decodeSame[T](data, n, limit)
	case coderFixed:
		return decodeFixed[T](data, n, setting+1, limit)
	case coderHuffman:
		return decodeHuffman[T](data, n, setting, limit)
	case coderFSE:
		return decodeFSE[T](data, n, setting, limit)
	case coderTree:
		if setting < 1 || setting > 16 {
			return nil, fmt.Errorf("numbers of %d bits: from 1 to 16 are allowed", setting)
		}
		tree := arith.NewTree(setting)
		return decodeAdaptive[T](data, n, limit, tree.Decode)
	case coderGamma:
		gamma := arith.NewGamma()
		return decodeAdaptive[T](data, n, limit, gamma.Decode)
	default:
		return nil, fmt.Errorf("coder %d is not known", coder)
	}
}

func tooLarge(i int, v, limit uint32) error {
	return fmt.Errorf("number %d is %d, at most %d is allowed", i, v, limit)
}

func decodeSame[T Number](data []byte, n int, limit uint32) ([]T, error) {
	v, size := binary.Uvarint(data)
	if size != len(data) || size <= 0 {
		return nil, fmt.Errorf("%d bytes are not one number", len(data))
	}
	if v > uint64(limit) {
		return nil, fmt.Errorf("number 0 is %d, at most %d is allowed", v, limit)
	}
	values := make([]T, n)
	for i := range values {
		values[i] = T(v)
	}
	return values, nil
}

func encodeFixed[T Number](values []T, width int) []byte {
	var w bitio.Writer
	w.Write(uint64((width-1)<<3|coderFixed), 8)
	for _, v := range values {
		w.Write(uint64(v), width)
	}
	return w.Bytes()
}

func decodeFixed[T Number](data []byte, n, width int, limit uint32) ([]T, error) {
	if want := (int64(n)*int64(width) + 7) / 8; int64(len(data)) != want {
		return nil, fmt.Errorf("%d bytes for numbers of %d bits, want %d", len(data), width, want)
	}
	values := make([]T, n)
	if bytes, ok := any(values).([]uint8); ok && width == 8 && limit >= math.MaxUint8 {
		copy(bytes, data)
		return values, nil
	}
	r := bitio.NewReader(data)
	for i := range values {
		v, err := readBits(r, width)
		if err != nil {
			return nil, err
		}
		if v > limit {
			return nil, tooLarge(i, v, limit)
		}
		values[i] = T(v)
	}
	return values, r.End()
}

// readBits reads a number of at most 32 bits.
func readBits(r *bitio.Reader, width int) (uint32, error) {
	if word, ok := r.Peek(); ok {
		r.Skip(width)
		return uint32(word >> 32 >> (32 - width)), nil
	}
	v, err := r.Read(width)
	return uint32(v), err
}

func encodeTree[T Number](values []T, width int) []byte {
	e, tree := arith.NewEncoder(), arith.NewTree(width)
	for _, v := range values {
		tree.Encode(e, uint32(v))
	}
	return append([]byte{byte(width<<3 | coderTree)}, e.Bytes()...)
}

func encodeGamma[T Number](values []T) []byte {
	e, gamma := arith.NewEncoder(), arith.NewGamma()
	for _, v := range values {
		gamma.Encode(e, uint32(v))
	}
	return append([]byte{coderGamma}, e.Bytes()...)
}

func gammaDecisions[T Number](values []T) int {
	n := 0
	for _, v := range values {
		n += 2 * bits.Len32(uint32(v)+1)
	}
	return n
}

func decodeAdaptive[T Number](data []byte, n int, limit uint32, next func(*arith.Decoder) uint32) ([]T, error) {
	values := make([]T, n)
	d := arith.NewDecoder(data)
	for i := range values {
		v := next(d)
		if v > limit {
			return nil, tooLarge(i, v, limit)
		}
		values[i] = T(v)
	}
	return values, d.End()
}
