package activities_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
)

func wantInput(t *testing.T, err error, says string) {
	t.Helper()
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.FailureInput || !strings.Contains(app.Message(), says) {
		t.Errorf("error %v, want one of the input that says %q", err, says)
	}
}

// A checkpoint of Espalier's own is a file of weights like any other.
func TestNetworksBeginWithTheWeightsOfAFile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	trained, err := b.train("a", b.prepare(t), sgd)
	if err != nil {
		t.Fatal(err)
	}
	want, err := b.steps.Repo.Load(t.Context(), trained.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	bytes, _, err := checkpoint.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := os.WriteFile(path, bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	from := network
	from.Weights, from.FileDigest = path, string(checkpoint.DigestOf(bytes))
	prepare := func(n config.Network) (activities.PrepareResult, error) {
		return do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: n, Data: digits, Seed: 1})
	}
	prepared, err := prepare(from)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.steps.Repo.Load(t.Context(), prepared.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Network, got.Network); diff != "" {
		t.Errorf("-file +network\n%s", diff)
	}

	moved := from
	moved.Weights = filepath.Join(t.TempDir(), "elsewhere.safetensors")
	if err := os.WriteFile(moved.Weights, bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	if again, err := prepare(moved); err != nil || !again.Reused || again.Key != prepared.Key {
		t.Errorf("the same file elsewhere: %+v, %v; want the step found under the same key", again, err)
	}

	wider := from
	wider.Hidden = []int{17}
	_, err = prepare(wider)
	wantInput(t, err, "weights.safetensors")
	if err := os.WriteFile(path, bytes[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = prepare(from)
	wantInput(t, err, "the file changed")
	from.Weights = filepath.Join(filepath.Dir(path), "none.th")
	_, err = prepare(from)
	wantInput(t, err, "none.th")
}
