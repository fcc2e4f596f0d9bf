package export

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"espalier/models/export/onnx"
)

// Digest is the SHA-256 of a network's file, in hexadecimal digits. That of an
// ONNX file which keeps weights in files of their own covers those too.
func Digest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	sum, err := sumOf(f)
	if err != nil || !isONNX(file) {
		return hex.EncodeToString(sum), err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	beside := onnx.Beside(data)
	if len(beside) == 0 {
		return hex.EncodeToString(sum), nil
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return "", err
	}
	defer root.Close()
	all := sha256.New()
	fmt.Fprintf(all, "espalier network 1\n%x\n", sum)
	for _, name := range beside {
		f, err := root.Open(name)
		if err == nil {
			sum, err = sumOf(f)
		}
		if err != nil {
			return "", fmt.Errorf("%s keeps weights in another file: %w", file, err)
		}
		fmt.Fprintf(all, "%q %x\n", name, sum)
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

// sumOf is the SHA-256 of a regular file, which it closes.
func sumOf(f *os.File) ([]byte, error) {
	defer f.Close() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: errors.New("it is no regular file")}
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}
