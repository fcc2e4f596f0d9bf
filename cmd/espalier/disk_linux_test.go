package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// small mounts a file system of a few bytes.
func small(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	mount(t, folder, 0, size)
	return folder
}

// mount puts a file system into a folder until the test has ended.
func mount(t *testing.T, folder string, flags uintptr, size string) {
	t.Helper()
	if err := syscall.Mount("espalier", folder, "tmpfs", flags, "size="+size); err != nil {
		t.Skipf("needs to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmount %s: %v", folder, err)
		}
	})
}

// fill takes all but so many bytes of a file system.
func fill(t *testing.T, folder string, but int64) string {
	t.Helper()
	free, err := freeFor(folder)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "fill")
	err = os.WriteFile(path, make([]byte, max(0, int64(free)-but)), 0o600)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return path
}

// take adds to a file until the disk is full.
func take(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func TestFullDiskAtTheStart(t *testing.T) {
	folder := small(t, "6m")
	for _, but := range []int64{0, 8 << 10, 1 << 20} {
		os.Remove(filepath.Join(folder, "fill"))
		fill(t, folder, but)
		spec := filepath.Join(write(t, map[string]string{"tiny.yaml": oneSecondSpec}), "tiny.yaml")
		mistake{args: []string{"run", spec, "--home", "home"}, code: exitError, want: []string{`espalier: home \S+: .*no space left on.*`}}.check(t, folder)
	}
	os.Remove(filepath.Join(folder, "fill"))
	fill(t, folder, 0)
	mistake{args: []string{"init", "new.yaml"}, code: exitError, want: []string{`espalier: write new.yaml: no space left on device`}}.check(t, folder)
	if _, err := os.Stat(filepath.Join(folder, "new.yaml")); err == nil {
		t.Error("a part of the spec was left behind")
	}
}

// The disk fills up in the middle of a run. It says so, ends, and goes on once
// there is room, with the same bits.
func TestFullDiskInTheMiddle(t *testing.T) {
	home := small(t, "160m")
	l := newLab(t, smallSpec)
	l.home = home
	p := l.run(t)
	l.training(t, p, 1)
	path := fill(t, home, 0)
	// What the run frees by dropping old checkpoints is taken as well.
	eventually(t, "the end of the run", func() bool {
		take(t, path)
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if code := p.wait(t); code != exitError && code != exitRunFailed {
		t.Errorf("exit code %d, want %d or %d", code, exitError, exitRunFailed)
	}
	line := regexp.MustCompile(`(?m)^espalier: .*no space left.*make room and run the spec again: it goes on from the last checkpoint$`)
	if got := p.errs.String(); !line.MatchString(got) || strings.Contains(got, "goroutine ") {
		t.Errorf("it printed %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	same(t, l.finish(t))
}

func TestHomeThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{"tiny.yaml": oneSecondSpec})
	home := filepath.Join(folder, "home")
	if err := os.Mkdir(home, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // who may write everywhere but there
		mount(t, home, syscall.MS_RDONLY, "1m")
	}
	why := `(permission denied|read-only file system)`
	mistake{args: []string{"run", "tiny.yaml", "--home", "home"}, code: exitError, want: []string{`espalier: home \S+/home: .*: ` + why}}.check(t, folder)
	mistake{args: []string{"server", "--home", "home/below"}, code: exitError, want: []string{`espalier: home \S+/home/below: .*: ` + why}}.check(t, folder)
	mistake{args: []string{"init", "home/new.yaml"}, code: exitError, want: []string{`espalier: write home/new.yaml: ` + why}}.check(t, folder)
}
