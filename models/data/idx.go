package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The idx format: two zero bytes, the element type, the number of dimensions,
// the dimensions as big-endian 32-bit numbers, and the elements. Only unsigned
// bytes are read here.
const (
	magicLabels = 0x00000801 // one dimension
	magicImages = 0x00000803 // count, rows, columns
)

// maxSide bounds an image's height and width.
const maxSide = 1 << 14

// readPiece bounds how much is allocated ahead of what has been read: a header
// may promise more than there is.
const readPiece = 1 << 20

// idx is the content of one idx file: elements of dims[1] x dims[2] ... bytes,
// of which data holds the first.
type idx struct {
	dims []int
	data []uint8
}

// decodeIDX reads an idx file and keeps as many of its first elements as limit
// says, given how many there are. All of the file is read, whatever is kept:
// its length must be what its header says.
func decodeIDX(ctx context.Context, plain io.Reader, magic uint32, limit func(have int) (int, error)) (*idx, error) {
	dims, err := readHeader(plain, magic)
	if err != nil {
		return nil, err
	}
	keep, err := limit(dims[0])
	if err != nil {
		return nil, err
	}
	size := int64(1)
	for _, d := range dims[1:] {
		size *= int64(d) // at most maxSide^2, so that all products fit
	}
	data, err := readBody(ctx, plain, int64(keep)*size, int64(dims[0])*size)
	if err != nil {
		return nil, fmt.Errorf("dimensions %v: %w", dims, err)
	}
	return &idx{dims: dims, data: data}, nil
}

// gunzipped returns what r holds, uncompressed if it starts as gzip does. No
// idx file starts so.
func gunzipped(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if start, _ := b.Peek(2); !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("gzip header: %w", err)
	}
	return z, nil
}

func readHeader(r io.Reader, magic uint32) ([]int, error) {
	head := make([]byte, 4+4*int(magic&0xff))
	if n, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("the header ends after %d of %d bytes: %w", n, len(head), unexpected(err))
	}
	if got := binary.BigEndian.Uint32(head); got != magic {
		return nil, fmt.Errorf("magic number 0x%08x: want 0x%08x (idx, unsigned bytes, dimensions: %d)", got, magic, magic&0xff)
	}
	dims := make([]int, magic&0xff)
	for i := range dims {
		d := binary.BigEndian.Uint32(head[4+4*i:])
		if d == 0 || d > 1<<31-1 {
			return nil, fmt.Errorf("dimension %d is %d: want 1 to 2147483647", i, d)
		}
		dims[i] = int(d)
	}
	if len(dims) == 3 && (dims[1] > maxSide || dims[2] > maxSide) {
		return nil, fmt.Errorf("images of %d x %d pixels: want at most %d x %d", dims[1], dims[2], maxSide, maxSide)
	}
	return dims, nil
}

// readBody reads total bytes and the end of the file after them, and returns
// the first keep bytes.
func readBody(ctx context.Context, r io.Reader, keep, total int64) ([]uint8, error) {
	var data []uint8
	for int64(len(data)) < keep {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		piece := int(min(keep-int64(len(data)), max(readPiece, int64(len(data)))))
		data = slices.Grow(data, piece)
		n, err := io.ReadFull(r, data[len(data):len(data)+piece])
		data = data[:len(data)+n]
		if err != nil {
			return nil, short(int64(len(data)), total, err)
		}
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(r, total-keep+1))
	switch {
	case err != nil:
		return nil, short(keep+rest, total, err)
	case keep+rest < total:
		return nil, short(keep+rest, total, io.ErrUnexpectedEOF)
	case keep+rest > total:
		return nil, fmt.Errorf("there is more after the %d bytes that the header promises", total)
	}
	return data, nil
}

func short(got, want int64, err error) error {
	return fmt.Errorf("the header promises %d bytes of data, there are %d: %w", want, got, unexpected(err))
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
