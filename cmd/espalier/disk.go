package main

import (
	"fmt"
	"path/filepath"
	"syscall"
)

// freeFor is the room on the disk that holds folder, or will hold it.
func freeFor(folder string) (uint64, error) {
	var s syscall.Statfs_t
	for {
		err := syscall.Statfs(folder, &s)
		if err == nil {
			return uint64(s.Bavail) * uint64(s.Bsize), nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return 0, err
		}
		folder = parent
	}
}

// full is the room below which the database of the embedded server cannot go on.
const full = 1 << 20

// errFull says why the embedded servers do not answer, if it is for want of room.
func (a *app) errFull(c *connection) error {
	if c.stack == nil && c.home == "" {
		return nil
	}
	if free, err := freeFor(a.home); err != nil || free >= full {
		return nil
	}
	return fmt.Errorf("home %s: no space left on its disk, so the embedded server stands still; make room and run the spec again: it goes on from the last checkpoint", a.home)
}
