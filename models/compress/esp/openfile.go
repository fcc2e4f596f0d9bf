package esp

import (
	"fmt"
	"os"
)

// OpenFile opens a file by its path without reading it: where the system can, it
// is mapped into memory, and what is asked for is read when it is; elsewhere it
// is read at once. Until [File.Close] it must not be written over or cut short,
// which would end the process; a file that takes its name does no harm.
//
// It fails where the file cannot be read and as [Open] does.
func OpenFile(path string) (*File, error) {
	data, release, err := mapped(path)
	if err != nil {
		if data, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("packed model: %w", err)
		}
		release = nil
	}
	f, err := open(data)
	if err != nil {
		if release != nil {
			release() // nothing is lost
		}
		return nil, fmt.Errorf("packed model: %s: %w", path, err)
	}
	f.release = release
	return f, nil
}

// Close gives back what OpenFile took. Networks and tensors that were read are
// the caller's own and stay; nothing more can be read. A file from [Open] needs
// no Close.
func (f *File) Close() error {
	release := f.release
	if release == nil {
		return nil
	}
	f.release = nil
	if err := release(); err != nil {
		return fmt.Errorf("packed model: %w", err)
	}
	return nil
}
