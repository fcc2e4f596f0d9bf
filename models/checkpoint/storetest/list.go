package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"espalier/models/checkpoint"
)

// orderly are keys in byte order. A walk through folders would put "a/..."
// before "a-b" and "a.b".
func orderly() []string {
	return []string{"A", "Z/1", "a-b", "a.b/c", "a/1", "a/10", "a/2", "a/b/c", "a0", "b", "x/y-z", "x/y/z", "x_y"}
}

func listOrder(t *testing.T, s checkpoint.Store) {
	keys := orderly()
	for _, k := range slices.Backward(keys) {
		put(t, s, k, []byte("x"))
	}
	same(t, s, "", keys...)
}

func listPrefix(t *testing.T, s checkpoint.Store) {
	for _, k := range orderly() {
		put(t, s, k, []byte("x"))
	}
	for _, prefix := range []string{"a", "a/", "a/1", "a/b/", "x/y", "x/y/", "x", "Z", "b", "c", "a/b/c", "a/b/c/"} {
		var keys []string
		for _, k := range orderly() {
			if strings.HasPrefix(k, prefix) {
				keys = append(keys, k)
			}
		}
		same(t, s, prefix, keys...)
	}
}

func listStops(t *testing.T, s checkpoint.Store) {
	for i := range 5 {
		put(t, s, fmt.Sprintf("k/%d", i), []byte("x"))
	}
	seen := 0
	for _, err := range s.List(t.Context(), "k/") {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Errorf("saw %d objects before the break, want 2", seen)
	}
}

// listLong has more objects than S3 lists in one page, 1000.
func listLong(t *testing.T, s checkpoint.Store) {
	const n = 1100
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprintf("m/%06d.json", i))
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < n; i += 8 {
				if err := s.Create(t.Context(), keys[i], []byte("x")); err != nil {
					t.Errorf("Create(%q) = %v", keys[i], err)
				}
			}
		})
	}
	wg.Wait()
	same(t, s, "m/", keys...)
}

func oddKeys(t *testing.T, s checkpoint.Store) {
	ctx := t.Context()
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".hidden", "a/.tmp", "a b", "a\\b", "a\x00b", "ä", "a\nb", "%2e%2e/a",
		strings.Repeat("a", 201), strings.Repeat("a/", 600) + "a",
	} {
		if err := s.Put(ctx, key, strings.NewReader("x"), 1); err == nil {
			t.Errorf("Put(%.40q) succeeded", key)
		}
		if err := s.Create(ctx, key, []byte("x")); err == nil {
			t.Errorf("Create(%.40q) succeeded", key)
		}
		if body, _, err := s.Get(ctx, key); err == nil {
			body.Close()
			t.Errorf("Get(%.40q) succeeded", key)
		}
		if _, err := s.Stat(ctx, key); err == nil {
			t.Errorf("Stat(%.40q) succeeded", key)
		}
		if err := s.Delete(ctx, key); err == nil {
			t.Errorf("Delete(%.40q) succeeded", key)
		}
	}
	for _, prefix := range []string{"/", "..", "../", "a//", ".", "a/../"} {
		for _, err := range s.List(ctx, prefix) {
			if err == nil {
				t.Errorf("List(%q) succeeded", prefix)
			}
		}
	}
	same(t, s, "")
}
