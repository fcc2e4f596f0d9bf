//go:build long

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"espalier/workers"
)

func TestKilledTwentyFiveTimes(t *testing.T) {
	spec := strings.NewReplacer("train: 6000", "train: 30000", "epochs: 12", "epochs: 40", "epochs: 6", "epochs: 20").Replace(smallSpec)
	l := newLab(t, spec)
	p := start(t, "verify-resume", l.spec, "--kills", "25", "--seed", "1", "--json")
	select {
	case <-p.ended:
	case <-time.After(30 * time.Minute):
		t.Fatal("verify-resume does not end")
	}
	var found verification
	if err := json.Unmarshal(p.out.Bytes(), &found); err != nil {
		t.Fatalf("%v\n%s", err, p.errs.Bytes())
	}
	t.Logf("%+v", found)
	if !found.Same || p.ProcessState.ExitCode() != 0 {
		t.Errorf("killed %d times the run ended with %q, uninterrupted with %q: %s", found.Kills, found.Interrupted, found.Uninterrupted, p.errs.Bytes())
	}
	if found.Kills < 25 {
		t.Errorf("the run was done after %d kills; make the spec longer", found.Kills)
	}
}

// A run of many passes must not outgrow Temporal's history.
func TestManyPassesContinueAsNew(t *testing.T) {
	const passes = 450
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu"})
	_, id := p.submit(t, strings.Replace(tinySpec, "passes: 2", "passes: 450", 1))
	first, err := p.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	result, err := p.runs.Result(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Rows) != passes+1 {
		t.Errorf("%d rows, want %d", len(result.Rows), passes+1)
	}
	last, err := p.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	if last.GetWorkflowExecutionInfo().GetExecution().GetRunId() == first.GetWorkflowExecutionInfo().GetExecution().GetRunId() {
		t.Error("the run never continued as new")
	}
	t.Logf("the last part has %d events", last.GetWorkflowExecutionInfo().GetHistoryLength())
}
