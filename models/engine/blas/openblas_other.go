//go:build !((linux || darwin) && (amd64 || arm64))

package blas

import (
	"errors"
	"fmt"
)

// OpenBLAS fails: this platform has no way to call it without cgo.
func OpenBLAS(file string) (Library, error) {
	return nil, fmt.Errorf("open blas %s: %w on this platform", file, errors.ErrUnsupported)
}
