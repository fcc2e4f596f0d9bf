package data

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"espalier/models"
)

// A cache file holds the two seals (SHA-256) and then, for training and test,
// the pixels and one byte for each label. Its name says what it holds and its
// length follows from that.

// cachePath is empty if there is no cache.
func cachePath(folder string, train, test int) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, fmt.Sprintf("%s-%d-%d.bin", strings.ReplaceAll(digitsVersion, " ", "-"), train, test))
}

// loadCache reads and verifies a cache file.
func loadCache(path string, train, test int) (*content, error) {
	if path == "" {
		return nil, os.ErrNotExist
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only: nothing can be lost

	size := 2*sha256.Size + (train+test)*(side*side+1)
	if info, err := f.Stat(); err != nil || info.Size() != int64(size) {
		return nil, fmt.Errorf("%s: not %d bytes long: %w", path, size, errors.Join(err, io.ErrUnexpectedEOF))
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	seals, body := b[:2*sha256.Size], b[2*sha256.Size:]
	c := &content{shape: models.Shape{1, side, side}, classes: digits}
	c.train, body = cut(body, train)
	c.test, _ = cut(body, test)
	if string(seals) != string(c.train.sum[:])+string(c.test.sum[:]) {
		return nil, fmt.Errorf("%s: checksum mismatch", path)
	}
	return c, nil
}

func cut(b []byte, n int) (samples, []byte) {
	s := samples{pixels: b[: n*side*side : n*side*side], labels: make([]int32, n)}
	for i, l := range b[n*side*side : n*(side*side+1)] {
		s.labels[i] = int32(l)
	}
	return s.sealed(), b[n*(side*side+1):]
}

// storeCache writes a cache file beside its place and moves it there whole. The
// name beside is fixed, so that processes that were killed leave one file at
// most; two that write at once write the same bytes, and a hole that one tears
// into the other's fails verification.
func storeCache(path string, c *content) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	beside := path + ".part"
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	for _, piece := range [][]byte{
		c.train.sum[:], c.test.sum[:],
		c.train.pixels, labelBytes(c.train.labels), c.test.pixels, labelBytes(c.test.labels),
	} {
		if err == nil {
			_, err = f.Write(piece)
		}
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	return nil
}
