package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/storetest"
	"espalier/models/engine"
)

func newRepo() *checkpoint.Repo { return &checkpoint.Repo{Store: newMemStore()} }

func open(t *testing.T, repo *checkpoint.Repo, a checkpoint.Attempt) *checkpoint.Opened {
	t.Helper()
	opened, err := repo.Open(t.Context(), stepKey(t), a)
	if err != nil {
		t.Fatalf("Open by %s = %v", a.Worker, err)
	}
	return opened
}

func commit(t *testing.T, j *checkpoint.Journal, step int64) checkpoint.Entry {
	t.Helper()
	entry, err := j.Commit(t.Context(), storetest.Midway(step), checkpoint.Numbers{"loss": 0.5})
	if err != nil {
		t.Fatalf("Commit of step %d = %v", step, err)
	}
	return entry
}

func finish(t *testing.T, repo *checkpoint.Repo, j *checkpoint.Journal) checkpoint.Result {
	t.Helper()
	digest, size, err := repo.Save(t.Context(), &checkpoint.Checkpoint{Network: storetest.Network(9)})
	if err != nil {
		t.Fatal(err)
	}
	result := checkpoint.Result{Kind: "train", Checkpoint: digest, Size: size, Metrics: checkpoint.Numbers{"accuracy": 0.9}}
	if err := j.Finish(t.Context(), result); err != nil {
		t.Fatalf("Finish = %v", err)
	}
	return result
}

// at is the optimizer step where an attempt goes on, 0 from the start.
func at(o *checkpoint.Opened) int64 {
	if o.From == nil {
		return 0
	}
	return o.From.Training.Cursor.Step
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// damages are what can happen to a stored object.
func damages() map[string]func(ctx context.Context, s checkpoint.Store, key string) error {
	return map[string]func(ctx context.Context, s checkpoint.Store, key string) error{
		"a flipped bit": func(ctx context.Context, s checkpoint.Store, key string) error {
			return storetest.Flip(ctx, s, key, -3)
		},
		"truncated": func(ctx context.Context, s checkpoint.Store, key string) error {
			return storetest.Truncate(ctx, s, key, 100)
		},
		"truncated to 0": func(ctx context.Context, s checkpoint.Store, key string) error {
			return storetest.Truncate(ctx, s, key, 0)
		},
		"missing":         storetest.Remove,
		"a flipped start": func(ctx context.Context, s checkpoint.Store, key string) error { return storetest.Flip(ctx, s, key, 0) },
	}
}

func TestAttemptGoesOnFromTheNewestCheckpoint(t *testing.T) {
	t.Parallel()
	repo := newRepo()
	first := open(t, repo, storetest.Attempt("first"))
	if first.From != nil || first.Done != nil || len(first.Notes) != 0 || first.Journal.Token() != 1 {
		t.Errorf("Open of a new step = %+v, want an empty journal", first)
	}
	commit(t, first.Journal, 1)
	entry := commit(t, first.Journal, 2)
	second := open(t, repo, storetest.Attempt("second"))
	if at(second) != 2 || second.Journal.Token() != 4 || second.Journal.Opening().FromDigest != entry.Digest || second.Journal.Opening().From.Step != 2 {
		t.Errorf("the next attempt goes on from %d by %+v, want step 2 of %s", at(second), second.Journal.Opening(), entry.Digest)
	}
	last, ok, err := repo.Tail(t.Context(), stepKey(t))
	if err != nil || !ok || last.Number != 4 || last.Worker != "second" || last.Kind != checkpoint.EntryOpen {
		t.Errorf("Tail = %+v, %v, %v, want the second attempt's entry", last, ok, err)
	}
}

func TestDamagedCheckpointsAreNamedAndSkipped(t *testing.T) {
	t.Parallel()
	for name, harm := range damages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, repo := t.Context(), newRepo()
			j := open(t, repo, storetest.Attempt("first")).Journal
			commit(t, j, 1)
			key := checkpoint.CheckpointKey(commit(t, j, 2).Digest)
			must(t, harm(ctx, repo.Store, key))

			second := open(t, repo, storetest.Attempt("second"))
			if at(second) != 1 {
				t.Errorf("goes on from step %d, want 1", at(second))
			}
			if len(second.Notes) != 1 || !strings.Contains(second.Notes[0], key) || !slices.Equal(second.Notes, second.Journal.Opening().Notes) {
				t.Errorf("notes %q, want one that names %s", second.Notes, key)
			}
			_, err := repo.Store.Stat(ctx, "quarantine/"+key)
			if gone := name == "missing"; gone != errors.Is(err, checkpoint.ErrNotFound) {
				t.Errorf("Stat in quarantine = %v", err)
			}
			// The same state again is written anew, not taken for stored.
			commit(t, second.Journal, 2)
			if third := open(t, repo, storetest.Attempt("third")); at(third) != 2 || len(third.Notes) != 0 {
				t.Errorf("after the repair: from step %d with notes %q, want 2 and none", at(third), third.Notes)
			}
		})
	}
}

// TestRottenObjects: the store has an object but cannot give its bytes.
func TestRottenObjects(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	repo := &checkpoint.Repo{Store: store}
	a := storetest.Attempt("first")
	a.Keep = 3
	j := open(t, repo, a).Journal
	commit(t, j, 1)
	entry := commit(t, j, 2)
	commit(t, j, 3)
	rotten := []string{checkpoint.CheckpointKey(entry.Digest), checkpoint.EntryKey(stepKey(t), 4)}
	store.before = func(_ context.Context, op, key string) error {
		if op == "put" { // new bytes are good
			rotten = slices.DeleteFunc(rotten, func(k string) bool { return k == key })
		}
		if op == "get" && slices.Contains(rotten, key) {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	second := open(t, repo, storetest.Attempt("second"))
	if at(second) != 1 || len(second.Notes) != 2 || !strings.Contains(second.Notes[0], rotten[1]) || !strings.Contains(second.Notes[1], rotten[0]) {
		t.Errorf("goes on from step %d with notes %q, want 1 and two that name %q", at(second), second.Notes, rotten)
	}
	commit(t, second.Journal, 2)
	if third := open(t, repo, storetest.Attempt("third")); at(third) != 2 {
		t.Errorf("after the repair: from step %d with notes %q, want 2", at(third), third.Notes)
	}

	store.before = func(_ context.Context, op, _ string) error { // the whole store is away
		return map[string]error{"get": io.ErrUnexpectedEOF, "stat": io.ErrNoProgress}[op]
	}
	if _, err := repo.Open(t.Context(), stepKey(t), storetest.Attempt("fourth")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Open on a store that is away = %v, want its error", err)
	}
}

func TestAllCheckpointsDamaged(t *testing.T) {
	t.Parallel()
	repo := newRepo()
	a := storetest.Attempt("first")
	a.Keep = 20
	j := open(t, repo, a).Journal
	for step := range int64(12) {
		entry := commit(t, j, step+1)
		must(t, storetest.Flip(t.Context(), repo.Store, checkpoint.CheckpointKey(entry.Digest), -1))
	}
	second := open(t, repo, storetest.Attempt("second"))
	if second.From != nil || len(second.Notes) != 9 || !strings.HasPrefix(second.Notes[8], "4 older") {
		t.Errorf("from %+v with %d notes %q, want from the start with 8 and a sum", second.From, len(second.Notes), second.Notes)
	}
}

func TestDamagedEntriesAreSkipped(t *testing.T) {
	t.Parallel()
	for name, harm := range damages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, repo, step := t.Context(), newRepo(), stepKey(t)
			j := open(t, repo, storetest.Attempt("first")).Journal
			commit(t, j, 1)
			entry := commit(t, j, 2)
			must(t, harm(ctx, repo.Store, checkpoint.EntryKey(step, entry.Number)))
			last, ok, err := repo.Tail(ctx, step)
			if err != nil || !ok || last.Number != 2 {
				t.Errorf("Tail = %+v, %v, %v, want entry 2", last, ok, err)
			}
			second := open(t, repo, storetest.Attempt("second"))
			if at(second) != 1 {
				t.Errorf("goes on from step %d, want 1", at(second))
			}
			if name == "missing" { // then its number is free: nobody knows that it was taken
				return
			}
			if second.Journal.Token() != 4 || len(second.Notes) != 1 || !strings.Contains(second.Notes[0], checkpoint.EntryKey(step, 3)) {
				t.Errorf("token %d with notes %q, want 4 and one that names entry 3", second.Journal.Token(), second.Notes)
			}
		})
	}
}

// TestCommitMeetsADamagedEntry: what stands in the way may be a newer
// attempt's open entry, so the older attempt must not jump over it.
func TestCommitMeetsADamagedEntry(t *testing.T) {
	t.Parallel()
	ctx, repo := t.Context(), newRepo()
	first := open(t, repo, storetest.Attempt("first")).Journal
	second := open(t, repo, storetest.Attempt("second")).Journal
	must(t, storetest.Flip(ctx, repo.Store, checkpoint.EntryKey(stepKey(t), second.Token()), 50))
	for range 2 {
		if _, err := first.Commit(ctx, storetest.Midway(1), nil); err == nil || errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("Commit = %v, want an error that is not ErrFenced", err)
		}
	}
	commit(t, second, 2)
	if third := open(t, repo, storetest.Attempt("third")); at(third) != 2 {
		t.Errorf("goes on from step %d, want 2", at(third))
	}
}

// TestLostAnswers: a write that landed but was answered with an error is found
// to be the attempt's own.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	repo := &checkpoint.Repo{Store: store}
	j := open(t, repo, storetest.Attempt("first")).Journal
	lose := func() {
		store.before = func(ctx context.Context, op, key string) error {
			if op != "create" {
				return nil
			}
			store.before = nil
			must(t, store.Create(ctx, key, pending(t, j, key)))
			return io.ErrUnexpectedEOF
		}
	}
	lose()
	if _, err := j.Commit(t.Context(), storetest.Midway(1), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("Commit = %v, want the lost answer's error", err)
	}
	if entry := commit(t, j, 1); entry.Number != 2 { // again, the same state
		t.Errorf("the repeated commit is entry %d, want 2", entry.Number)
	}
	lose()
	if _, err := j.Commit(t.Context(), storetest.Midway(1), nil); err == nil {
		t.Fatal("Commit succeeded")
	}
	if entry := commit(t, j, 5); entry.Number != 4 { // another state comes after it
		t.Errorf("the next commit is entry %d, want 4", entry.Number)
	}
}

// pending is an entry as j would write it for step 1.
func pending(t *testing.T, j *checkpoint.Journal, key string) []byte {
	t.Helper()
	other := &checkpoint.Repo{Store: newMemStore()}
	c := storetest.Midway(1)
	c.Training.StepKey = j.StepKey()
	digest, size, err := other.Save(t.Context(), c)
	must(t, err)
	var number int
	_, err = fmt.Sscanf(key[len(key)-len("00000000.json"):], "%08d.json", &number)
	must(t, err)
	must(t, other.PutJSON(t.Context(), key, checkpoint.Entry{
		Number: number, Kind: checkpoint.EntryCheckpoint, Token: j.Token(), Owner: "run of first", Worker: "first",
		Time: storetest.Attempt("").Now().UTC(), Digest: digest, Size: size, Cursor: &c.Training.Cursor,
	}))
	body, _, err := other.Store.Get(t.Context(), key)
	must(t, err)
	data, err := io.ReadAll(body)
	must(t, err)
	return data
}

func TestRacingOpens(t *testing.T) {
	t.Parallel()
	repo := newRepo()
	const n = 16
	journals := make([]*checkpoint.Journal, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { journals[i] = open(t, repo, storetest.Attempt("same")).Journal })
	}
	wg.Wait()
	slices.SortFunc(journals, func(a, b *checkpoint.Journal) int { return a.Token() - b.Token() })
	for i, j := range journals {
		if j.Token() != i+1 {
			t.Errorf("token %d at place %d, want them without gaps", j.Token(), i)
		}
		_, err := j.Commit(t.Context(), storetest.Midway(1), nil)
		if newest := i == n-1; newest != (err == nil) || (!newest && !errors.Is(err, checkpoint.ErrFenced)) {
			t.Errorf("Commit of attempt %d = %v", i+1, err)
		}
	}
}

// Of attempts that yield to each other exactly one gets the step.
func TestYieldingOpens(t *testing.T) {
	t.Parallel()
	repo := newRepo()
	var got, yielded atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			a := storetest.Attempt("same")
			a.Yield = func(newest checkpoint.Entry) bool { return newest.Number == 1 }
			switch _, err := repo.Open(t.Context(), stepKey(t), a); {
			case err == nil:
				got.Add(1)
			case errors.Is(err, checkpoint.ErrTaken):
				yielded.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 || yielded.Load() != 15 {
		t.Errorf("%d attempts got the step and %d left it, want 1 and 15", got.Load(), yielded.Load())
	}
}

func TestResumeElsewhereIsNoted(t *testing.T) {
	t.Parallel()
	repo := newRepo()
	a := storetest.Attempt("first")
	a.Fingerprint = engine.Fingerprint{Engine: "gorgonia/1", CPU: "zen", BLAS: "openblas 0.3", Threads: 2}
	commit(t, open(t, repo, a).Journal, 1)
	if again := open(t, repo, a); len(again.Notes) != 0 {
		t.Errorf("notes on the same machine: %q", again.Notes)
	}
	a.Fingerprint.Threads = 8
	other := open(t, repo, a)
	if len(other.Notes) != 1 || !strings.Contains(other.Notes[0], "bits may differ") || !strings.Contains(other.Notes[0], "8 threads") {
		t.Errorf("notes on another machine: %q", other.Notes)
	}
}

func TestOldCheckpointsAreRemoved(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), newMemStore()
	repo := &checkpoint.Repo{Store: store}
	unrelated, _, err := repo.Save(ctx, storetest.Midway(1)) // the same state, not of this step
	must(t, err)
	for attempt := range int64(3) {
		j := open(t, repo, storetest.Attempt("worker")).Journal
		for step := range int64(4) {
			commit(t, j, 10*attempt+step+1)
			if got := len(store.keys("checkpoints/")) - 1; got > 2 {
				t.Errorf("%d mid-step checkpoints after step %d of attempt %d, want 2 at most", got, step+1, attempt+1)
			}
		}
	}
	last := open(t, repo, storetest.Attempt("last"))
	if at(last) != 24 {
		t.Fatalf("goes on from %d, want 24", at(last))
	}
	result := finish(t, repo, last.Journal)
	want := []string{checkpoint.CheckpointKey(unrelated), checkpoint.CheckpointKey(result.Checkpoint), checkpoint.CheckpointKey(last.Journal.Opening().FromDigest)}
	slices.Sort(want)
	if got := store.keys("checkpoints/"); !slices.Equal(got, want) {
		t.Errorf("what stays is %q, want %q", got, want)
	}
	if n, err := repo.Prune(ctx, stepKey(t), 0); n != 1 || err != nil {
		t.Errorf("Prune = %d, %v, want 1", n, err)
	}
	if _, err := repo.VerifyResult(ctx, stepKey(t)); err != nil {
		t.Errorf("VerifyResult after Prune = %v", err)
	}
}
