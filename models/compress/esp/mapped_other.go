//go:build !linux

package esp

import "errors"

// mapped says that files are read here.
func mapped(string) (data []byte, release func() error, err error) {
	return nil, nil, errors.ErrUnsupported
}
