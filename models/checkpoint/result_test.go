package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/storetest"
)

func TestResultIsReadBack(t *testing.T) {
	t.Parallel()
	ctx, repo := t.Context(), newRepo()
	if _, err := repo.Result(ctx, stepKey(t)); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Result of a new step = %v, want ErrNotFound", err)
	}
	j := open(t, repo, storetest.Attempt("first")).Journal
	digest, size, err := repo.Save(ctx, &checkpoint.Checkpoint{Network: storetest.Network(1)})
	must(t, err)
	want := checkpoint.Result{
		StepKey: stepKey(t), Kind: "prune", Parent: digest, Checkpoint: digest, Size: size,
		Metrics: checkpoint.Numbers{"loss": math.NaN(), "accuracy": 1.0 / 3}, Detail: json.RawMessage(`{"plan":["<a>",1]}`),
	}
	must(t, j.Finish(ctx, want))
	for name, read := range map[string]func(context.Context, string) (*checkpoint.Result, error){"Result": repo.Result, "VerifyResult": repo.VerifyResult} {
		got, err := read(ctx, stepKey(t))
		if err != nil {
			t.Fatalf("%s = %v", name, err)
		}
		got.Detail = compact(t, got.Detail)
		if diff := cmp.Diff(&want, got, bits()); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	if done := open(t, repo, storetest.Attempt("second")); done.Done == nil || done.Journal != nil || done.Done.Checkpoint != digest {
		t.Errorf("Open of a finished step = %+v, want its result", done)
	}
	must(t, j.Finish(ctx, want)) // again, as after a lost answer
}

// compact undoes the escapes that JSON writers may choose.
func compact(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	var v any
	must(t, json.Unmarshal(raw, &v))
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	must(t, enc.Encode(v))
	return bytes.TrimSpace(out.Bytes())
}

func TestFinishRefuses(t *testing.T) {
	t.Parallel()
	ctx, repo := t.Context(), newRepo()
	j := open(t, repo, storetest.Attempt("first")).Journal
	missing := checkpoint.DigestOf([]byte("missing"))
	if err := j.Finish(ctx, checkpoint.Result{Checkpoint: missing}); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Finish with a checkpoint that was not saved = %v, want ErrNotFound", err)
	}
	if err := j.Finish(ctx, checkpoint.Result{StepKey: string(missing)}); err == nil {
		t.Error("Finish with another step's result succeeded")
	}
	digest, size, err := repo.Save(ctx, storetest.Midway(1))
	must(t, err)
	if err := j.Finish(ctx, checkpoint.Result{Checkpoint: digest, Size: size + 1}); err == nil {
		t.Error("Finish with another size succeeded")
	}
	must(t, j.Finish(ctx, checkpoint.Result{Checkpoint: digest}))
	other, _, err := repo.Save(ctx, storetest.Midway(2))
	must(t, err)
	err = j.Finish(ctx, checkpoint.Result{Checkpoint: other})
	if err == nil || !strings.Contains(err.Error(), string(digest)) || !strings.Contains(err.Error(), string(other)) {
		t.Errorf("Finish with another checkpoint = %v, want an error that names %s and %s", err, digest, other)
	}
	if got, err := repo.Result(ctx, stepKey(t)); err != nil || got.Checkpoint != digest || got.Size != size {
		t.Errorf("Result = %+v, %v, want the first one, %s", got, err, digest)
	}
}

// TestCrashBeforeTheResultIsPublished: the entry is there, steps/... is not.
func TestCrashBeforeTheResultIsPublished(t *testing.T) {
	t.Parallel()
	for _, measuresOnly := range []bool{false, true} {
		ctx, store := t.Context(), newMemStore()
		repo := &checkpoint.Repo{Store: store}
		j := open(t, repo, storetest.Attempt("first")).Journal
		commit(t, j, 1)
		want := checkpoint.Result{StepKey: stepKey(t), Kind: "evaluate", Metrics: checkpoint.Numbers{"accuracy": 0.5}}
		if !measuresOnly {
			var err error
			want.Checkpoint, want.Size, err = repo.Save(ctx, &checkpoint.Checkpoint{Network: storetest.Network(1)})
			must(t, err)
		}
		store.before = func(_ context.Context, op, key string) error {
			if op == "create" && strings.HasPrefix(key, "steps/") {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err := j.Finish(ctx, want); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("Finish = %v, want the crash", err)
		}
		store.before = nil
		if _, err := repo.Result(ctx, stepKey(t)); !errors.Is(err, checkpoint.ErrNotFound) {
			t.Fatalf("Result = %v, want ErrNotFound", err)
		}
		opened := open(t, repo, storetest.Attempt("second"))
		if diff := cmp.Diff(&want, opened.Done, bits()); diff != "" {
			t.Errorf("Open: -want +got\n%s", diff)
		}
		if got, err := repo.Result(ctx, stepKey(t)); err != nil || got.Checkpoint != want.Checkpoint {
			t.Errorf("Result after Open = %+v, %v", got, err)
		}
	}
}

func TestDamagedResultCheckpoint(t *testing.T) {
	t.Parallel()
	for name, harm := range damages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, repo := t.Context(), newRepo()
			j := open(t, repo, storetest.Attempt("first")).Journal
			commit(t, j, 1)
			commit(t, j, 2)
			result := finish(t, repo, j)
			key := checkpoint.CheckpointKey(result.Checkpoint)
			must(t, harm(ctx, repo.Store, key))

			if _, err := repo.Load(ctx, result.Checkpoint); name == "missing" != errors.Is(err, checkpoint.ErrNotFound) || name != "missing" && !names(err, key) {
				t.Errorf("Load = %v, want an error about %s", err, key)
			}
			if _, err := repo.VerifyResult(ctx, stepKey(t)); !names(err, key) {
				t.Errorf("VerifyResult = %v, want a *CorruptError for %s", err, key)
			}
			if _, err := repo.VerifyResult(ctx, stepKey(t)); !errors.Is(err, checkpoint.ErrNotFound) {
				t.Errorf("VerifyResult again = %v, want ErrNotFound", err)
			}
			second := open(t, repo, storetest.Attempt("second"))
			if at(second) != 2 || len(second.Notes) != 1 || !strings.Contains(second.Notes[0], key) {
				t.Errorf("goes on from step %d with notes %q, want 2 and one that names %s", at(second), second.Notes, key)
			}
			if again := finish(t, repo, second.Journal); again.Checkpoint != result.Checkpoint {
				t.Errorf("the mended result is %s, want %s", again.Checkpoint, result.Checkpoint)
			}
			if _, err := repo.VerifyResult(ctx, stepKey(t)); err != nil {
				t.Errorf("VerifyResult of the mended result = %v", err)
			}
		})
	}
}

// names says whether err is a *CorruptError of that object.
func names(err error, key string) bool {
	var corrupt *checkpoint.CorruptError
	return errors.As(err, &corrupt) && corrupt.Key == key
}

// TestOpenMendsWhatWasNotVerified: an attempt that only saw Result fail, or
// nothing at all, comes to the same.
func TestOpenMendsWhatWasNotVerified(t *testing.T) {
	t.Parallel()
	ctx, repo := t.Context(), newRepo()
	j := open(t, repo, storetest.Attempt("first")).Journal
	commit(t, j, 1)
	result := finish(t, repo, j)
	must(t, storetest.Flip(ctx, repo.Store, checkpoint.CheckpointKey(result.Checkpoint), -1))
	if second := open(t, repo, storetest.Attempt("second")); second.Done != nil || at(second) != 1 || len(second.Notes) != 1 {
		t.Errorf("Open = %+v, want to go on from step 1 with one note", second)
	}
}

func TestDamagedResultRecord(t *testing.T) {
	t.Parallel()
	ctx, repo := t.Context(), newRepo()
	result := finish(t, repo, open(t, repo, storetest.Attempt("first")).Journal)
	key := checkpoint.ResultKey(stepKey(t))
	must(t, storetest.Flip(ctx, repo.Store, key, 150))
	if _, err := repo.Result(ctx, stepKey(t)); !names(err, key) {
		t.Errorf("Result = %v, want a *CorruptError for %s", err, key)
	}
	second := open(t, repo, storetest.Attempt("second"))
	if second.Done == nil || second.Done.Checkpoint != result.Checkpoint || len(second.Notes) != 1 {
		t.Errorf("Open = %+v, want the result from the journal and a note", second)
	}
	if got, err := repo.Result(ctx, stepKey(t)); err != nil || got.Checkpoint != result.Checkpoint {
		t.Errorf("Result after Open = %+v, %v", got, err)
	}
}

func TestSaveWritesOnce(t *testing.T) {
	t.Parallel()
	store, puts := newMemStore(), 0
	repo := &checkpoint.Repo{Store: store}
	store.before = func(_ context.Context, op, _ string) error {
		if op == "put" {
			puts++
		}
		return nil
	}
	for range 3 {
		digest, size, err := repo.Save(t.Context(), storetest.Midway(1))
		if info, statErr := store.Stat(t.Context(), checkpoint.CheckpointKey(digest)); err != nil || statErr != nil || info.Size != size {
			t.Fatalf("Save = %s, %d, %v; the object is %+v, %v", digest, size, err, info, statErr)
		}
	}
	if puts != 1 {
		t.Errorf("%d uploads, want 1", puts)
	}
}

// TestEveryBitCounts flips each bit of a small object and cuts it everywhere.
func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), newMemStore()
	repo := &checkpoint.Repo{Store: store}
	must(t, repo.PutJSON(ctx, "runs/a/report.json", map[string]any{"b": "<&>", "a": []float64{0.1, 2}}))
	good := bytes.Clone(store.objects["runs/a/report.json"])
	check := func(what string, data []byte) {
		store.objects["runs/a/report.json"] = data
		var v any
		if err := repo.GetJSON(ctx, "runs/a/report.json", &v); !names(err, "runs/a/report.json") {
			t.Errorf("%s: GetJSON = %v, %v, want a *CorruptError", what, v, err)
		}
	}
	for i := range good {
		for bit := range 8 {
			data := bytes.Clone(good)
			data[i] ^= 1 << bit
			check("a flipped bit", data)
		}
		check("a cut", good[:i])
	}
	check("more", append(bytes.Clone(good), '\n'))
	store.objects["runs/b/report.json"] = good
	var v map[string]any
	if err := repo.GetJSON(ctx, "runs/b/report.json", &v); !names(err, "runs/b/report.json") {
		t.Errorf("GetJSON of a copy under another key = %v, want a *CorruptError", err)
	}
	store.objects["runs/a/report.json"] = good
	if err := repo.GetJSON(ctx, "runs/a/report.json", &v); err != nil || v["b"] != "<&>" {
		t.Errorf("GetJSON of the good object = %v, %v", v, err)
	}
	if err := repo.GetJSON(ctx, "runs/c/report.json", &v); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("GetJSON of nothing = %v, want ErrNotFound", err)
	}
}

func TestStepKeysAreChecked(t *testing.T) {
	t.Parallel()
	repo := newRepo()
	for _, key := range []string{"", "abc", "../../etc", strings.Repeat("g", 64)} {
		_, openErr := repo.Open(t.Context(), key, storetest.Attempt("a"))
		_, resultErr := repo.Result(t.Context(), key)
		_, _, tailErr := repo.Tail(t.Context(), key)
		_, loadErr := repo.Load(t.Context(), checkpoint.Digest(key))
		for call, err := range map[string]error{"Open": openErr, "Result": resultErr, "Tail": tailErr, "Load": loadErr} {
			if err == nil || errors.Is(err, checkpoint.ErrNotFound) {
				t.Errorf("%s(%q) = %v, want an error about the key", call, key, err)
			}
		}
	}
	a := storetest.Attempt("a")
	a.Now = nil
	if _, err := repo.Open(t.Context(), stepKey(t), a); err == nil {
		t.Error("Open without a clock succeeded")
	}
}
