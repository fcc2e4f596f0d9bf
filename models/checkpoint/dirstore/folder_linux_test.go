package dirstore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
)

func put(t *testing.T, s *dirstore.Store, key, body string) {
	t.Helper()
	if err := s.Put(t.Context(), key, strings.NewReader(body), int64(len(body))); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, s *dirstore.Store) (keys []string) {
	t.Helper()
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// TestLeftovers: what a dead writer left is invisible, and the next opening
// sweeps it; what a living one is writing stays.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	left := filepath.Join(dir, ".tmp", "left")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, s); len(got) != 0 {
		t.Errorf("List = %q, want none", got)
	}
	if _, _, err := s.Get(t.Context(), ".tmp/left"); err == nil {
		t.Error("Get of a temporary file succeeded")
	}

	living := &slowBody{data: []byte("whole"), during: func() {
		open(t, dir) // sweeps
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the leftover is there after the sweep: %v", err)
		}
	}}
	if err := s.Put(t.Context(), "key", living, int64(len(living.data))); err != nil {
		t.Errorf("Put during a sweep = %v", err)
	}
	temps, err := os.ReadDir(filepath.Join(dir, ".tmp"))
	if err != nil || len(temps) != 0 {
		t.Errorf("%d temporary files stay, %v", len(temps), err)
	}
}

// slowBody is a body whose reading takes as long as during does.
type slowBody struct {
	data   []byte
	during func()
}

func (b *slowBody) ReadAt(p []byte, offset int64) (int, error) {
	if b.during != nil {
		b.during()
		b.during = nil
	}
	return bytes.NewReader(b.data).ReadAt(p, offset)
}

// TestPutThatFails leaves the object as it was and no temporary file.
func TestPutThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "key", "old")
	ctx, cancel := context.WithCancel(t.Context())
	bodies := map[string]*slowBody{
		"cancelled in its middle": {data: make([]byte, 1_000_000), during: cancel},
		"shorter than announced":  {data: make([]byte, 10)},
	}
	for name, body := range bodies {
		use := ctx
		if body.during == nil {
			use = t.Context()
		}
		if err := s.Put(use, "key", body, 1_000_000); err == nil {
			t.Errorf("Put of a body %s succeeded", name)
		}
		got, err := os.ReadFile(filepath.Join(dir, "key"))
		if err != nil || string(got) != "old" {
			t.Errorf("after a body %s the object is %q, %v", name, got, err)
		}
	}
	if temps, err := os.ReadDir(filepath.Join(dir, ".tmp")); err != nil || len(temps) != 0 {
		t.Errorf("%d temporary files stay, %v", len(temps), err)
	}
}

// TestForeignFiles: what has no key is left alone and not listed.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "a/b", "x")
	for _, name := range []string{".hidden", "a/.hidden", "a/with space", "ä"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, s); len(got) != 1 || got[0] != "a/b" {
		t.Errorf("List = %q, want a/b alone", got)
	}
}

func TestKeysThatAreInTheWay(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "a", "x")
	if err := s.Put(t.Context(), "a/b/c", strings.NewReader("x"), 1); err == nil || !strings.Contains(err.Error(), "no folder") {
		t.Errorf("Put below an object = %v, want an error that says so", err)
	}
	put(t, s, "d/e", "x")
	if err := s.Delete(t.Context(), "d"); err != nil {
		t.Errorf("Delete of a folder's name = %v, want nil: there is no such object", err)
	}
	if got := keys(t, s); len(got) != 2 {
		t.Errorf("List = %q, want a and d/e", got)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file, filepath.Join(file, "below")} {
		if _, err := dirstore.New(dir); err == nil {
			t.Errorf("New(%q) succeeded", dir)
		}
	}
}

// TestFullDisk needs a disk that can be filled: a small tmpfs, which only root
// can mount.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, dir)
	put(t, s, "key", "old")
	body := make([]byte, 1_000_000)
	if err := s.Put(t.Context(), "key", bytes.NewReader(body), int64(len(body))); !errors.Is(err, checkpoint.ErrFull) {
		t.Errorf("Put = %v, want ErrFull", err)
	}
	if err := s.Create(t.Context(), "new", body); !errors.Is(err, checkpoint.ErrFull) {
		t.Errorf("Create = %v, want ErrFull", err)
	}
	if got := keys(t, s); len(got) != 1 {
		t.Errorf("List = %q, want the old key alone", got)
	}
	put(t, s, "small", "there is room again")
}
