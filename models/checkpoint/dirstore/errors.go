package dirstore

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"espalier/models/checkpoint"
)

// fault names what was tried on what; nil stays nil.
func fault(op, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", op, key, mapped(err))
}

// mapped puts the operating system's errors into the store's words and keeps
// the original beside them where it says more.
func mapped(err error) error {
	switch {
	case err == nil, errors.Is(err, checkpoint.ErrNotFound):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return checkpoint.ErrNotFound
	case errors.Is(err, fs.ErrExist):
		return checkpoint.ErrExists
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", checkpoint.ErrFull, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", checkpoint.ErrDenied, err)
	}
	return err
}
