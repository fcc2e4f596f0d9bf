package runs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"espalier/activities"
	"espalier/config"
	"espalier/workers/runs"
	"espalier/workflows"
)

const plainRun = "train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 1}\n"

// watched looks until a look tells of what is waited for.
func watched(t *testing.T, w *runs.Watch, what string, found func(runs.Change) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		c, err := w.Look(ctx)
		if err != nil {
			t.Fatalf("no look tells that %s: %v", what, err)
		}
		if found(c) {
			return
		}
	}
}

// as says that a run is told of in a state.
func as(id, state string) func(runs.Change) bool {
	return func(c runs.Change) bool {
		return slices.ContainsFunc(c.Changed, func(v runs.View) bool { return v.ID == id && v.State == state })
	}
}

// ended waits for a run's end without a look, so that looks take nothing of the
// server's time meanwhile.
func ended(t *testing.T, l *lab, id string) {
	t.Helper()
	if _, err := l.Result(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

func TestAWatchTellsWhatChanges(t *testing.T) {
	l, by := newLab(t), workflows.Control{Who: "ann@desk"}
	old := l.submit(t, specOf(t, "watched-old", plainRun))
	w := &runs.Watch{Client: l.Client}
	watched(t, w, "a run from before is there", as(old, workflows.StateRunning))
	for !w.Listed() {
		if _, err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	id := l.submit(t, specOf(t, "watched", plainRun))
	watched(t, w, "a run began", as(id, workflows.StateRunning))
	must(t, "tag", l.Tag(t.Context(), id, true, []string{"seen"}, by), nil)
	c, err := w.Refresh(t.Context(), id)
	if err != nil || len(c.Changed) != 1 || !slices.Equal(c.Changed[0].Tags, []string{"seen"}) {
		t.Errorf("of a run that was tagged is told %+v, %v", c, err)
	}
	l.work(t, 2)
	ended(t, l, id)
	watched(t, w, "a run ended", as(id, workflows.StateDone))
	if c, err := w.Refresh(t.Context(), id); err != nil || len(c.Changed)+len(c.Gone) != 0 {
		t.Errorf("of a run that is as it was is told %+v, %v", c, err)
	}
	must(t, "discard", l.Discard(t.Context(), id, by), nil)
	if c := w.Forget(id); !slices.Equal(c.Gone, []string{id}) || len(w.Forget(id).Gone) > 0 {
		t.Errorf("of a run that was discarded is told %+v", c)
	}
	// Lists have it for a moment more.
	if c, err := w.Look(t.Context()); err != nil || slices.ContainsFunc(c.Changed, func(v runs.View) bool { return v.ID == id }) {
		t.Errorf("after a run was discarded is told %+v, %v", c, err)
	}
}

// However many histories a sweep has, lists have it once.
func TestListsHaveASweepOfManyHistoriesOnce(t *testing.T) {
	l := newLab(t)
	l.work(t, 2)
	spec := specOf(t, "many-histories", `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 1}
sweep: {search: grid, params: {train.optimizer.sgd.lr: [1, 2, 3, 4, 5, 6]}, concurrency: 1}
`)
	started, err := l.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "many-histories", TaskQueue: activities.QueueRuns},
		workflows.NameSweep, workflows.SweepInput{Spec: *spec, Events: 30})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sweep(t.Context(), started.GetID()); err != nil {
		t.Fatal(err)
	}
	if v, err := l.Look(t.Context(), started.GetID(), false); err != nil || v.Life != started.GetRunID() {
		t.Errorf("after all its histories the sweep's life is %q, %v; want that of the first, %s", v.Life, err, started.GetRunID())
	}
	w := &runs.Watch{Client: l.Client}
	watched(t, w, "the sweep ended", as(started.GetID(), workflows.StateDone))
	all, err := l.List(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(v runs.View) bool { return v.ID != started.GetID() })
	if len(all) != 1 || all[0].State != workflows.StateDone {
		t.Errorf("the list has %+v, want the sweep once and done", all)
	}
}

// BenchmarkWatch looks at a thousand runs: all under way, which is the worst.
// It reports what reading the whole list takes, what a look at it takes after
// that, and the processor's time of a look, the server's with it.
func BenchmarkWatch(b *testing.B) {
	const all = 1000
	c, err := startServer(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := c.stop(); err != nil {
			b.Error(err)
		}
	}()
	for i := range all {
		spec, err := config.Parse("x.yaml", fmt.Appendf(nil, "name: watched\nnetwork: {arch: mlp, hidden: [16]}\ndata: {name: digits, train: 600, test: 200}\n"+
			"train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: %d}\n", i))
		if err == nil {
			_, err = c.Submit(b.Context(), spec)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	w := &runs.Watch{Client: c.Client}
	seen := 0
	began := time.Now()
	for !w.Listed() || seen < all {
		change, err := w.Look(b.Context())
		if err != nil || time.Since(began) > time.Minute {
			b.Fatal(errors.Join(err, fmt.Errorf("%d runs of %d are listed", seen, all)))
		}
		seen += len(change.Changed)
	}
	whole := time.Since(began) // a loop drops what was reported before it
	busy := processorTime(b)
	for b.Loop() {
		if _, err := w.Look(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-busy).Milliseconds())/float64(b.N), "cpu-ms/look")
	b.ReportMetric(float64(whole.Milliseconds()), "whole-list-ms")
}
