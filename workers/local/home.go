package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// LockedError says that another process runs its stack on the same folder.
type LockedError struct {
	Home string
	PID  int // the process that holds it; 0 if the lock file does not tell
}

// Error names the folder, the process and the two ways out.
func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is in use by %s; stop it, or choose another home", e.Home, who)
}

// lockPatience is how long Start waits for the lock. It outlasts the moment in
// which Find probes it, so that a probe never makes a start fail.
const lockPatience = 300 * time.Millisecond

// homeLock is the exclusive claim of this process to a home folder.
type homeLock struct {
	file   *flock.Flock
	killed bool // the last holder did not release it
}

// acquire makes home and locks it for this process.
func acquire(ctx context.Context, home string) (*homeLock, error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, explain(home, err)
	}
	path := filepath.Join(home, "lock")
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	patient, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	locked, err := lock.TryLockContext(patient, 10*time.Millisecond)
	switch {
	case locked:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil || errors.Is(err, context.DeadlineExceeded):
		return nil, &LockedError{Home: home, PID: holder(home)}
	default:
		return nil, explain(home, err)
	}
	killed := holder(home) != 0
	if err := sign(path, os.Getpid()); err != nil {
		return nil, errors.Join(explain(home, err), lock.Unlock())
	}
	return &homeLock{file: lock, killed: killed}, nil
}

// sign writes a process number into the lock file, over the last one and as
// wide: a reader sees one number or the other. 0 stands for none.
func sign(path string, pid int) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%-10d\n", pid)
	return errors.Join(err, f.Close())
}

func (l *homeLock) release() error {
	return errors.Join(sign(l.file.Path(), 0), l.file.Unlock())
}

// alive tells whether some process holds home's lock.
func alive(home string) bool {
	probe := flock.New(filepath.Join(home, "lock"), flock.SetFlag(os.O_RDONLY))
	free, err := probe.TryRLock()
	if free {
		_ = probe.Unlock() // a shared probe of a file opened for reading: nothing to lose
	}
	return !free && err == nil
}

// holder reads the process number in home's lock file, 0 if there is none.
func holder(home string) int {
	f, err := os.Open(filepath.Join(home, "lock"))
	if err != nil {
		return 0
	}
	defer f.Close()
	text := make([]byte, 32)
	n, _ := io.ReadFull(f, text) // a number is shorter: what counts is what came
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		return 0
	}
	return pid
}

// probeBytes is what a home must have room for before a server is let loose on
// it: a first database and its log.
const probeBytes = 4 << 20

// probeWrite finds out early that home cannot be written or is full, where
// SQLite would say so in the middle of a transaction.
func probeWrite(home string) error {
	path := filepath.Join(home, ".probe")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, zeros{}, probeBytes)
	return errors.Join(err, f.Close(), os.Remove(path))
}

// zeros reads as zero bytes without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// explain turns what the system says of a home folder into one line with
// advice; other errors pass unchanged.
func explain(home string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || sqliteCode(err) == sqliteFull:
		return fmt.Errorf("home %s: no space left on its disk; free some, or choose another home: %w", home, err)
	case errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS):
		return fmt.Errorf("home %s cannot be written; choose another home: %w", home, err)
	case errors.Is(err, syscall.ENOTDIR) || errors.Is(err, os.ErrExist):
		return fmt.Errorf("home %s is no folder; choose another home: %w", home, err)
	}
	return err
}
