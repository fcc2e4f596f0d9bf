package dirstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// tempDir holds the files that are being written. Its name begins with a dot,
// which no key's segment does, and it is on the store's own file system, so
// that its files can be renamed and linked into place.
func (s *Store) tempDir() string { return filepath.Join(s.dir, ".tmp") }

// newTemp makes a temporary file and holds its lock until the file is closed.
// The sweep removes only files whose lock is free, so between the making and
// the locking it may take this one: then there is another.
func (s *Store) newTemp() (*os.File, error) {
	for {
		file, err := os.CreateTemp(s.tempDir(), "")
		if errors.Is(err, fs.ErrNotExist) { // somebody tidied up the folder
			if err := makeDir(s.tempDir()); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if tryLock(file) && named(file) {
			return file, file.Chmod(0o644)
		}
		file.Close()
	}
}

// named says whether the file still has its name.
func named(file *os.File) bool {
	own, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(file.Name())
	return err == nil && os.SameFile(own, there)
}

// sweep removes the temporary files of writers that died: the lock of a dead
// process is free.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.tempDir())
	if err != nil {
		return fault("sweep", s.tempDir(), err)
	}
	for _, entry := range entries {
		file, err := os.Open(filepath.Join(s.tempDir(), entry.Name()))
		if err != nil {
			continue // another sweep was faster
		}
		if entry.Type().IsRegular() && tryLock(file) {
			_ = os.Remove(file.Name()) // what stays is taken the next time
		}
		file.Close()
	}
	return nil
}
