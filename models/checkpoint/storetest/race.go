package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"espalier/models/checkpoint"
)

func createRace(t *testing.T, s checkpoint.Store) {
	const rounds, racers = 20, 16
	for round := range rounds {
		key := fmt.Sprintf("manifests/%d", round)
		var won atomic.Int32
		var winner atomic.Value
		race(racers, func(i int) {
			// Every second round all bodies are equal: a loser must not take
			// the winner's object for its own.
			body := fmt.Sprintf("racer %d", i*(round%2))
			switch err := s.Create(t.Context(), key, []byte(body)); {
			case err == nil:
				won.Add(1)
				winner.Store(body)
			case !errors.Is(err, checkpoint.ErrExists):
				t.Errorf("Create(%q) by racer %d = %v, want nil or ErrExists", key, i, err)
			}
		})
		if won.Load() != 1 {
			t.Fatalf("%d of %d racing creates succeeded, want 1", won.Load(), racers)
		}
		want(t, s, key, []byte(winner.Load().(string)))
	}
}

// race starts n calls at one moment and waits for them.
func race(n int, call func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	wg.Wait()
}

func createTaken(t *testing.T, s checkpoint.Store) {
	ctx := t.Context()
	if err := s.Create(ctx, "key", []byte("first")); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"second", "first"} {
		if err := s.Create(ctx, "key", []byte(body)); !errors.Is(err, checkpoint.ErrExists) {
			t.Errorf("Create of a taken key with %q = %v, want ErrExists", body, err)
		}
	}
	want(t, s, "key", []byte("first"))
	if err := s.Delete(ctx, "key"); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, "key", []byte("third")); err != nil {
		t.Errorf("Create after Delete = %v", err)
	}
	want(t, s, "key", []byte("third"))
}

func cancelled(t *testing.T, s checkpoint.Store) {
	put(t, s, "there", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	check := func(call string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context = %v, want context.Canceled", call, err)
		}
	}
	check("Put", s.Put(ctx, "new", bytes.NewReader([]byte("x")), 1))
	check("Create", s.Create(ctx, "new", []byte("x")))
	_, _, err := s.Get(ctx, "there")
	check("Get", err)
	_, err = s.Stat(ctx, "there")
	check("Stat", err)
	check("Delete", s.Delete(ctx, "there"))
	err = nil
	for _, err = range s.List(ctx, "") {
		break
	}
	check("List", err)
	same(t, s, "", "there")
}

func concurrent(t *testing.T, s checkpoint.Store) {
	race(8, func(i int) {
		ctx := t.Context()
		for j := range 10 {
			key, body := fmt.Sprintf("k%d/%d", i, j), pattern(1000*(j+1), byte(i))
			if err := s.Put(ctx, key, bytes.NewReader(body), int64(len(body))); err != nil {
				t.Errorf("Put(%q) = %v", key, err)
				return
			}
			got, _, err := get(ctx, s, key)
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("Get(%q) = %d bytes, %v, want %d bytes", key, len(got), err, len(body))
			}
		}
	})
	if got := len(list(t, s, "")); got != 80 {
		t.Errorf("%d objects, want 80", got)
	}
}

// wholeObjects replaces an object while others read it.
func wholeObjects(t *testing.T, s checkpoint.Store) {
	const size = 300_000
	versions := [][]byte{pattern(size, 1), pattern(size, 2), pattern(size+1, 3)}
	put(t, s, "key", versions[0])
	race(4, func(i int) {
		for j := range 15 {
			if i == 0 {
				body := versions[j%len(versions)]
				if err := s.Put(t.Context(), "key", bytes.NewReader(body), int64(len(body))); err != nil {
					t.Errorf("Put = %v", err)
				}
				continue
			}
			got, info, err := get(t.Context(), s, "key")
			if err != nil || info.Size != int64(len(got)) || !whole(got, versions) {
				t.Errorf("Get = %d bytes, described as %d, %v, want one of the versions", len(got), info.Size, err)
			}
		}
	})
}

func whole(got []byte, versions [][]byte) bool {
	for _, v := range versions {
		if bytes.Equal(got, v) {
			return true
		}
	}
	return false
}
