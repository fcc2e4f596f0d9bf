package activities_test

import (
	"encoding/binary"
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
	wantInput(t, err, "network.weights: open "+from.Weights+": no such file or directory on this worker")
}

// The name of a file is not in the step's key, so it is not in the result.
func TestNetworksOfONNXAreNamedByTheirContent(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(filepath.Join("..", "models", "export", "onnx", "testdata", "plain-13.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	images := config.Data{Name: "idx", Path: idx(t, 11, 9, 3)}
	var results []activities.StepResult
	for _, name := range []string{"a.onnx", "b.onnx"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		b := newBench(t)
		prepared, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{
			Head: head("a", ""), Network: config.Network{ONNX: path, FileDigest: string(checkpoint.DigestOf(file))}, Data: images, Seed: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, prepared.StepResult)
	}
	if a, b := results[0], results[1]; a.Key != b.Key || a.Checkpoint != b.Checkpoint {
		t.Errorf("the same file under two names gives %+v and %+v", a, b)
	}
}

// idx is a folder of the idx format with two images for each of the classes.
func idx(t *testing.T, height, width, classes int) string {
	t.Helper()
	folder, n := t.TempDir(), 2*classes
	numbers := func(all ...int) (b []byte) {
		for _, v := range all {
			b = binary.BigEndian.AppendUint32(b, uint32(v))
		}
		return b
	}
	images, labels := numbers(0x803, n, height, width), numbers(0x801, n)
	for i := range n {
		labels = append(labels, byte(i%classes))
		for k := range height * width {
			images = append(images, byte(31*i+7*k))
		}
	}
	for _, split := range []string{"train", "t10k"} {
		err := errors.Join(os.WriteFile(filepath.Join(folder, split+"-images-idx3-ubyte"), images, 0o644),
			os.WriteFile(filepath.Join(folder, split+"-labels-idx1-ubyte"), labels, 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// What computes no numbers will compute none the next time: the run ends.
func TestEvaluationWithoutNumbersIsFinal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	c, err := b.steps.Repo.Load(t.Context(), prepared.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Network.Params {
		for i := range p.Data {
			p.Data[i] *= 1e37
		}
	}
	broken, _, err := b.steps.Repo.Save(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = do[activities.StepResult](b, b.steps.Evaluate, activities.EvaluateInput{Head: head("a", broken), Data: digits, DataDigest: prepared.DataDigest})
	wantInput(t, err, "the logits are not finite")
}
