// Package bitio writes and reads numbers of any width in bits, the most
// significant bit first. Bytes that are not full end in zeros.
//
// A [Reader] reads what nobody has checked: it never reads past its bytes, and
// its errors say what was missing.
package bitio

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Writer collects bits. The zero value is empty.
type Writer struct {
	bytes []byte
	bits  int64
}

// Write appends the lowest width bits of v; width is at most 64.
func (w *Writer) Write(v uint64, width int) {
	if w.bits%8 == 0 && width == 8 {
		w.bytes, w.bits = append(w.bytes, byte(v)), w.bits+8
		return
	}
	for width > 0 {
		free := 8 - int(w.bits%8)
		if free == 8 {
			w.bytes = append(w.bytes, 0)
		}
		take := min(free, width)
		part := v >> (width - take) & (1<<take - 1)
		w.bytes[len(w.bytes)-1] |= byte(part << (free - take))
		width -= take
		w.bits += int64(take)
	}
}

// WriteGamma appends v, which is at least 1, in Elias' gamma code: as many
// zeros as v has bits after its first, then v. Small numbers are short: 1 is
// one bit, 2 and 3 are three.
func (w *Writer) WriteGamma(v uint64) {
	width := bits.Len64(v)
	w.Write(0, width-1)
	w.Write(v, width)
}

// Bits is how many bits were written.
func (w *Writer) Bits() int64 { return w.bits }

// Bytes are the bits so far; the last byte is filled with zeros. They are the
// writer's own until the next write.
func (w *Writer) Bytes() []byte { return w.bytes }

// GammaBits is the length of v, at least 1, in Elias' gamma code.
func GammaBits(v uint64) int64 { return 2*int64(bits.Len64(v)) - 1 }

// Reader reads bits from bytes, which it does not change.
type Reader struct {
	bytes []byte
	at    int64
}

// NewReader starts at the first bit.
func NewReader(data []byte) *Reader { return &Reader{bytes: data} }

// Left is how many bits are unread.
func (r *Reader) Left() int64 { return 8*int64(len(r.bytes)) - r.at }

// Peek is the next bits, the first one highest, of which at least 57 are right.
// It has none where fewer than 8 bytes are left.
func (r *Reader) Peek() (word uint64, ok bool) {
	at := int(r.at / 8)
	if at+8 > len(r.bytes) {
		return 0, false
	}
	return binary.BigEndian.Uint64(r.bytes[at:]) << (r.at % 8), true
}

// Skip passes over n bits that Peek has shown.
func (r *Reader) Skip(n int) { r.at += int64(n) }

// Bit reads one bit.
func (r *Reader) Bit() (uint64, error) {
	if r.Left() < 1 {
		return 0, fmt.Errorf("the data end after %d bits, in the middle of a number", r.at)
	}
	b := r.bytes[r.at/8] >> (7 - r.at%8) & 1
	r.at++
	return uint64(b), nil
}

// Read reads a number of width bits, at most 64.
func (r *Reader) Read(width int) (uint64, error) {
	if r.Left() < int64(width) {
		return 0, fmt.Errorf("the data end after %d bits, in the middle of a number", r.at+r.Left())
	}
	v := uint64(0)
	for width > 0 {
		held := 8 - int(r.at%8)
		take := min(held, width)
		part := r.bytes[r.at/8] >> (held - take) & byte(1<<take-1)
		v = v<<take | uint64(part)
		width -= take
		r.at += int64(take)
	}
	return v, nil
}

// ReadGamma reads a number in Elias' gamma code, and refuses one above limit.
func (r *Reader) ReadGamma(limit uint64) (uint64, error) {
	width := 1
	for {
		b, err := r.Bit()
		if err != nil {
			return 0, err
		}
		if b == 1 {
			break
		}
		if width++; width > bits.Len64(limit) {
			return 0, fmt.Errorf("a number of %d bits or more stands before bit %d, where at most %d is allowed", width, r.at, limit)
		}
	}
	rest, err := r.Read(width - 1)
	if err != nil {
		return 0, err
	}
	v := 1<<(width-1) | rest
	if v > limit {
		return 0, fmt.Errorf("%d stands before bit %d, where at most %d is allowed", v, r.at, limit)
	}
	return v, nil
}

// End refuses data of which more is unread than the zeros of the last byte.
func (r *Reader) End() error {
	left := r.Left()
	if left >= 8 {
		return fmt.Errorf("%d bytes follow the end", left/8)
	}
	rest, err := r.Read(int(left))
	if err != nil {
		return err
	}
	if rest != 0 {
		return fmt.Errorf("the last byte does not end in %d zeros", left)
	}
	return nil
}
