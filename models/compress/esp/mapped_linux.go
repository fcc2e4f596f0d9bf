package esp

import (
	"errors"
	"math"
	"os"
	"syscall"
)

// mapped maps a whole file into memory, to be read alone. What cannot be mapped,
// such as an empty file or a pipe, may still be read.
func mapped(path string) (data []byte, release func() error, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close() // a mapping needs no open file
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	size := info.Size()
	if !info.Mode().IsRegular() || size < 1 || size > math.MaxInt {
		return nil, nil, errors.ErrUnsupported
	}
	data, err = syscall.Mmap(int(file.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return data, func() error { return syscall.Munmap(data) }, nil
}
