//go:build !linux

package trainer

import "syscall"

// attributes put the program into a group of its own, so that its children can
// be killed with it.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
