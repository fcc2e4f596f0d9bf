package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/storetest"
)

// FuzzStoredJSON puts any bytes where a step's journal entry and its result
// belong. Neither may end a worker: what is not exactly what was written is
// corrupt, and the step can be opened and finished all the same.
func FuzzStoredJSON(f *testing.F) {
	step := strings.Repeat("ab", 32)
	store := newMemStore()
	opened, err := (&checkpoint.Repo{Store: store}).Open(context.Background(), step, storetest.Attempt("seed"))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := opened.Journal.Commit(context.Background(), storetest.Midway(3), nil); err != nil {
		f.Fatal(err)
	}
	for _, number := range []int{1, 2} {
		f.Add(store.objects[checkpoint.EntryKey(step, number)])
	}
	for _, nasty := range []string{"", "null", "{}", `{"key":"","sha256":"","body":null}`, `{"body":{"number":-1}}`, "\xff\x00", strings.Repeat("[", 10000)} {
		f.Add([]byte(nasty))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx := t.Context()
		repo := &checkpoint.Repo{Store: newMemStore()}
		for _, key := range []string{checkpoint.EntryKey(step, 1), checkpoint.ResultKey(step)} {
			if err := repo.Store.Put(ctx, key, bytes.NewReader(data), int64(len(data))); err != nil {
				t.Fatal(err)
			}
		}
		var corrupt *checkpoint.CorruptError
		if _, err := repo.Result(ctx, step); err != nil && !errors.As(err, &corrupt) {
			t.Fatalf("Result of %q = %v, want it corrupt", data, err)
		}
		opened, err := repo.Open(ctx, step, storetest.Attempt("fuzz"))
		if err != nil {
			t.Fatalf("Open over %q = %v", data, err)
		}
		if opened.Done != nil {
			return
		}
		if _, err := opened.Journal.Commit(ctx, storetest.Midway(1), nil); err != nil {
			t.Fatalf("Commit over %q = %v", data, err)
		}
	})
}
