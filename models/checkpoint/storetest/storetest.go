// Package storetest says what every place for checkpoints must do: [Run] is
// the conformance suite that each implementation of checkpoint.Store passes.
// [Flip], [Truncate] and [Remove] damage stored objects for tests of recovery.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"espalier/models/checkpoint"
)

// Run checks a kind of store. open makes an empty store; every test calls it
// once.
func Run(t *testing.T, open func(t *testing.T) checkpoint.Store) {
	tests := map[string]func(*testing.T, checkpoint.Store){
		"put, get, stat, delete":              basics,
		"what is not there":                   missing,
		"put replaces the whole object":       replace,
		"an empty object":                     empty,
		"a big object":                        big,
		"a big object replaces a small one":   bigOverSmall,
		"the list is in key order":            listOrder,
		"the list keeps to its prefix":        listPrefix,
		"the list ends when asked to":         listStops,
		"a list of more than one page":        listLong,
		"exactly one of racing creates wins":  createRace,
		"create leaves what is there":         createTaken,
		"odd keys are refused":                oddKeys,
		"a cancelled context ends every call": cancelled,
		"many callers at once":                concurrent,
		"readers see whole objects only":      wholeObjects,
		"the journal's fence holds":           fence,
		"damage is found":                     damage,
		"the name is for people":              named,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func basics(t *testing.T, s checkpoint.Store) {
	ctx := t.Context()
	for _, key := range []string{"a", "b/c", "steps/0A_z.json", "d/e/f/g-h.i"} {
		put(t, s, key, []byte("value of "+key))
		want(t, s, key, []byte("value of "+key))
		if err := s.Delete(ctx, key); err != nil {
			t.Errorf("Delete(%q) = %v", key, err)
		}
		if _, err := s.Stat(ctx, key); !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("Stat(%q) after Delete = %v, want ErrNotFound", key, err)
		}
	}
}

func missing(t *testing.T, s checkpoint.Store) {
	ctx := t.Context()
	put(t, s, "dir/there", []byte("x"))
	for _, key := range []string{"not", "dir/not", "not/not", "dir"} {
		if _, _, err := s.Get(ctx, key); !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("Get(%q) = %v, want ErrNotFound", key, err)
		}
		if _, err := s.Stat(ctx, key); !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("Stat(%q) = %v, want ErrNotFound", key, err)
		}
		if err := s.Delete(ctx, key); err != nil {
			t.Errorf("Delete(%q) = %v, want nil", key, err)
		}
	}
	want(t, s, "dir/there", []byte("x"))
	if got := list(t, s, "nothing/"); len(got) != 0 {
		t.Errorf("List(nothing/) = %q, want none", got)
	}
}

func replace(t *testing.T, s checkpoint.Store) {
	for _, value := range []string{"first", "a longer second", "3rd", ""} {
		put(t, s, "key", []byte(value))
		want(t, s, "key", []byte(value))
	}
}

func empty(t *testing.T, s checkpoint.Store) {
	put(t, s, "put", nil)
	want(t, s, "put", []byte{})
	if err := s.Create(t.Context(), "created", nil); err != nil {
		t.Fatalf("Create of an empty object = %v", err)
	}
	want(t, s, "created", []byte{})
	if err := s.Create(t.Context(), "created", []byte("x")); !errors.Is(err, checkpoint.ErrExists) {
		t.Errorf("Create over an empty object = %v, want ErrExists", err)
	}
}

// bigSize is more than three parts of a multipart upload of 16 MiB each.
const bigSize = 60_000_000

func big(t *testing.T, s checkpoint.Store) {
	body := pattern(bigSize, 1)
	put(t, s, "big", body)
	want(t, s, "big", body)
}

func bigOverSmall(t *testing.T, s checkpoint.Store) {
	small, large := []byte("small"), pattern(20_000_000, 2)
	put(t, s, "key", small)
	put(t, s, "key", large)
	want(t, s, "key", large)
	put(t, s, "key", small)
	want(t, s, "key", small)
}

func named(t *testing.T, s checkpoint.Store) {
	if s.String() == "" {
		t.Error("String() is empty")
	}
}

// put stores an object or ends the test.
func put(t *testing.T, s checkpoint.Store, key string, body []byte) {
	t.Helper()
	if err := s.Put(t.Context(), key, bytes.NewReader(body), int64(len(body))); err != nil {
		t.Fatalf("Put(%q, %d bytes) = %v", key, len(body), err)
	}
}

// want checks an object's content, size and description.
func want(t *testing.T, s checkpoint.Store, key string, body []byte) {
	t.Helper()
	got, info, err := get(t.Context(), s, key)
	if err != nil {
		t.Fatalf("Get(%q) = %v", key, err)
	}
	if !bytes.Equal(got, body) {
		t.Fatalf("Get(%q) = %d bytes %.40q, want %d bytes %.40q", key, len(got), got, len(body), body)
	}
	stat, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat(%q) = %v", key, err)
	}
	for call, i := range map[string]checkpoint.Info{"Get": info, "Stat": stat} {
		if i.Key != key || i.Size != int64(len(body)) || i.Modified.IsZero() {
			t.Errorf("%s(%q) describes %+v, want size %d and a time", call, key, i, len(body))
		}
	}
}

func get(ctx context.Context, s checkpoint.Store, key string) ([]byte, checkpoint.Info, error) {
	body, info, err := s.Get(ctx, key)
	if err != nil {
		return nil, info, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	return data, info, err
}

// list is the keys below a prefix.
func list(t *testing.T, s checkpoint.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q) = %v", prefix, err)
		}
		if info.Modified.IsZero() {
			t.Errorf("List(%q): %s has no time", prefix, info.Key)
		}
		keys = append(keys, fmt.Sprintf("%s:%d", info.Key, info.Size))
	}
	return keys
}

// same compares a list's answer with the keys of one-byte objects.
func same(t *testing.T, s checkpoint.Store, prefix string, keys ...string) {
	t.Helper()
	var wanted []string
	for _, k := range keys {
		wanted = append(wanted, k+":1")
	}
	if got := list(t, s, prefix); !slices.Equal(got, wanted) {
		t.Errorf("List(%q) = %q, want %q", prefix, got, wanted)
	}
}

// pattern is n bytes that repeat at no power of two.
func pattern(n int, seed byte) []byte {
	body := make([]byte, n)
	for i := range body {
		body[i] = byte(i*7+i/251) ^ seed
	}
	return body
}
