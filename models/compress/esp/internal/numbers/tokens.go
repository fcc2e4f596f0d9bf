package numbers

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/klauspost/compress/fse"

	"espalier/models/compress/huffman"
	"espalier/models/compress/internal/bitio"
)

// split says how a number becomes a token and bits, as JPEG XL's hybrid
// integers do: one below 2^direct is its own token, a larger one has a token
// for its length and the first kept of its bits behind the leading one. The
// bits that are left follow as they are.
type split struct{ direct, kept int }

// A split is 3 times direct, plus kept, as a coder's setting; whole has no bits
// that are left: every number is a token.
const (
	maxDirect = 7
	maxKept   = 2
	whole     = 31
)

func splitOf(setting int) (split, error) {
	s := split{setting / (maxKept + 1), setting % (maxKept + 1)}
	if s.direct > maxDirect || s.kept > s.direct {
		return split{}, fmt.Errorf("setting %d is no split", setting)
	}
	return s, nil
}

func (s split) setting() int { return s.direct*(maxKept+1) + s.kept }

// token is at most 228.
func (s split) token(v uint32) (token uint8, rest uint32, width int) {
	if v < 1<<s.direct {
		return uint8(v), 0, 0
	}
	length := bits.Len32(v) - 1
	width = length - s.kept
	token = uint8(1<<s.direct + (length-s.direct)<<s.kept + int(v>>width&(1<<s.kept-1)))
	return token, v & (1<<width - 1), width
}

// ranges are the first number and the bits that are left of each token.
func (s split) ranges() (first []uint32, width []uint8) {
	for v := range uint32(1) << s.direct {
		first, width = append(first, v), append(width, 0)
	}
	for length := s.direct; length < 32; length++ {
		for top := range uint32(1) << s.kept {
			first = append(first, 1<<length|top<<(length-s.kept))
			width = append(width, uint8(length-s.kept))
		}
	}
	return first, width
}

// manyBytes are so many that a table of all bytes is no burden.
const manyBytes = 1 << 13

// encodeTokens is the list in both coders that have tables; nil where one
// cannot, or makes nothing smaller.
func encodeTokens[T Number](values []T, most uint32) [][]byte {
	var all [][]byte
	if most < 1<<12 {
		symbols := make([]uint16, len(values))
		for i, v := range values {
			symbols[i] = uint16(v)
		}
		all = append(all, append([]byte{whole<<3 | coderHuffman}, huffman.Encode(symbols)...))
	}
	if most < 256 {
		all = append(all, encodeFSE(convert[uint8](values), whole, nil))
	}
	if most < 8 || most < 256 && len(values) > manyBytes {
		return all
	}
	s := bestSplit(values)
	tokens, rest := tokensOf(s, values)
	all = append(all, encodeFSE(tokens, s.setting(), rest))
	coded := huffman.Encode(convert[uint16](tokens))
	data := binary.AppendUvarint([]byte{byte(s.setting()<<3 | coderHuffman)}, uint64(len(coded)))
	return append(all, append(append(data, coded...), rest...))
}

func convert[T, F Number](values []F) []T {
	converted := make([]T, len(values))
	for i, v := range values {
		converted[i] = T(v)
	}
	return converted
}

// tokensOf are the tokens of the values and, in bytes, the bits that are left.
func tokensOf[T Number](s split, values []T) ([]uint8, []byte) {
	tokens := make([]uint8, len(values))
	var w bitio.Writer
	for i, v := range values {
		token, rest, width := s.token(uint32(v))
		tokens[i] = token
		w.Write(uint64(rest), width)
	}
	return tokens, w.Bytes()
}

// bestSplit is the split with the smallest estimate: the entropy of the tokens,
// the bits that are left, and half a byte for each different token.
func bestSplit[T Number](values []T) split {
	// The tokens of every split are sums of those of the finest.
	finest := split{maxDirect, maxKept}
	var fine [256]int
	for _, v := range values {
		token, _, _ := finest.token(uint32(v))
		fine[token]++
	}
	first, _ := finest.ranges()
	best, least := split{}, math.Inf(1)
	for direct := range maxDirect + 1 {
		for kept := range min(direct, maxKept) + 1 {
			s := split{direct, kept}
			var counts [256]int
			total := 0
			for i, v := range first {
				token, _, width := s.token(v)
				counts[token] += fine[i]
				total += width * fine[i]
			}
			if size := float64(total) + entropy(counts[:]); size < least {
				best, least = s, size
			}
		}
	}
	return best
}

func entropy(counts []int) float64 {
	n := 0
	for _, c := range counts {
		n += c
	}
	sum := 0.0
	for _, c := range counts {
		if c > 0 {
			sum += 4 + float64(c)*math.Log2(float64(n)/float64(c))
		}
	}
	return sum
}

func encodeFSE(tokens []uint8, setting int, rest []byte) []byte {
	coded, err := fse.Compress(tokens, &fse.Scratch{TableLog: 12})
	if err != nil { // it is not worth the while
		return nil
	}
	data := []byte{byte(setting<<3 | coderFSE)}
	if setting != whole {
		data = binary.AppendUvarint(data, uint64(len(coded)))
	}
	return append(append(data, coded...), rest...)
}

// parts divides the bytes into those of the tokens and of the bits that are
// left.
func parts(data []byte, setting int) (tokens, rest []byte, err error) {
	if setting == whole {
		return data, nil, nil
	}
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return nil, nil, fmt.Errorf("tokens of %d bytes in %d bytes", size, len(data))
	}
	return data[n : n+int(size)], data[n+int(size):], nil
}

func decodeHuffman[T Number](data []byte, n, setting int, limit uint32) ([]T, error) {
	coded, rest, err := parts(data, setting)
	if err != nil {
		return nil, err
	}
	tokens, err := huffman.Decode(coded, n)
	if err != nil {
		return nil, err
	}
	return joined[T](tokens, rest, setting, limit)
}

func decodeFSE[T Number](data []byte, n, setting int, limit uint32) ([]T, error) {
	coded, rest, err := parts(data, setting)
	if err != nil {
		return nil, err
	}
	tokens, err := fse.Decompress(coded, &fse.Scratch{Out: make([]byte, 0, n), DecompressLimit: n + 1})
	if err != nil {
		return nil, err
	}
	if len(tokens) != n {
		return nil, fmt.Errorf("there are %d", len(tokens))
	}
	return joined[T](tokens, rest, setting, limit)
}

// joined are the numbers of tokens and the bits that are left.
func joined[T Number, S uint8 | uint16](tokens []S, rest []byte, setting int, limit uint32) ([]T, error) {
	if setting == whole {
		for i, v := range tokens {
			if uint32(v) > limit {
				return nil, tooLarge(i, uint32(v), limit)
			}
		}
		if same, ok := any(tokens).([]T); ok {
			return same, nil
		}
		return convert[T](tokens), nil
	}
	values := make([]T, len(tokens))
	s, err := splitOf(setting)
	if err != nil {
		return nil, err
	}
	first, width := s.ranges()
	r := bitio.NewReader(rest)
	for i, token := range tokens {
		if int(token) >= len(first) {
			return nil, fmt.Errorf("token %d is %d, at most %d is allowed", i, token, len(first)-1)
		}
		v := first[token]
		if w := int(width[token]); w > 0 {
			low, err := readBits(r, w)
			if err != nil {
				return nil, fmt.Errorf("bits of number %d: %w", i, err)
			}
			v |= low
		}
		if v > limit {
			return nil, tooLarge(i, v, limit)
		}
		values[i] = T(v)
	}
	return values, r.End()
}
