package s3store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/minio/minio-go/v7"

	"espalier/models/checkpoint"
)

// markHeader carries a Create's mark as metadata of the object. It has to
// differ between any two calls in the world and has no part in any result, so
// it is random.
const markHeader = "Espalier-Write"

// Create writes an object only if its key is free, by "If-None-Match: *".
//
// When a request is repeated because its answer was lost, the second try finds
// the object of the first in its way. Only then, the mark tells whether the
// object is this call's own.
func (s *Store) Create(ctx context.Context, key string, body []byte) error {
	if err := ready(ctx, key); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	mark := rand.Text()
	opts := s.putOptions(int64(len(body)))
	opts.DisableMultipart, opts.UserMetadata = true, map[string]string{markHeader: mark}
	opts.SetMatchETagExcept("*")
	var sent atomic.Int32
	for try := 0; ; try++ {
		counted := context.WithValue(ctx, sentKey{}, &sent)
		_, err := s.core.Client.PutObject(counted, s.bucket, s.prefix+key, bytes.NewReader(body), int64(len(body)), opts)
		err = s.fault("create", key, err)
		// 409 means that another write was under way: who won is open.
		if code(err) == "ConditionalRequestConflict" && try < triesInUse {
			continue
		}
		if errors.Is(err, checkpoint.ErrExists) && sent.Load() > 1 {
			return s.own(ctx, key, mark, err)
		}
		return err
	}
}

// own is nil if the object has the mark, exists otherwise.
func (s *Store) own(ctx context.Context, key, mark string, exists error) error {
	info, err := s.core.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return s.fault("create", key, err)
	}
	if info.UserMetadata[markHeader] == mark {
		return nil
	}
	return exists
}

// counting counts the PUT requests of a call in its context.
type counting struct{ next http.RoundTripper }

type sentKey struct{}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if n, ok := r.Context().Value(sentKey{}).(*atomic.Int32); ok && r.Method == http.MethodPut {
		n.Add(1)
	}
	return c.next.RoundTrip(r)
}
