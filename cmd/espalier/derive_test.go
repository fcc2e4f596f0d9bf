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
	if len(forked.Rows) != 2 || forked.Rows[0].Accuracy != before.Rows[1].Accuracy || forked.Rows[1].Sparsity < 0.89 {
		t.Errorf("the fork has %+v, want to begin as pass 1, %+v, and to get to 90 %%", forked.Rows, before.Rows[1])
	}
}
