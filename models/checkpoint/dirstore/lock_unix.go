//go:build unix

package dirstore

import (
	"os"
	"syscall"
)

// tryLock takes the file's lock if it is free. The kernel frees it when the
// file is closed, also by the death of the process.
func tryLock(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
