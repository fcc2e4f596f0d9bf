package trainer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Log is a file for what a program prints. It never has more than Max bytes:
// before it would, it becomes the older file, PATH.1, in the place of the one
// that was there, so that the newest Max bytes are on disk and at most twice as
// many. Processes that have the same Path share the files.
type Log struct {
	Path string
	Max  int64

	mu   sync.Mutex
	file *os.File // nil until it is written to
}

// Write appends a piece; of one that is larger than the file may be, the end.
func (l *Log) Write(piece []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(piece)
	piece = piece[max(0, int64(n)-l.Max):]
	size, err := l.open()
	if err == nil && size+int64(len(piece)) > l.Max {
		err = l.turn()
	}
	if err == nil {
		_, err = l.file.Write(piece)
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// open opens the file, anew if another process has moved or removed it, and
// answers with its size.
func (l *Log) open() (int64, error) {
	if l.file != nil {
		there, err := os.Stat(l.Path)
		mine, errMine := l.file.Stat()
		if err == nil && errMine == nil && os.SameFile(there, mine) {
			return mine.Size(), nil
		}
		_ = l.file.Close() // what it held is elsewhere or gone
		l.file = nil
	}
	if err := os.MkdirAll(filepath.Dir(l.Path), 0o700); err != nil {
		return 0, err
	}
	file, err := os.OpenFile(l.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	l.file = file
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// turn makes the file the older one and begins a new one. The older one is
// removed before: some systems write a file that replaces another to the disk on
// the spot, which would bring all that a program prints there.
func (l *Log) turn() error {
	older := l.Path + ".1"
	if err := os.Remove(older); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(l.Path, older); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := l.open()
	return err
}

// Close closes the file; a later Write opens it again.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
