package checkpoint_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/storetest"
)

// memStore is a store small enough to trust, so that thousands of schedules
// can be tried. before, if set, is called before every call; its error is the
// call's answer.
type memStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	before  func(ctx context.Context, op, key string) error
}

var _ checkpoint.Store = (*memStore)(nil)

func newMemStore() *memStore { return &memStore{objects: make(map[string][]byte)} }

func TestMemStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) checkpoint.Store { return newMemStore() })
}

func (s *memStore) String() string { return "memory" }

func (s *memStore) enter(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkpoint.CheckKey(key); err != nil && op != "list" {
		return err
	}
	if s.before != nil {
		return s.before(ctx, op, key)
	}
	return nil
}

func (s *memStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	if err := s.enter(ctx, "put", key); err != nil {
		return err
	}
	data, err := io.ReadAll(io.NewSectionReader(body, 0, size))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = data
	return err
}

func (s *memStore) Create(ctx context.Context, key string, body []byte) error {
	if err := s.enter(ctx, "create", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.objects[key]; taken {
		return checkpoint.ErrExists
	}
	s.objects[key] = bytes.Clone(body)
	return nil
}

func (s *memStore) Get(ctx context.Context, key string) (io.ReadCloser, checkpoint.Info, error) {
	if err := s.enter(ctx, "get", key); err != nil {
		return nil, checkpoint.Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.objects[key]
	if !ok {
		return nil, checkpoint.Info{}, checkpoint.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(data)), describe(key, data), nil
}

func (s *memStore) Stat(ctx context.Context, key string) (checkpoint.Info, error) {
	if err := s.enter(ctx, "stat", key); err != nil {
		return checkpoint.Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.objects[key]
	if !ok {
		return checkpoint.Info{}, checkpoint.ErrNotFound
	}
	return describe(key, data), nil
}

func (s *memStore) List(ctx context.Context, prefix string) iter.Seq2[checkpoint.Info, error] {
	return func(yield func(checkpoint.Info, error) bool) {
		err := checkpoint.CheckPrefix(prefix)
		if err == nil {
			err = s.enter(ctx, "list", prefix)
		}
		if err != nil {
			yield(checkpoint.Info{}, err)
			return
		}
		for _, key := range s.keys(prefix) {
			s.mu.Lock()
			data, ok := s.objects[key]
			s.mu.Unlock()
			if ok && !yield(describe(key, data), nil) {
				return
			}
		}
	}
}

func (s *memStore) Delete(ctx context.Context, key string) error {
	if err := s.enter(ctx, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

// keys are the keys with a prefix, in order.
func (s *memStore) keys(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.objects)), func(k string) bool { return !strings.HasPrefix(k, prefix) })
}

func describe(key string, data []byte) checkpoint.Info {
	return checkpoint.Info{Key: key, Size: int64(len(data)), Modified: time.Unix(1, 0)}
}
