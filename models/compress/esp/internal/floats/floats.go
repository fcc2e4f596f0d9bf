// Package floats writes lists of float32 values exactly, in few bytes.
//
// The exponents of weights are much alike and their last bits are noise, so a
// list is written as it is or, if that is shorter, as four lists of bytes: the
// exponents, and from the first to the last the bytes of the fractions, behind
// which the sign stands. What has few bits, as a float16 does, has zeros in the
// last two, which take nothing.
//
// [Decode] and [DecodeBook] read what nobody has checked, and take memory only
// for as many values as they are told.
package floats

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"espalier/models/compress/esp/internal/numbers"
)

// The first byte of a list.
const (
	plain  = 0 // each value as it is, little-endian
	planes = 1
)

// Encode writes a list, with adaptive coding only where it takes at most
// decisions between 0 and 1. An empty list is no bytes.
func Encode(values []float32, decisions int) []byte {
	if len(values) == 0 {
		return nil
	}
	bytes := [4][]uint8{}
	for i := range bytes {
		bytes[i] = make([]uint8, len(values))
	}
	for i, v := range values {
		rotated := bits.RotateLeft32(math.Float32bits(v), 1)
		bytes[0][i], bytes[1][i] = uint8(rotated>>24), uint8(rotated>>16)
		bytes[2][i], bytes[3][i] = uint8(rotated>>8), uint8(rotated)
	}
	out := []byte{planes}
	for i, plane := range bytes {
		data := numbers.Encode(plane, decisions/4)
		if i < 3 {
			out = binary.AppendUvarint(out, uint64(len(data)))
		}
		out = append(out, data...)
	}
	if len(out) < 1+4*len(values) {
		return out
	}
	out = append(out[:0], plain)
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

// Decode reads a list of n values.
func Decode(data []byte, n int) ([]float32, error) {
	if n == 0 && len(data) == 0 {
		return nil, nil
	}
	if n <= 0 || len(data) == 0 || data[0] > planes || data[0] == plain && int64(len(data)) != 1+4*int64(n) {
		return nil, fmt.Errorf("%d bytes are no list of %d values", len(data), n)
	}
	values := make([]float32, n)
	return values, Fill(values, data)
}

// Fill reads a list of as many values as dst has.
func Fill(dst []float32, data []byte) error {
	switch {
	case len(dst) == 0 && len(data) == 0:
		return nil
	case len(dst) == 0 || len(data) == 0 || data[0] > planes || data[0] == plain && len(data) != 1+4*len(dst):
		return fmt.Errorf("%d bytes are no list of %d values", len(data), len(dst))
	case data[0] == planes:
		return fillPlanes(dst, data[1:])
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[1+4*i:]))
	}
	return nil
}

func fillPlanes(dst []float32, data []byte) error {
	n := len(dst)
	var bytes [4][]uint8
	for i := range bytes {
		length, size := uint64(len(data)), 0
		if i < 3 {
			if length, size = binary.Uvarint(data); size <= 0 || length > uint64(len(data)-size) {
				return fmt.Errorf("bytes %d of the values: %d of %d", i, length, len(data))
			}
		}
		var err error
		if bytes[i], err = numbers.Decode[uint8](data[size:size+int(length)], n, 255); err != nil {
			return fmt.Errorf("bytes %d of the values: %w", i, err)
		}
		data = data[size+int(length):]
	}
	b0, b1, b2, b3 := bytes[0][:n], bytes[1][:n], bytes[2][:n], bytes[3][:n]
	for i := range dst {
		rotated := uint32(b0[i])<<24 | uint32(b1[i])<<16 | uint32(b2[i])<<8 | uint32(b3[i])
		dst[i] = math.Float32frombits(bits.RotateLeft32(rotated, -1))
	}
	return nil
}

// Key maps values to numbers in their order: -NaN, the negative ones, -0, +0,
// the positive ones, NaN.
func Key(v float32) uint32 { return key(v, 0) }

// key is that of a value without its last bits, which are 0.
func key(v float32, zeros int) uint32 {
	b := math.Float32bits(v)
	if b>>31 == 1 {
		return ^b >> zeros
	}
	return (b | 1<<31) >> zeros
}

// value undoes key.
func value(key uint32, zeros int) float32 {
	key <<= zeros
	if key>>31 == 1 {
		return math.Float32frombits(key &^ (1 << 31))
	}
	return math.Float32frombits(^key >> zeros << zeros)
}

// EncodeBook writes different values in the order of their keys, the largest of
// which is below 2^32 - 1: how many zeros all values end in, and the differences
// of the keys without them.
func EncodeBook(values []float32, decisions int) []byte {
	all := uint32(1 << 31)
	for _, v := range values {
		all |= math.Float32bits(v)
	}
	zeros := bits.TrailingZeros32(all)
	steps := make([]uint32, len(values))
	before := uint32(0)
	for i, v := range values {
		key := key(v, zeros)
		steps[i] = key - before
		before = key + 1
	}
	return append([]byte{byte(zeros)}, numbers.Encode(steps, decisions)...)
}

// DecodeBook reads n different values.
func DecodeBook(data []byte, n int) ([]float32, error) {
	if len(data) == 0 || data[0] > 31 {
		return nil, fmt.Errorf("%d bytes are no codebook of %d values", len(data), n)
	}
	zeros := int(data[0])
	steps, err := numbers.Decode[uint32](data[1:], n, math.MaxUint32)
	if err != nil {
		return nil, fmt.Errorf("codebook: %w", err)
	}
	values := make([]float32, n)
	next := uint64(0)
	for i, step := range steps {
		key := next + uint64(step)
		if key >= 1<<(32-zeros) {
			return nil, fmt.Errorf("codebook: value %d is beyond the last float32", i)
		}
		values[i] = value(uint32(key), zeros)
		next = key + 1
	}
	return values, nil
}

// TableSize is how many bytes of a list that [Decode] has read are tables of
// coders.
func TableSize(data []byte) int {
	if len(data) == 0 || data[0] != planes {
		return 0
	}
	data = data[1:]
	tables := 0
	for range 3 {
		length, size := binary.Uvarint(data)
		if size <= 0 || length > uint64(len(data)-size) {
			return 0
		}
		tables += numbers.TableSize(data[size : size+int(length)])
		data = data[size+int(length):]
	}
	return tables + numbers.TableSize(data)
}
