// Package s3store keeps objects in a bucket of any server that speaks S3 and
// honours "If-None-Match: *" on PUT (AWS, MinIO, Versity, Ceph and others do).
// It is the only place that knows minio-go.
//
// Passing faults (5xx answers, throttling, broken connections) are retried
// with growing pauses, in the middle of a download too. A Create whose answer
// was lost finds its own mark on the object and so knows that it has won.
package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"espalier/models/checkpoint"
)

// Store is a bucket, or the part of one below a prefix. Make one with [New].
type Store struct {
	core     *minio.Core
	idle     func() // closes connections that rest
	endpoint string // host:port
	bucket   string
	prefix   string             // "" or ending in a slash
	sse      encrypt.ServerSide // what writes ask for; nil: nothing
}

var _ checkpoint.Store = (*Store)(nil)

// String names the place: "s3://bucket/prefix at host:port".
func (s *Store) String() string {
	return fmt.Sprintf("s3://%s at %s", strings.TrimSuffix(s.bucket+"/"+s.prefix, "/"), s.endpoint)
}

// Close closes the connections that no call is using. The store stays usable;
// a server that waits for its clients to go can stop sooner.
func (s *Store) Close() error {
	s.idle()
	return nil
}

// Put uploads an object whole, in parts if it is large, each with its MD5.
func (s *Store) Put(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	if err := ready(ctx, key); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	if size < 0 {
		return fmt.Errorf("put %s: size %d", key, size)
	}
	opts := s.putOptions(size)
	for try := 0; ; try++ {
		_, err := s.core.Client.PutObject(ctx, s.bucket, s.prefix+key, io.NewSectionReader(body, 0, size), size, opts)
		// An upload whose last answer was lost is gone when it is completed
		// once more: only writing anew tells for sure.
		if err != nil && code(err) == "NoSuchUpload" && try < 3 {
			continue
		}
		return s.fault("put", key, err)
	}
}

// putOptions are those that all servers agree on. MD5 they all check, in one
// part and in many, while versitygw 1.8 refuses the trailing CRC32C of
// minio-go's multipart uploads. Nor does it read the signature that ends an
// empty chunked body: it would take it for the next request.
func (s *Store) putOptions(size int64) minio.PutObjectOptions {
	return minio.PutObjectOptions{SendContentMd5: true, DisableContentSha256: size == 0, ServerSideEncryption: s.sse}
}

// Get opens an object.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, checkpoint.Info, error) {
	if err := ready(ctx, key); err != nil {
		return nil, checkpoint.Info{}, fmt.Errorf("get %s: %w", key, err)
	}
	d := &download{ctx: ctx, store: s, key: key}
	if err := d.open(); err != nil {
		return nil, checkpoint.Info{}, s.fault("get", key, err)
	}
	return d, s.describe(d.info), nil
}

// Stat describes an object.
func (s *Store) Stat(ctx context.Context, key string) (checkpoint.Info, error) {
	if err := ready(ctx, key); err != nil {
		return checkpoint.Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	info, err := s.core.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return checkpoint.Info{}, s.fault("stat", key, err)
	}
	info.Key = s.prefix + key
	return s.describe(info), nil
}

// List yields the objects below a prefix, in the order of their keys.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[checkpoint.Info, error] {
	return func(yield func(checkpoint.Info, error) bool) {
		err := checkpoint.CheckPrefix(prefix)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(checkpoint.Info{}, fmt.Errorf("list %s: %w", prefix, err))
			return
		}
		opts := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}
		for object := range s.core.ListObjectsIter(ctx, s.bucket, opts) {
			if object.Err != nil {
				yield(checkpoint.Info{}, s.fault("list", prefix, object.Err))
				return
			}
			info := s.describe(object)
			if checkpoint.CheckKey(info.Key) == nil && !yield(info, nil) { // others are not ours
				return
			}
		}
	}
}

// Delete removes an object.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := ready(ctx, key); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	err := s.fault("delete", key, s.core.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{}))
	if errors.Is(err, checkpoint.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Store) describe(info minio.ObjectInfo) checkpoint.Info {
	return checkpoint.Info{Key: strings.TrimPrefix(info.Key, s.prefix), Size: info.Size, Modified: info.LastModified}
}

// ready says whether a call may begin.
func ready(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return checkpoint.CheckKey(key)
}
