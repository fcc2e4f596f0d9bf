package workers

import (
	"errors"
	"fmt"
	"os"
	"syscall"
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
		return pid == os.Getpid() || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
}
