package dirstore

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"espalier/models/checkpoint"
)

// List yields the files below a prefix, in the order of their keys.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[checkpoint.Info, error] {
	return func(yield func(checkpoint.Info, error) bool) {
		err := checkpoint.CheckPrefix(prefix)
		if err == nil {
			folder := prefix[:strings.LastIndex(prefix, "/")+1] // all keys with the prefix are in it
			_, err = s.walk(ctx, folder, prefix, func(info checkpoint.Info) bool { return yield(info, nil) })
		}
		if err != nil {
			yield(checkpoint.Info{}, fault("list", prefix, err))
		}
	}
}

// walk visits the files of a folder ("" or ending in a slash) whose keys begin
// with prefix. It answers false when visit has had enough.
func (s *Store) walk(ctx context.Context, folder, prefix string, visit func(checkpoint.Info) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, filepath.FromSlash(folder)))
	if errors.Is(mapped(err), checkpoint.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, entry := range entries {
		key := folder + sortName(entry)
		if checkpoint.CheckPrefix(key) != nil || !(strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key)) {
			continue // not ours, or elsewhere
		}
		goOn, err := s.enter(ctx, entry, key, prefix, visit)
		if !goOn || err != nil {
			return goOn, err
		}
	}
	return true, nil
}

func (s *Store) enter(ctx context.Context, entry fs.DirEntry, key, prefix string, visit func(checkpoint.Info) bool) (bool, error) {
	if entry.IsDir() {
		return s.walk(ctx, key, prefix, visit)
	}
	info, err := entry.Info()
	switch {
	case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
		return true, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular() || !strings.HasPrefix(key, prefix):
		return true, nil
	}
	return visit(describe(key, info)), nil
}

// sortName is the name as it stands in keys: a folder's ends in a slash, so
// that "a-b" comes before "a/b".
func sortName(entry fs.DirEntry) string {
	if entry.IsDir() {
		return entry.Name() + "/"
	}
	return entry.Name()
}
