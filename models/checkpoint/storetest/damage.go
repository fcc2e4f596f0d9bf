package storetest

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"espalier/models/checkpoint"
)

// Flip changes one bit of the stored object at offset, from the end if it is
// negative.
func Flip(ctx context.Context, s checkpoint.Store, key string, offset int) error {
	return rewrite(ctx, s, key, func(data []byte) ([]byte, error) {
		if offset < 0 {
			offset += len(data)
		}
		if offset < 0 || offset >= len(data) {
			return nil, fmt.Errorf("flip %s: offset %d is outside its %d bytes", key, offset, len(data))
		}
		data[offset] ^= 1
		return data, nil
	})
}

// Truncate cuts the stored object to its first size bytes.
func Truncate(ctx context.Context, s checkpoint.Store, key string, size int) error {
	return rewrite(ctx, s, key, func(data []byte) ([]byte, error) {
		if size < 0 || size >= len(data) {
			return nil, fmt.Errorf("truncate %s: %d is no part of its %d bytes", key, size, len(data))
		}
		return data[:size], nil
	})
}

// Remove deletes an object that must be there.
func Remove(ctx context.Context, s checkpoint.Store, key string) error {
	if _, err := s.Stat(ctx, key); err != nil {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	return s.Delete(ctx, key)
}

func rewrite(ctx context.Context, s checkpoint.Store, key string, change func([]byte) ([]byte, error)) error {
	data, _, err := get(ctx, s, key)
	if err != nil {
		return err
	}
	if data, err = change(data); err != nil {
		return err
	}
	return s.Put(ctx, key, bytes.NewReader(data), int64(len(data)))
}

func damage(t *testing.T, s checkpoint.Store) {
	ctx := t.Context()
	put(t, s, "key", []byte("abcd"))
	if err := Flip(ctx, s, "key", -1); err != nil {
		t.Fatal(err)
	}
	want(t, s, "key", []byte("abce"))
	if err := Truncate(ctx, s, "key", 2); err != nil {
		t.Fatal(err)
	}
	want(t, s, "key", []byte("ab"))
	if err := Remove(ctx, s, "key"); err != nil {
		t.Fatal(err)
	}
	for call, err := range map[string]error{"Flip": Flip(ctx, s, "key", 0), "Truncate": Truncate(ctx, s, "key", 0), "Remove": Remove(ctx, s, "key")} {
		if err == nil {
			t.Errorf("%s of an object that is not there succeeded", call)
		}
	}
}
