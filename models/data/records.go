package data

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// maxRecords bounds how many records one file may have: ten times the largest
// that is known.
const maxRecords = 1 << 19

// records collects the samples of files of records: label bytes and then
// pixels, all records of one length.
type records struct {
	labels []int // how many values each label byte may have; the last is the class
	size   int   // pixels
	limit  int   // keep no more samples; 0 is all

	pixels  []uint8
	classes []int32
	seen    int // records, kept or not
}

// file reads all of a file, compressed with gzip or bzip2 or not at all.
func (r *records) file(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // read only: nothing can be lost

	plain, err := uncompressed(f)
	if info, statErr := f.Stat(); statErr == nil {
		r.expect(info.Size())
	}
	if err == nil {
		err = r.decode(ctx, plain)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// expect makes room for what a file of that size holds at least, packed or not,
// as far as files of this kind go.
func (r *records) expect(size int64) {
	n := int(min(size/int64(len(r.labels)+r.size), 1<<16))
	if r.limit > 0 {
		n = min(n, r.limit-len(r.classes))
	}
	if n > 0 {
		r.pixels, r.classes = slices.Grow(r.pixels, n*r.size), slices.Grow(r.classes, n)
	}
}

// uncompressed returns what r holds, by what it starts with. No label byte is
// what gzip or bzip2 start with.
func uncompressed(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	start, _ := b.Peek(3)
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("gzip header: %w", err)
		}
		return z, nil
	case bytes.Equal(start, []byte("BZh")):
		return bzip2.NewReader(b), nil
	default:
		return b, nil
	}
}

// decode reads whole records to the end of the file; there must be one.
func (r *records) decode(ctx context.Context, plain io.Reader) error {
	record := make([]byte, len(r.labels)+r.size)
	for n := 0; ; n++ {
		got, err := io.ReadFull(plain, record)
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("record %d ends after %d of %d bytes: %w", n, got, len(record), unexpected(err))
		case err != nil:
			return fmt.Errorf("record %d: %w", n, err)
		case n == maxRecords:
			return fmt.Errorf("there are more than %d records", maxRecords)
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := r.add(record); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
	}
}

// add checks the labels of a record and keeps it if there is room.
func (r *records) add(record []byte) error {
	k := len(r.labels)
	for i, values := range r.labels {
		if int(record[i]) >= values {
			return fmt.Errorf("label %d: want 0 to %d", record[i], values-1)
		}
	}
	r.seen++
	if r.limit == 0 || r.seen <= r.limit {
		r.pixels = append(r.pixels, record[k:]...)
		r.classes = append(r.classes, int32(record[k-1]))
	}
	return nil
}
