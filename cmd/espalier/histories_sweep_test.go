package main

import (
	"testing"

	"espalier/workers"
)

// TestRecordHistoriesOfSweeps writes those of sweeps and their trials, beside
// the ones of TestRecordHistories.
func TestRecordHistoriesOfSweeps(t *testing.T) {
	if !*recordHistories {
		t.Skip("records only with -record-histories")
	}
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 2})

	_, id := p.submit(t, sixTrials)
	p.end(t, id)
	p.record(t, id, "sweep")
	p.record(t, id+"-1", "sweep-trial")

	_, id = p.submit(t, halvingSpec)
	p.end(t, id)
	p.record(t, id, "sweep-halving")

	_, id = p.submit(t, toldSpec)
	p.end(t, id)
	p.record(t, id, "sweep-told")
	p.record(t, id+"-3", "sweep-trial-halted")

	first, last := p.cut(t, sixTrials, "cut")
	p.recordOf(t, "cut", first, "sweep-continued")
	p.recordOf(t, "cut", last, "sweep-adopting")
}
