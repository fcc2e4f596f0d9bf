package workers

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/prometheus/procfs"
)

// Dead answers, for the process self, whether an identity is of a process of
// this machine that is surely gone. Of a process elsewhere nothing is sure.
func Dead(self string) func(identity string) bool {
	return func(identity string) bool {
		host, err := os.Hostname()
		if err != nil || identity == self {
			return false
		}
		var pid int
		var started int64
		if n, err := fmt.Sscanf(identity, "espalier@"+host+"#%d@%d", &pid, &started); n != 2 || err != nil {
			return false
		}
		// In a container a restarted process often has the number of its predecessor.
		return pid == os.Getpid() || gone(pid, float64(started)/1000)
	}
}

// gone says whether the process that had pid at a time, in Unix seconds, has
// ended, though its parent may not have noticed yet or its number may belong
// to another process now.
func gone(pid int, at float64) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	proc, err := procfs.NewProc(pid)
	if err != nil { // no /proc on this system
		return false
	}
	stat, err := proc.Stat()
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	if stat.State == "Z" || stat.State == "X" {
		return true
	}
	const slack = 2 // seconds between a process's start and its naming itself, and the clocks' grain
	began, err := stat.StartTime()
	return err == nil && began > at+slack
}
