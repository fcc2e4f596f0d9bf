package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/workers"
	"espalier/workflows"
)

// Of a run with more passes only those that there were not before are computed;
// a fork begins with the very network of its pass.
func TestExtendedRunSharesFinishedSteps(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu"})
	ctx, by := t.Context(), workflows.Control{Who: "tester"}
	_, id := p.submit(t, tinySpec)
	before, err := p.runs.Result(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	steps := func() (n int) {
		for _, err := range p.store.List(ctx, "steps/") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	had := steps()
	longer, err := p.runs.Extend(ctx, id, 3, nil, by)
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.runs.Result(ctx, longer)
	if err != nil {
		t.Fatal(err)
	}
	if more := steps() - had; more != 3 || len(after.Rows) != 4 {
		t.Errorf("%d steps for %d rows, want a pruning, a fine-tuning and an evaluation for the fourth", more, len(after.Rows))
	}
	for i, row := range before.Rows {
		if diff := cmp.Diff(row, after.Rows[i]); diff != "" {
			t.Errorf("pass %d (-run +extended):\n%s", i, diff)
		}
	}
	fork, err := p.runs.Fork(ctx, id, "1", []config.Setting{{Path: "prune.schedule.target.sparsity", Value: "90%"}}, by)
	if err != nil {
		t.Fatal(err)
	}
	forked, err := p.runs.Result(ctx, fork)
	if err != nil {
		t.Fatal(err)
	}
	if len(forked.Rows) != 2 || forked.Rows[0].Accuracy != before.Rows[1].Accuracy || forked.Rows[0].Size != before.Rows[1].Size || forked.Rows[1].Sparsity < 0.89 {
		t.Errorf("the fork has %+v, want to begin as pass 1, %+v, and to get to 90 %%", forked.Rows, before.Rows[1])
	}
}

// The same of a run whose steps a trainer does.
func TestTrainersRunIsExtendedAndForked(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.workForTrainer(t)
	ctx, by := t.Context(), workflows.Control{Who: "tester"}
	_, id := p.submit(t, trainerSpec)
	before, err := p.runs.Result(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for how, derive := range map[string]func() (string, error){
		"extended": func() (string, error) { return p.runs.Extend(ctx, id, 2, nil, by) },
		"forked":   func() (string, error) { return p.runs.Fork(ctx, id, "1", nil, by) },
	} {
		derived, err := derive()
		if err != nil {
			t.Fatal(how, err)
		}
		after, err := p.runs.Result(ctx, derived)
		if err != nil {
			t.Fatal(how, err)
		}
		shared := before.Rows
		if how == "forked" {
			shared = before.Rows[1:]
		}
		if len(after.Rows) != len(shared)+1 {
			t.Fatalf("the %s run has %d rows, want one more than the %d of before", how, len(after.Rows), len(shared))
		}
		for i, row := range shared {
			if got := after.Rows[i]; got.Checkpoint != row.Checkpoint || got.Size != row.Size || row.Size == 0 || got.Metrics["number"] != row.Metrics["number"] {
				t.Errorf("row %d of the %s run is %+v, want %+v", i, how, got, row)
			}
		}
		if after.Final == before.Final {
			t.Errorf("the %s run ends with the network of before", how)
		}
	}
}
