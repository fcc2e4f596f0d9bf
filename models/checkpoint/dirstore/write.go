package dirstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Create writes a file only if its key is free. link(2) makes the choice: it
// gives the name to a file that is already whole, or fails if the name is
// taken.
func (s *Store) Create(ctx context.Context, key string, body []byte) error {
	link := func(temp, name string) error {
		if err := os.Link(temp, name); err != nil {
			return err
		}
		_ = os.Remove(temp) // the sweep takes what stays
		return nil
	}
	return s.write(ctx, "create", key, bytes.NewReader(body), int64(len(body)), link)
}

// write makes a whole temporary file and gives it its name by place.
func (s *Store) write(ctx context.Context, op, key string, body io.Reader, size int64, place func(temp, name string) error) error {
	name, err := s.path(ctx, key)
	if err != nil {
		return fault(op, key, err)
	}
	if err := makeDir(filepath.Dir(name)); err != nil {
		return fault(op, key, err)
	}
	temp, err := s.newTemp()
	if err != nil {
		return fault(op, key, err)
	}
	defer temp.Close() // also gives the sweep's lock back
	err = fill(ctx, temp, body, size)
	if err == nil {
		err = place(temp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fault(op, key, err)
	}
	return fault(op, key, syncDir(filepath.Dir(name)))
}

func fill(ctx context.Context, file *os.File, body io.Reader, size int64) error {
	n, err := io.Copy(file, &interruptible{ctx, body})
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("the body has %d bytes, %d were announced", n, size)
	}
	return file.Sync()
}

// interruptible ends a copy when its context does.
type interruptible struct {
	ctx  context.Context
	body io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}

// makeDir makes a folder and those above it, and sees to it that they survive
// a power cut: a file in a folder that is lost is lost too.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s is no folder", dir)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// syncDir flushes a folder, so that names in it last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
