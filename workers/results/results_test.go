package results_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/workers/results"
	"espalier/workers/runs"
	"espalier/workflows"
	"espalier/workflows/search"
)

const sweepSpec = `name: tiny
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, batch: 64, optimizer: {sgd: {lr: 0.05}}, seed: 5}
prune: {method: han, schedule: {passes: 2, target: {sparsity: 80%}}, finetune: {epochs: 1}}
sweep:
  search: grid
  params:
    prune.method: [han, random]
    prune.schedule.target.sparsity: [80%, 90%]
    train.optimizer.sgd.lr: {values: [0.1], when: {prune.method: random}}
  seeds: [1, 18446744073709551615]
`

func parsed(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, err := config.Parse("spec.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// stored is a store with records of runs and sweeps.
func stored(t *testing.T, records map[string]any) results.Source {
	t.Helper()
	store, err := dirstore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	repo := &checkpoint.Repo{Store: store}
	for run, record := range records {
		if err := repo.PutJSON(context.Background(), path.Join("runs", run, "result.json"), record); err != nil {
			t.Fatal(err)
		}
	}
	return results.Source{Repo: repo}
}

// told has the named cells of each row.
func told(t *testing.T, s results.Source, id string, names ...string) []string {
	t.Helper()
	r, err := s.Of(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for row, err := range r.Rows {
		if err != nil {
			t.Fatal(err)
		}
		if len(row) != len(r.Columns) {
			t.Fatalf("a row of %d cells under %d columns", len(row), len(r.Columns))
		}
		var cells []string
		for _, name := range names {
			at := -1
			for i, c := range r.Columns {
				if c.Name == name {
					at = i
				}
			}
			if at < 0 {
				t.Fatalf("no column %s", name)
			}
			cells = append(cells, fmt.Sprint(row[at]))
		}
		lines = append(lines, strings.Join(cells, " "))
	}
	return lines
}

func digest(c string) checkpoint.Digest { return checkpoint.Digest(strings.Repeat(c, 64)) }

func TestARunHasARowAPass(t *testing.T) {
	t.Parallel()
	spec, _, _ := strings.Cut(sweepSpec, "sweep:")
	s := stored(t, map[string]any{"tiny-1": workflows.Record{
		Result: workflows.Result{Run: "tiny-1", Spec: *parsed(t, spec), Rows: []workflows.Row{
			{Pass: 0, Accuracy: 0.75, Kept: true, Checkpoint: digest("a")},
			{Pass: 1, Accuracy: 0.5, Sparsity: 0.8, Kept: true, Checkpoint: digest("b"), Pruned: 0.25},
			{Pass: 2, Accuracy: 0.625, HuffmanBytes: 99, CodedBytes: 120, Kept: false, Checkpoint: digest("c")},
		}},
		Links: []workflows.Link{{Key: "k0", Checkpoint: digest("a")}, {Key: "k1", Checkpoint: digest("b")}, {Key: "k2", Checkpoint: digest("b")}},
	}})
	want := []string{
		"tiny-1 <nil> <nil> 5 done 0 dense true 0.75 <nil> 0 <nil> k0",
		"tiny-1 <nil> <nil> 5 done 1 pruned true 0.5 0.25 0.8 <nil> k1",
		"tiny-1 <nil> <nil> 5 done 2 quantized false 0.625 <nil> 0 99 <nil>",
	}
	got := told(t, s, "tiny-1", "run", "sweep", "trial", "seed", "state", "pass", "network", "kept", "accuracy_share", "untuned_accuracy_share", "sparsity_share", "huffman_bytes", "step_key")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestASweepHasTheRowsOfAllTrials(t *testing.T) {
	t.Parallel()
	spec := parsed(t, sweepSpec)
	state, err := workflows.NewSweep(spec)
	if err != nil {
		t.Fatal(err)
	}
	trial := func(number int, passes ...int) workflows.Record {
		chosen, err := state.Trial(number)
		if err != nil {
			t.Fatal(err)
		}
		made, err := workflows.TrialSpec(spec, chosen)
		if err != nil {
			t.Fatal(err)
		}
		r := workflows.Record{Result: workflows.Result{Run: "old", Spec: *made}}
		for _, pass := range passes {
			r.Rows = append(r.Rows, workflows.Row{Pass: pass, Accuracy: float64(number)})
		}
		return r
	}
	named := func(run string, r workflows.Record) workflows.Record { r.Run = run; return r }
	values := func(number int) []search.Setting {
		chosen, err := state.Trial(number)
		if err != nil {
			t.Fatal(err)
		}
		return chosen.Values
	}
	s := stored(t, map[string]any{
		"tiny-2": workflows.SweepRecord{Spec: spec, SweepResult: workflows.SweepResult{
			Run: "tiny-2", State: workflows.StateDone, Objectives: []string{"accuracy"}, Made: 5,
			Trials: []workflows.SweptTrial{
				{Trial: 0, Run: "tiny-2-0", State: workflows.StateDone, Values: values(0)},
				{Trial: 1, Run: "tiny-2-1", State: workflows.StateFailed, Why: "it broke", Values: values(1)},
			},
		}},
		"tiny-2-0":              trial(0),
		"tiny-2-0-to-2":         named("tiny-2-0-to-2", trial(0, 0, 1, 2)),
		"tiny-2-0-to-1-again-1": trial(0),
		"tiny-2-2":              trial(2),
		"tiny-2-2-retry-1":      named("tiny-2-2-retry-1", trial(2, 0, 1)),
		"tiny-2-4":              named("tiny-2-4", trial(4, 0, 1, 2)),
		"tiny-2-4x":             trial(4),
		"tiny-22-3":             trial(3, 0),
	})
	want := []string{
		"tiny-2-0-to-2 tiny-2 0 han 0.8 <nil> 1 done <nil> 0 0",
		"tiny-2-0-to-2 tiny-2 0 han 0.8 <nil> 1 done <nil> 1 0",
		"tiny-2-0-to-2 tiny-2 0 han 0.8 <nil> 1 done <nil> 2 0",
		"tiny-2-1 tiny-2 1 han 0.8 <nil> 18446744073709551615 failed it broke <nil> <nil>",
		"tiny-2-2-retry-1 tiny-2 2 han 0.9 <nil> 1 rung <nil> 0 2",
		"tiny-2-2-retry-1 tiny-2 2 han 0.9 <nil> 1 rung <nil> 1 2",
		"tiny-2-3 tiny-2 3 han 0.9 <nil> 18446744073709551615 failed <nil> <nil> <nil>",
		"tiny-2-4 tiny-2 4 random 0.8 0.1 1 done <nil> 0 4",
		"tiny-2-4 tiny-2 4 random 0.8 0.1 1 done <nil> 1 4",
		"tiny-2-4 tiny-2 4 random 0.8 0.1 1 done <nil> 2 4",
	}
	got := told(t, s, "tiny-2", "run", "sweep", "trial", "prune.method", "prune.schedule.target.sparsity", "train.optimizer.sgd.lr", "seed", "state", "why", "pass", "accuracy_share")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	s := stored(t, map[string]any{"scan-1": map[string]any{"run": "scan-1", "layers": []int{1}}})
	for _, id := range []string{"none", "../up", "", "a b"} {
		if _, err := s.Of(t.Context(), id); !errors.Is(err, runs.ErrNotFound) {
			t.Errorf("%q: %v, want %v", id, err, runs.ErrNotFound)
		}
	}
	if _, err := s.Of(t.Context(), "scan-1"); err == nil || !strings.Contains(err.Error(), "scan-1 has no passes") {
		t.Errorf("of a scan: %v", err)
	}
}
