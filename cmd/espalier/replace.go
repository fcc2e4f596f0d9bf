package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// refuseOld is an error where there is a file of that name, unless it may be
// written over.
func refuseOld(path string, force bool) error {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.IsDir():
		return usageError{fmt.Errorf("%s is a folder", path)}
	case err == nil && !force:
		return usageError{fmt.Errorf("%s is there already; name another file, or write over it with --force", path)}
	}
	return nil
}

// replaceFile writes a file at once: it has its whole content or is not there,
// whatever happens. With force it takes the place of one that is there.
func replaceFile(path string, data []byte, force bool) error {
	return replaceBy(path, force, func(file io.Writer) error {
		if _, err := file.Write(data); err != nil {
			return cause(err, "write "+path)
		}
		return nil
	})
}

// replaceBy is replaceFile for what is not in memory. The error of write comes
// back as it is.
func replaceBy(path string, force bool, write func(io.Writer) error) (err error) {
	var writing error
	defer func() {
		if err != nil && writing == nil && !errors.As(err, &usageError{}) {
			err = cause(err, "write "+path)
		}
	}()
	// CreateTemp makes the file readable by its owner only.
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(file.Name()); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if writing = write(file); writing != nil {
		return errors.Join(writing, file.Close())
	}
	if err = errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	if !force {
		// A link refuses what a rename would replace; where there are no links,
		// the earlier look has to do.
		if err := os.Link(file.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
			if err != nil {
				return refuseOld(path, force)
			}
			return nil
		}
		if err := refuseOld(path, force); err != nil {
			return err
		}
	}
	return os.Rename(file.Name(), path)
}
