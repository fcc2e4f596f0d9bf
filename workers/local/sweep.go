package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
)

// staleUpload is how long an upload in parts may rest before a sweep drops it.
const staleUpload = 24 * time.Hour

// replacement is the name under which the backend holds an object ready for
// the instant in which it replaces another.
var replacement = regexp.MustCompile(`^\..+\.sgwtmp\.\d+$`)

// sweep tidies a bucket after a kill. Objects are whole or absent without it;
// it takes away the halves that the backend left beside them, and undoes the
// claim of an upload that was being completed: the backend would tell a client
// that tries again that the object is there already, though it never came.
//
// Nothing else may use the bucket meanwhile.
func sweep(bucket string, attributes meta.MetadataStorer, now time.Time) error {
	staging := filepath.Join(bucket, posix.MetaTmpDir)
	uploads := filepath.Join(bucket, posix.MetaTmpMultipartDir)
	return filepath.WalkDir(bucket, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		switch dir := filepath.Dir(path); {
		case filepath.Dir(dir) == uploads && entry.IsDir():
			if err := tidyUpload(bucket, path, attributes, now); err != nil {
				return err
			}
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case dir == staging, !strings.HasPrefix(path, staging) && replacement.MatchString(entry.Name()):
			return os.Remove(path)
		}
		return nil
	})
}

// tidyUpload drops an old upload and gives back a claimed one.
func tidyUpload(bucket, path string, attributes meta.MetadataStorer, now time.Time) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if now.Sub(info.ModTime()) > staleUpload {
		return os.RemoveAll(path)
	}
	id, claim, claimed := strings.Cut(filepath.Base(path), ".")
	if !claimed || !strings.HasSuffix(claim, ".inprogress") {
		return nil
	}
	free := filepath.Join(filepath.Dir(path), id)
	if err := os.Rename(path, free); err != nil {
		return err
	}
	old, err := filepath.Rel(bucket, path)
	if err != nil {
		return err
	}
	renamed, err := filepath.Rel(bucket, free)
	if err != nil {
		return err
	}
	return attributes.RenameObject(bucket, old, renamed)
}
