package main

import (
	"strings"
	"testing"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers"
	"espalier/workflows"
	"espalier/workflows/search"
)

// Two runs that share their dense training train it once, though both are
// under way at the same time.
func TestRunsShareTheirSteps(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 2})
	spec := strings.Replace(smallSpec, "passes: 3", "passes: 1", 1)
	one, first := p.submit(t, spec)
	other, second := p.submit(t, strings.Replace(spec, "sparsity: 90%", "sparsity: 80%", 1))
	if first == second {
		t.Fatalf("both specs are run %s", first)
	}
	for _, id := range []string{first, second} {
		result, err := p.runs.Result(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Rows) != 2 {
			t.Errorf("%s has %d rows, want 2", id, len(result.Rows))
		}
	}
	repo, trained, all := &checkpoint.Repo{Store: p.store}, 0, 0
	for info, err := range p.store.List(t.Context(), "steps/") {
		if err != nil {
			t.Fatal(err)
		}
		all++
		key := strings.TrimSuffix(strings.TrimPrefix(info.Key, "steps/"), ".json")
		result, err := repo.Result(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if result.Kind != "Train" {
			continue
		}
		for _, e := range entries(t, repo, key) {
			if e.Kind == checkpoint.EntryOpen {
				trained++
			}
		}
	}
	if trained != 1 {
		t.Errorf("the dense network was trained %d times, want once", trained)
	}
	// What is shared was known before.
	tree := &search.Tree{}
	for i, spec := range []*config.Spec{one, other} {
		links, err := workflows.TrialSteps(spec)
		if err != nil {
			t.Fatal(err)
		}
		tree.Add(i, links)
	}
	if len(tree.Steps) != all {
		t.Errorf("%d distinct steps were foreseen, the store has %d", len(tree.Steps), all)
	}
}
