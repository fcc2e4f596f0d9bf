// Package dirstore keeps objects as files in a folder, one file for each key.
//
// A write goes to a temporary file first, which is flushed to the disk and
// then renamed (Put) or linked (Create, which so fails if the name is taken):
// whatever dies at whatever moment, a file that has its name is whole. Several
// processes may use one folder, also over a network file system that has hard
// links.
package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"espalier/models/checkpoint"
)

// Store is a folder. Make one with [New].
type Store struct {
	dir string
}

var _ checkpoint.Store = (*Store)(nil)

// New opens a folder, which it makes if it is not there, and removes what
// writers that died have left behind.
func New(dir string) (*Store, error) {
	if dir == "" {
		return nil, errors.New("open store: the folder has no name")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{dir: dir}
	if err := makeDir(s.tempDir()); err != nil {
		return nil, fmt.Errorf("open store: %w", mapped(err))
	}
	return s, s.sweep()
}

// String names the folder.
func (s *Store) String() string { return s.dir }

// Put writes a file whole, replacing one with the same key.
func (s *Store) Put(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	if size < 0 {
		return fmt.Errorf("put %s: size %d", key, size)
	}
	return s.write(ctx, "put", key, io.NewSectionReader(body, 0, size), size, os.Rename)
}

// Get opens a file.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, checkpoint.Info, error) {
	name, err := s.path(ctx, key)
	if err != nil {
		return nil, checkpoint.Info{}, fault("get", key, err)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, checkpoint.Info{}, fault("get", key, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = checkpoint.ErrNotFound
	}
	if err != nil {
		file.Close()
		return nil, checkpoint.Info{}, fault("get", key, err)
	}
	return file, describe(key, info), nil
}

// Stat describes a file.
func (s *Store) Stat(ctx context.Context, key string) (checkpoint.Info, error) {
	name, err := s.path(ctx, key)
	if err != nil {
		return checkpoint.Info{}, fault("stat", key, err)
	}
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = checkpoint.ErrNotFound
	}
	if err != nil {
		return checkpoint.Info{}, fault("stat", key, err)
	}
	return describe(key, info), nil
}

// Delete removes a file.
func (s *Store) Delete(ctx context.Context, key string) error {
	name, err := s.path(ctx, key)
	if err != nil {
		return fault("delete", key, err)
	}
	info, err := os.Lstat(name)
	if err == nil && !info.IsDir() {
		err = os.Remove(name)
	}
	if errors.Is(mapped(err), checkpoint.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fault("delete", key, err)
	}
	return fault("delete", key, syncDir(filepath.Dir(name)))
}

// path is the file of a key. Keys cannot leave the folder, nor name a
// temporary file: checkpoint.CheckKey sees to it.
func (s *Store) path(ctx context.Context, key string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := checkpoint.CheckKey(key); err != nil {
		return "", err
	}
	return filepath.Join(s.dir, filepath.FromSlash(key)), nil
}

func describe(key string, info fs.FileInfo) checkpoint.Info {
	return checkpoint.Info{Key: key, Size: info.Size(), Modified: info.ModTime()}
}
