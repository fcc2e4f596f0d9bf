package main

import (
	"testing"

	"espalier/workers"
)

// TestRecordHistoriesOfSweeps writes those of sweeps and their trials, beside
// the ones of TestRecordHistories. The histories without "lean" in their names
// are of trials that told of their end by a signal, and stay as they are.
func TestRecordHistoriesOfSweeps(t *testing.T) {
	if !*recordHistories {
		t.Skip("records only with -record-histories")
	}
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 2})

	_, id := p.submit(t, sixTrials)
	p.end(t, id)
	p.record(t, id, "sweep-lean")
	p.record(t, id+"-1", "sweep-trial-lean")

	_, id = p.submit(t, halvingSpec)
	p.end(t, id)
	p.record(t, id, "sweep-halving-lean")

	_, id = p.submit(t, toldSpec)
	p.end(t, id)
	p.record(t, id, "sweep-told-lean")
	p.record(t, id+"-3", "sweep-trial-halted-lean")

	first, last := p.cut(t, sixTrials, "cut")
	p.recordOf(t, "cut", first, "sweep-continued-lean")
	p.recordOf(t, "cut", last, "sweep-adopting-lean")
}
