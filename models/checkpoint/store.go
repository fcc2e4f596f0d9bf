package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// The answers of a store that a caller acts on; test with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	// ErrFull: the place has no room left.
	ErrFull = errors.New("no space left")
	// ErrDenied: credentials are missing or wrong.
	ErrDenied = errors.New("access denied")
	// ErrFenced: a newer attempt owns the step; this one must stop.
	ErrFenced = errors.New("fenced: a newer attempt owns this step")
)

// CorruptError says that stored bytes are not those that were written.
type CorruptError struct {
	Key    string // the object
	Reason string // what is wrong: "size 10, want 20", "sha256 ab.., want cd.."

	unreadable bool // the store has it, but does not give its bytes
}

// Error names the object and what is wrong with it.
func (e *CorruptError) Error() string { return fmt.Sprintf("%s is corrupt: %s", e.Key, e.Reason) }

// CheckKey says what is wrong with a key: keys are slash-separated segments of
// [a-zA-Z0-9._-] that do not begin with a dot, at most 200 characters each and
// 1000 together. No such key can leave a folder or name a temporary file.
func CheckKey(key string) error {
	if len(key) > 1000 {
		return fmt.Errorf("key %.40q... has %d characters, at most 1000 are allowed", key, len(key))
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment[0] == '.' || len(segment) > 200 || strings.ContainsFunc(segment, notInKey) {
			return fmt.Errorf("key %q: segment %.40q is not 1 to 200 of [a-zA-Z0-9._-] that begin with no dot", key, segment)
		}
	}
	return nil
}

// CheckPrefix says what is wrong with a prefix for List: it must be empty, a
// key, or a key and a slash.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckKey(strings.TrimSuffix(prefix, "/"))
}

func notInKey(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
}

// Info describes a stored object.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Store is a place for objects: a folder or a bucket. Keys are those that
// [CheckKey] allows; a key is never also the folder of another one ("a" and
// "a/b"). Every method is safe for
// concurrent use, also from several processes, and retries passing faults by
// itself; an error that it returns is final for now. After a crash at any
// instant an object is there whole or not at all.
type Store interface {
	// Put writes an object whole, replacing one with the same key. body is
	// read from offset 0 and may be read again on a retry.
	Put(ctx context.Context, key string, body io.ReaderAt, size int64) error
	// Create writes an object only if the key is free: of any number of racing
	// callers exactly one succeeds, the others get ErrExists. It is for small
	// objects.
	Create(ctx context.Context, key string, body []byte) error
	// Get opens an object; ErrNotFound if there is none.
	Get(ctx context.Context, key string) (io.ReadCloser, Info, error)
	// Stat describes an object; ErrNotFound if there is none.
	Stat(ctx context.Context, key string) (Info, error)
	// List yields the objects whose keys begin with prefix, in key order.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, key string) error
	// String names the place for people, without secrets: "s3://bucket/prefix at host:port".
	String() string
}
