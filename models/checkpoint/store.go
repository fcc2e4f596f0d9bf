package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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
}

// Error names the object and what is wrong with it.
func (e *CorruptError) Error() string { return fmt.Sprintf("%s is corrupt: %s", e.Key, e.Reason) }

// Info describes a stored object.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Store is a place for objects: a folder or a bucket. Keys are slash-separated
// relative paths of [a-zA-Z0-9._-] segments. Every method is safe for
// concurrent use, also from several processes, and retries passing faults by
// itself; an error that it returns is final for now. After a crash at any
// instant an object is there whole or not at all.
type Store interface {
	// Put writes an object whole, replacing one with the same key. body is
	// read from offset 0 and may be read again on a retry.
	Put(ctx context.Context, key string, body io.ReaderAt, size int64) error
	// Create writes an object only if the key is free: of any number of racing
	// callers exactly one succeeds, the others get ErrExists.
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
