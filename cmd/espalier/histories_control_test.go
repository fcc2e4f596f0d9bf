package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"espalier/workers"
	"espalier/workflows"
	"espalier/workflows/search"
)

// TestRecordHistoriesOfControls writes those of what persons do to runs and
// sweeps, and of the logbook that tells of it.
func TestRecordHistoriesOfControls(t *testing.T) {
	if !*recordHistories {
		t.Skip("records only with -record-histories")
	}
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 2})
	ctx, by := t.Context(), workflows.Control{Who: "ann@desk", Note: "by hand"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	training := func(id string) {
		eventually(t, "training", func() bool {
			v, err := p.runs.Look(ctx, id, false)
			return err == nil && v.Step != nil && v.Step.Activity == "Train" && !v.Step.Waiting
		})
	}

	_, run := p.submit(t, strings.NewReplacer("epochs: 2", "epochs: 2000", "name: tiny", "name: changed").Replace(tinySpec))
	training(run)
	must(p.runs.Change(ctx, run, workflows.ChangeAsk{Control: by, Priority: 1}))
	must(p.runs.Cancel(ctx, run, by))
	p.end(t, run)
	p.record(t, run, "changed")

	_, sweep := p.submit(t, strings.Replace(sixTrials, "epochs: 2,", "epochs: 100,", 1))
	training(sweep + "-0")
	one := 1
	must(p.runs.Change(ctx, sweep, workflows.ChangeAsk{Control: by, Change: search.Change{Concurrency: &one}, Priority: 2}))
	must(p.runs.Pause(ctx, sweep, by))
	must(p.runs.Note(ctx, sweep, "a slow disk", by))
	must(p.runs.Tag(ctx, sweep, true, []string{"baseline"}, by))
	must(p.runs.Resume(ctx, sweep, by))
	p.end(t, sweep)
	p.record(t, sweep, "sweep-controlled")
	p.record(t, workflows.LogbookID(sweep), "logbook")

	_, failing := p.submit(t, toldSpec)
	p.end(t, failing)
	_, err := p.runs.Retry(ctx, failing, by)
	must(err)
	p.end(t, failing)
	p.record(t, failing, "sweep-retried")
}

// TestRecordHistoriesOfALostWorker writes that of a run that was paused when the
// worker of its step was gone already.
func TestRecordHistoriesOfALostWorker(t *testing.T) {
	if !*recordHistories {
		t.Skip("records only with -record-histories")
	}
	l := newLab(t, smallSpec)
	id := l.pausedAfterLoss(t)
	command(t, l.args("resume", id)...)
	start(t, l.args("worker")...)
	l.result(t, start(t, l.args("watch", id, "--json", "--progress", "none")...))
	c, err := (&app{home: l.home, identity: workers.Identity(time.Now()), log: slog.New(slog.DiscardHandler)}).connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	(&inProcess{connection: c}).record(t, id, "paused-lost")
}
