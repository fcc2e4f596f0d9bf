package runs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workers/standing"
	"espalier/workflows"
)

// silent is a server that never tells how a workflow is.
type silent struct{ client.Client }

func (silent) DescribeWorkflowExecution(ctx context.Context, _, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

const twoTrials = `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}}
sweep: {search: grid, params: {train.seed: [1, 2]}, concurrency: 1}
durability: {heartbeat_timeout: 10m} # those that are held say nothing
`

// What a worker wrote down of a sweep is shown while the server is busy and
// while no worker is there, but not of another life of the sweep.
func TestSweepIsSeenAsItWasWrittenDown(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	l.began, l.hold = make(chan string), make(chan struct{})
	leave, err := l.serve(1, l.keep, l.step)
	if err != nil {
		t.Fatal(err)
	}
	id := l.submit(t, specOf(t, "written", twoTrials))
	<-l.began
	l.hold <- struct{}{}
	<-l.began // the first trial has ended
	const soon, patient = time.Millisecond, time.Minute
	asWritten := func(v *runs.View, err error) bool {
		return err == nil && v.ID == id && v.Kind == runs.KindSweep && v.State == workflows.StateRunning && !v.AsOf.IsZero() && time.Since(v.AsOf) < time.Minute &&
			v.Sweep != nil && v.Sweep.Ended == 1 && v.Sweep.Live == 1 && len(v.Sweep.Trials) == 2 &&
			v.Summary.Pass == 1 && v.Summary.Passes == 2 && !v.Started.IsZero() && v.Life != ""
	}
	busy := *l.Client
	busy.Temporal = silent{l.Temporal}
	until(t, "a busy server's sweep is shown as it was written down", func() bool { return asWritten(busy.Glance(ctx, id, soon)) })
	until(t, "so is its status", func() bool { return asWritten(busy.Status(ctx, id, soon)) })
	if v, err := l.Glance(ctx, id, patient); err != nil || v.Sweep == nil || !v.AsOf.IsZero() {
		t.Errorf("%+v, %v; want what the worker answers", v, err)
	}
	if err := l.Pause(ctx, id, workflows.Control{Who: "me"}); err != nil {
		t.Fatal(err)
	}
	until(t, "a sweep that was just paused", func() bool {
		v, err := l.Status(ctx, id, 0)
		if err != nil || !v.AsOf.IsZero() || len(v.Log) != 1 {
			t.Fatalf("%+v, %v; want what the worker answers, with the pause", v, err)
		}
		return v.State == workflows.StatePaused
	})
	if err := l.Resume(ctx, id, workflows.Control{Who: "me"}); err != nil {
		t.Fatal(err)
	}

	leave()
	if v, err := l.Glance(ctx, id, patient); !asWritten(v, err) {
		t.Errorf("without a worker it is %+v, %v; want it as written down", v, err)
	}

	if err := l.Temporal.TerminateWorkflow(ctx, id, "", "another life"); err != nil {
		t.Fatal(err)
	}
	l.submit(t, specOf(t, "written", twoTrials))
	if v, err := l.Glance(ctx, id, patient); err != nil || v.Sweep != nil || v.State != workflows.StateRunning {
		t.Errorf("begun anew without a worker it is %+v, %v; want no trials", v, err)
	}
	if err := errors.Join(l.Discard(ctx, id, workflows.Control{Who: "me"}), runs.DropRecords(ctx, l.repo.Store, id)); err != nil {
		t.Fatal(err)
	}
	if _, err := standing.Read(ctx, l.repo, id); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("of a sweep that was discarded there is still %v", err)
	}
	close(l.hold)
}

func TestEndedSweepLeavesNothingWrittenDown(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	l.began, l.hold = make(chan string), make(chan struct{})
	l.work(t, 1)
	id := l.submit(t, specOf(t, "unwritten", twoTrials))
	<-l.began
	until(t, "it is written down", func() bool { _, err := standing.Read(ctx, l.repo, id); return err == nil })
	l.hold <- struct{}{}
	<-l.began
	l.hold <- struct{}{}
	if _, err := l.Sweep(ctx, id); err != nil {
		t.Fatal(err)
	}
	until(t, "it is removed", func() bool { _, err := standing.Read(ctx, l.repo, id); return errors.Is(err, checkpoint.ErrNotFound) })
	if v, err := l.Glance(ctx, id, 0); err != nil || v.State != workflows.StateDone || v.Sweep == nil || v.Sweep.Ended != 2 {
		t.Errorf("%+v, %v; want its result", v, err)
	}
}
