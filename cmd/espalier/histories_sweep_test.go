package main

import (
	"fmt"
	"testing"

	"go.temporal.io/api/enums/v1"

	"espalier/workers"
)

// TestRecordHistoriesOfSweeps writes those of sweeps and their trials, beside
// the ones of TestRecordHistories. The histories without "lean" in their names
// are of trials that told of their end by a signal, and those with it that go on
// from others of sweeps that had all trials answer at once; both stay as they are.
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
	p.recordOf(t, "cut", first, "sweep-continued-hushed")
	p.recordOf(t, "cut", last, "sweep-adopting-hushed")
	p.record(t, p.silent(t, "cut", 6), "sweep-trial-hushed")
}

// silent finds a trial that held its news back while its sweep continued as new.
func (p *inProcess) silent(t *testing.T, sweep string, trials int) (id string) {
	t.Helper()
	for n := range trials {
		id := fmt.Sprint(sweep, "-", n)
		events := p.temporal.GetWorkflowHistory(t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			if e.GetEventType() == enums.EVENT_TYPE_TIMER_STARTED {
				return id
			}
		}
	}
	t.Fatal("no trial held its news back; record again")
	return ""
}
