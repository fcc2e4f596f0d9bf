package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
)

// buckets is the gateway's storage: its file-system backend, made fit for a
// library in three ways.
//
//   - The backend resolves buckets against the working directory of the
//     process and moves it to do so. Here every bucket is an absolute path, and
//     the working directory stays the user's.
//   - The backend leaves flushing to the operating system. Here an object is
//     fsynced before it gets its name, and the name before the answer.
//   - Errors that are none of S3's would be printed to the terminal. Here they
//     go to the log.
//
// Requests that Espalier has no use for (versions, policies, locks, tags of
// buckets, copies) answer "not implemented".
type buckets struct {
	backend.BackendUnsupported
	files      *posix.Posix
	attributes meta.MetadataStorer
	root       string
	log        *slog.Logger
	// completing is held while an upload is joined: the backend would tell a
	// second caller of the same upload that it is done.
	completing sync.Mutex
}

var _ backend.Backend = (*buckets)(nil)

// openBuckets opens the storage in root and makes sure that it has the bucket.
func openBuckets(root, owner string, log *slog.Logger) (*buckets, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	attributes, err := attributeStore(root)
	if err != nil {
		return nil, err
	}
	// The backend changes to the directory it is given, so it is given the
	// one where the process is already. Nothing is ever resolved against it.
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("the working directory: %w", err)
	}
	opts := posix.PosixOpts{
		// Home is locked: no other process publishes objects here, and the
		// lock files would lie in the working directory.
		ForceNoObjLockFile: true,
	}
	opts.SetNewDirPerm(0o700)
	opts.SetNewFilePerm(0o600)
	files, err := posix.New(here, attributes, opts)
	if err != nil {
		return nil, err
	}
	b := &buckets{files: files, attributes: attributes, root: root, log: log}
	return b, b.ensure(Bucket, owner)
}

// attributeStore keeps what S3 knows of an object beside its bytes (entity
// tag, checksum, content type): in extended attributes of the file, or in a
// second tree of small files where the file system has none.
func attributeStore(root string) (meta.MetadataStorer, error) {
	beside := root + "-meta"
	if _, err := os.Stat(beside); err == nil {
		return meta.NewSideCar(beside) // chosen once, kept for good
	}
	probe, err := os.CreateTemp(root, ".probe-*")
	if err != nil {
		return nil, err
	}
	err = meta.XattrMeta{}.StoreAttribute(probe, "", "", "probe", []byte("1"))
	if closed := errors.Join(probe.Close(), os.Remove(probe.Name())); closed != nil {
		return nil, closed
	}
	if err == nil {
		return meta.XattrMeta{}, nil
	}
	if err := os.Mkdir(beside, 0o700); err != nil {
		return nil, err
	}
	return meta.NewSideCar(beside)
}

// ensure makes a bucket with its owner. Both halves may be there already, the
// first alone after a crash between them.
func (b *buckets) ensure(bucket, owner string) error {
	path := b.path(bucket)
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	acl, err := json.Marshal(auth.ACL{Owner: owner, Grantees: []auth.Grantee{
		{Permission: auth.PermissionFullControl, Access: owner, Type: types.TypeCanonicalUser},
	}})
	if err != nil {
		return err
	}
	return b.files.PutBucketAcl(context.Background(), path, acl)
}

// path is where a bucket's objects lie. Only the last element of the name
// counts, so that no name leads out of root.
func (b *buckets) path(bucket string) string { return filepath.Join(b.root, filepath.Base(bucket)) }

// at is path for the pointers of the S3 types.
func (b *buckets) at(bucket *string) *string {
	path := b.path(*bucket)
	return &path
}

// clean passes errors that S3 clients understand, and logs all others in
// exchange for a plain "internal error".
func (b *buckets) clean(action string, err error) error {
	if _, ok := err.(s3err.S3Error); ok || err == nil {
		return err
	}
	b.log.Error("s3 gateway: "+action, "error", err)
	return s3err.GetAPIError(s3err.ErrInternalError)
}

// String names the storage.
func (b *buckets) String() string { return "espalier buckets in " + b.root }

// Shutdown closes the storage.
func (b *buckets) Shutdown() { b.files.Shutdown() }

// NormalizeObjectKey gives the key that a key with dots in its path means.
func (b *buckets) NormalizeObjectKey(bucket, key string) string {
	return b.files.NormalizeObjectKey(bucket, key)
}
