package runs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers/local"
	"espalier/workers/runs"
	"espalier/workflows"
)

// lab is a server with a trainer that computes nothing: what is tested is who
// comes when. A learning rate of 9 fails while it is broken.
type lab struct {
	*runs.Client
	broken atomic.Bool
	began  chan string // the runs of trainings in the order of their begin, if it is not nil
	hold   chan struct{}
}

func newLab(t *testing.T) *lab {
	t.Helper()
	stack, err := local.Start(t.Context(), local.Options{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := stack.Endpoint()
	c, err := client.Dial(client.Options{
		HostPort: endpoint.TemporalAddress, Namespace: endpoint.Namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := stack.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	l := &lab{Client: &runs.Client{Temporal: c, Namespace: endpoint.Namespace}}
	l.broken.Store(true)
	return l
}

// work serves the queues until the test ends.
func (l *lab) work(t *testing.T, slots int) {
	t.Helper()
	var names activities.Steps
	decide := worker.New(l.Temporal, activities.QueueRuns, worker.Options{LocalActivityWorkerOnly: true})
	decide.RegisterWorkflowWithOptions(workflows.Run, workflow.RegisterOptions{Name: workflows.NameRun})
	decide.RegisterWorkflowWithOptions(workflows.Sweep, workflow.RegisterOptions{Name: workflows.NameSweep})
	decide.RegisterWorkflowWithOptions(workflows.Trial, workflow.RegisterOptions{Name: workflows.NameTrial})
	decide.RegisterWorkflowWithOptions(workflows.Logbook, workflow.RegisterOptions{Name: workflows.NameLogbook})
	steps := worker.New(l.Temporal, "cpu", worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: slots})
	for _, a := range names.Activities() {
		steps.RegisterActivityWithOptions(func(_ context.Context, in activities.TrainInput) (activities.PrepareResult, error) {
			return l.step(a.Name, in)
		}, activity.RegisterOptions{Name: a.Name})
	}
	for _, w := range []worker.Worker{decide, steps} {
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Stop)
	}
}

func (l *lab) step(name string, in activities.TrainInput) (activities.PrepareResult, error) {
	if name == activities.NameTrain {
		if l.began != nil {
			l.began <- in.Run
			<-l.hold
		}
		if in.Train.Optimizer.SGD.LR == 9 && l.broken.Load() {
			return activities.PrepareResult{}, temporal.NewNonRetryableApplicationError("diverged", "test", nil)
		}
	}
	key := fmt.Sprintf("%064x", 1)
	return activities.PrepareResult{StepResult: activities.StepResult{
		Key: key, Checkpoint: checkpoint.Digest(key), Size: 1, Metrics: map[string]float64{activities.MetricTestAcc: 0.9, activities.MetricTestN: 200},
	}, DataDigest: key}, nil
}

func specOf(t *testing.T, name, text string) *config.Spec {
	t.Helper()
	spec, err := config.Parse("x.yaml", []byte("name: "+name+`
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
`+text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

const (
	failingRun   = "train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 9}}, seed: 1}\n"
	failingSweep = `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 1}
sweep: {search: grid, params: {train.optimizer.sgd.lr: [1, 9, 2]}, concurrency: 1}
`
)

func (l *lab) submit(t *testing.T, spec *config.Spec) string {
	t.Helper()
	id, err := l.Submit(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func must(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// A process can embed one server at a time, so these tests are not parallel.

// What is asked for while nobody works is kept, told, and done once somebody does.
func TestControlsWorkWhileWorkersAreAway(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	id, by := l.submit(t, specOf(t, "swept", failingSweep)), workflows.Control{Who: "ann@desk", Note: "tea"}
	must(t, "pause", l.Pause(ctx, id, by), nil)
	must(t, "pause again", l.Pause(ctx, id, by), runs.ErrNothing)
	must(t, "resume", l.Resume(ctx, id, by), nil)
	must(t, "resume again", l.Resume(ctx, id, by), runs.ErrNothing)
	must(t, "tag", l.Tag(ctx, id, true, []string{"b", "a"}, workflows.Control{Who: "bob@desk"}), nil)
	must(t, "tag again", l.Tag(ctx, id, true, []string{"a"}, by), runs.ErrNothing)
	must(t, "untag", l.Tag(ctx, id, false, []string{"b"}, by), nil)
	must(t, "note", l.Note(ctx, id, "slow disk", by), nil)
	must(t, "note again", l.Note(ctx, id, "slow disk", by), runs.ErrNothing)
	must(t, "tag of nothing", l.Tag(ctx, "nothing", true, []string{"a"}, by), runs.ErrNotFound)
	log, tags, err := l.Log(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range log {
		if e.When.IsZero() {
			t.Errorf("%s has no time", e.What)
		}
		told = append(told, strings.TrimSpace(fmt.Sprint(e.Who, " ", e.What, " ", strings.Join(e.Tags, ","), e.Note)))
	}
	want := []string{"ann@desk pause tea", "ann@desk resume tea", "bob@desk tag b,a", "ann@desk untag btea", "ann@desk note slow disk"}
	if !slices.Equal(told, want) || !slices.Equal(tags, []string{"a"}) {
		t.Errorf("the log is %q with tags %q, want %q and a", told, tags, want)
	}

	l.work(t, 1)
	if r, err := l.Sweep(ctx, id); err != nil || r.Ended != 2 || r.Failures != 1 {
		t.Errorf("the sweep ended with %+v, %v; want 2 trials and 1 that failed", r, err)
	}
	found, err := l.Tagged(ctx, "a", 10)
	if err != nil || len(found) != 1 || found[0].ID != id {
		t.Errorf("tagged a are %+v, %v; want the sweep", found, err)
	}
	if found, err := l.Tagged(ctx, "b", 10); err != nil || len(found) != 0 {
		t.Errorf("tagged b are %+v, %v; want none", found, err)
	}
}

func TestWhatFailedIsTriedAgain(t *testing.T) {
	l, ctx, by := newLab(t), t.Context(), workflows.Control{Who: "ann@desk"}
	l.work(t, 1)
	run, sweep := l.submit(t, specOf(t, "run", failingRun)), l.submit(t, specOf(t, "swept", failingSweep))
	if _, err := l.Result(ctx, run); err == nil {
		t.Error("the run did not fail")
	}
	if r, err := l.Sweep(ctx, sweep); err != nil || r.Failures != 1 {
		t.Fatalf("%+v, %v; want a trial that failed", r, err)
	}
	must(t, "change of what has ended", l.Change(ctx, sweep, workflows.ChangeAsk{Priority: 1}), runs.ErrEnded)
	_, err := l.Retry(ctx, sweep, by, 0)
	must(t, "retry of a trial that is done", err, runs.ErrNothing)
	_, err = l.Retry(ctx, run, by, 1)
	must(t, "retry of a trial of a run", err, runs.ErrNoTrials)
	l.broken.Store(false)
	for _, id := range []string{run, sweep + "-1"} {
		of, err := l.Retry(ctx, id, by)
		must(t, "retry "+id, err, nil)
		if want := strings.TrimSuffix(id, "-1"); of != want {
			t.Errorf("retry of %s goes on as %s, want %s", id, of, want)
		}
	}
	if _, err := l.Result(ctx, run); err != nil {
		t.Error(err)
	}
	r, err := l.Sweep(ctx, sweep)
	if err != nil || r.Ended != 3 || r.Failures != 0 || len(r.Trials) != 3 || r.Trials[1].State != workflows.StateDone {
		t.Errorf("%+v, %v; want 3 trials that are done", r, err)
	}
	for _, id := range []string{run, sweep} {
		_, err := l.Retry(ctx, id, by)
		must(t, "retry of what is done", err, runs.ErrNothing)
		if log, _, err := l.Log(ctx, id); err != nil || len(log) != 1 || log[0].What != workflows.SignalRetry {
			t.Errorf("the log of %s is %+v, %v; want one retry", id, log, err)
		}
	}
}
