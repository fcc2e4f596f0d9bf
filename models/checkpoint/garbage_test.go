package checkpoint_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/checkpoint/storetest"
)

// yard is a store in a folder, of which tests can set the ages of objects.
type yard struct {
	dir  string
	repo *checkpoint.Repo
}

func newYard(t *testing.T) *yard {
	t.Helper()
	dir := t.TempDir()
	s, err := dirstore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &yard{dir, &checkpoint.Repo{Store: s}}
}

// age makes every object of now two days old.
func (y *yard) age(t *testing.T) {
	t.Helper()
	long := time.Now().Add(-48 * time.Hour)
	for _, key := range y.keys(t, "") {
		if err := os.Chtimes(filepath.Join(y.dir, filepath.FromSlash(key)), long, long); err != nil {
			t.Fatal(err)
		}
	}
}

func (y *yard) keys(t *testing.T, prefix string) (keys []string) {
	t.Helper()
	for info, err := range y.repo.Store.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// collect removes the garbage that is older than a day, and answers with its keys.
func (y *yard) collect(t *testing.T) (keys []string) {
	t.Helper()
	found, err := y.repo.Garbage(t.Context(), time.Now().Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range found {
		gone, err := y.repo.Discard(t.Context(), info)
		if err != nil {
			t.Fatal(err)
		}
		if gone {
			keys = append(keys, info.Key)
		}
	}
	return keys
}

func (y *yard) open(t *testing.T, step int) *checkpoint.Opened {
	t.Helper()
	o, err := y.repo.Open(t.Context(), fmt.Sprintf("%064x", step), storetest.Attempt("worker"))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (y *yard) save(t *testing.T, n int64) checkpoint.Digest {
	t.Helper()
	d, _, err := y.repo.Save(t.Context(), storetest.Midway(n))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Of random journals, results, records and orphans exactly those checkpoints
// stay that a step can go on from or that a record names.
func TestGarbageIsWhatNothingRefersTo(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 0))
		y, want := newYard(t), make(map[string]bool) // what goes
		number := int64(0)
		another := func() int64 { number++; return number }
		for step := range 1 + random.IntN(4) {
			o := y.open(t, step)
			for range random.IntN(5) {
				if _, err := o.Journal.Commit(t.Context(), storetest.Midway(another()), nil); err != nil {
					t.Fatal(err)
				}
			}
			if random.IntN(2) == 0 {
				result := checkpoint.Result{StepKey: o.Journal.StepKey(), Checkpoint: y.save(t, another()), Parent: y.save(t, another())}
				if err := o.Journal.Finish(t.Context(), result); err != nil {
					t.Fatal(err)
				}
			}
		}
		kept := y.save(t, another())
		for key, v := range map[string]any{"runs/r/result.json": map[string]any{"rows": []any{kept}}, "tags/best.json": "before " + y.save(t, another()) + " after"} {
			if err := y.repo.PutJSON(t.Context(), key, v); err != nil {
				t.Fatal(err)
			}
		}
		for range random.IntN(4) {
			want[checkpoint.CheckpointKey(y.save(t, another()))] = true
		}
		for _, key := range []string{"doctor/7.txt", "quarantine/checkpoints/x", "standings/s.json"} {
			if err := y.repo.Store.Put(t.Context(), key, strings.NewReader("x"), 1); err != nil {
				t.Fatal(err)
			}
			want[key] = true
		}
		before := y.keys(t, "")
		if got := y.collect(t); len(got) > 0 {
			t.Fatalf("seed %d: what is young went: %q", seed, got)
		}
		y.age(t)
		if got := y.collect(t); !cmp.Equal(got, slices.Sorted(maps.Keys(want))) {
			t.Errorf("seed %d: went %q\nwant %q", seed, got, slices.Sorted(maps.Keys(want)))
		}
		after := slices.DeleteFunc(before, func(key string) bool { return want[key] })
		if got := y.keys(t, ""); !cmp.Equal(got, after) {
			t.Errorf("seed %d: left %q\nwant %q", seed, got, after)
		}
		if got := y.collect(t); len(got) > 0 {
			t.Errorf("seed %d: the second time went %q", seed, got)
		}
	}
}

// A crash between the commit and the removal of older checkpoints leaves them;
// a step under way keeps two, a finished one the last.
func TestGarbageOfJournals(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	o := y.open(t, 1)
	var digests []checkpoint.Digest
	for n := range int64(4) {
		e, err := o.Journal.Commit(t.Context(), storetest.Midway(n), nil)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, e.Digest)
	}
	stay := func(want ...checkpoint.Digest) {
		t.Helper()
		y.age(t)
		y.collect(t)
		var keys []string
		for _, d := range want {
			keys = append(keys, checkpoint.CheckpointKey(d))
		}
		slices.Sort(keys)
		if got := y.keys(t, "checkpoints/"); !cmp.Equal(got, keys) {
			t.Errorf("left %q\nwant %q", got, keys)
		}
	}
	again := func(n int64) { // as a crash would have left it
		t.Helper()
		c := storetest.Midway(n)
		c.Training.StepKey = o.Journal.StepKey()
		if _, _, err := y.repo.Save(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	again(0)
	again(1)
	stay(digests[2], digests[3])
	result := y.save(t, 100)
	if err := o.Journal.Finish(t.Context(), checkpoint.Result{StepKey: o.Journal.StepKey(), Checkpoint: result}); err != nil {
		t.Fatal(err)
	}
	again(2)
	stay(digests[3], result)
	// A damaged entry takes nothing with it but what it names itself.
	path := filepath.Join(y.dir, filepath.FromSlash(checkpoint.EntryKey(o.Journal.StepKey(), 2)))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte("digest"), []byte("tsegid"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	stay(digests[3], result)
}

// A step that saves what lies there as garbage has it written anew, so that
// it stays until it is recorded.
func TestGarbageThatIsSavedAgainStays(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.repo.Stale = func(info checkpoint.Info) bool { return time.Since(info.Modified) > time.Hour }
	y.save(t, 1)
	y.save(t, 2)
	y.age(t)
	found, err := y.repo.Garbage(t.Context(), time.Now().Add(-24*time.Hour))
	if err != nil || len(found) != 2 {
		t.Fatalf("found %v, %v", found, err)
	}
	kept := y.save(t, 1)
	for _, info := range found {
		gone, err := y.repo.Discard(t.Context(), info)
		if err != nil || gone != (info.Key != checkpoint.CheckpointKey(kept)) {
			t.Errorf("%s: gone %v, %v", info.Key, gone, err)
		}
		if gone, err := y.repo.Discard(t.Context(), info); err != nil || gone {
			t.Errorf("%s, once more: gone %v, %v", info.Key, gone, err)
		}
	}
	if _, err := y.repo.Load(t.Context(), kept); err != nil {
		t.Error(err)
	}
}
