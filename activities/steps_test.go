package activities_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/checkpoint/storetest"
	"espalier/models/engine/gorgonia"
)

// bench is a worker's steps over a real folder and the real engine, run by the
// SDK's activity environment.
type bench struct {
	env   *testsuite.TestActivityEnvironment
	steps *activities.Steps
}

func newBench(t *testing.T) bench {
	t.Helper()
	store, err := dirstore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	engine, err := gorgonia.New(gorgonia.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := bench{steps: &activities.Steps{
		Repo: &checkpoint.Repo{Store: store}, Engine: engine, Worker: "test", Version: "test",
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}
	b.env = (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	b.env.SetTestTimeout(time.Minute)
	for _, a := range b.steps.Activities() {
		b.env.RegisterActivity(a.Do)
	}
	return b
}

// do runs one activity and decodes its result.
func do[R any](b bench, activity, in any) (R, error) {
	var out R
	value, err := b.env.ExecuteActivity(activity, in)
	if err != nil {
		return out, err
	}
	return out, value.Get(&out)
}

func head(run string, parent checkpoint.Digest) activities.Head {
	return activities.Head{Run: run, Parent: parent, Durability: config.Durability{
		CheckpointEvery: config.Duration(100 * time.Millisecond), HeartbeatTimeout: config.Duration(time.Second),
	}}
}

var (
	network = config.Network{Arch: "mlp", Hidden: []int{16}}
	digits  = config.Data{Name: "digits", Train: 600, Test: 200}
	sgd     = config.Train{
		Epochs: 2, Batch: 32, Seed: 1, Schedule: config.Schedule{Kind: "constant"},
		Optimizer: config.Optimizer{SGD: &config.SGD{LR: 0.05, Momentum: 0.9}},
	}
)

func (b bench) prepare(t *testing.T) activities.PrepareResult {
	t.Helper()
	out, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: network, Data: digits, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b bench) train(run string, prepared activities.PrepareResult, how config.Train) (activities.StepResult, error) {
	return do[activities.StepResult](b, b.steps.Train, activities.TrainInput{
		Head: head(run, prepared.Checkpoint), Data: digits, DataDigest: prepared.DataDigest, Train: how,
	})
}

func TestStepsFromTheInitialNetworkToItsNumbers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	trained, err := b.train("a", prepared, sgd)
	if err != nil {
		t.Fatal(err)
	}
	pruned, err := do[activities.StepResult](b, b.steps.Prune, activities.PruneInput{
		Head: head("a", trained.Checkpoint), Prune: config.Prune{Method: "han", Scope: "layer"}, Sparsity: 0.5,
	})
	if err != nil {
		t.Fatal(err)
	}
	measured, err := do[activities.StepResult](b, b.steps.Evaluate, activities.EvaluateInput{Head: head("a", pruned.Checkpoint), Data: digits, DataDigest: prepared.DataDigest})
	if err != nil {
		t.Fatal(err)
	}
	m := measured.Metrics
	if m[activities.MetricSparsity] != 0.5 || m[activities.MetricTestN] != 200 || m[activities.MetricWeights] != 16*(784+10) {
		t.Errorf("metrics %v, want half of 12,704 weights and 200 test images", m)
	}
	if m[activities.MetricTestAcc] < 0.3 {
		t.Errorf("test accuracy %g after training, chance is 0.1", m[activities.MetricTestAcc])
	}
}

func TestFinishedStepIsFoundByWhomeverAsks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	first, err := b.train("a", prepared, sgd)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.train("another run", prepared, sgd)
	if err != nil {
		t.Fatal(err)
	}
	if first.Reused || !again.Reused || again.Checkpoint != first.Checkpoint || again.Key != first.Key {
		t.Errorf("first %+v, again %+v; want the second found under the same key", first, again)
	}
	other := sgd
	other.Epochs = 3
	if third, err := b.train("a", prepared, other); err != nil || third.Reused || third.Key == first.Key {
		t.Errorf("with other settings: %+v, %v; want a step of its own", third, err)
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	hot := sgd
	hot.Optimizer = config.Optimizer{SGD: &config.SGD{LR: 1e20}}
	tests := map[string]struct {
		run  func() error
		kind string
		says string
	}{
		"an input that nobody has": {func() error {
			_, err := b.train("a", activities.PrepareResult{StepResult: activities.StepResult{Checkpoint: checkpoint.DigestOf(nil)}}, sgd)
			return err
		}, activities.FailureParentLost, "not found"},
		"data that changed": {func() error {
			changed := prepared
			changed.DataDigest = strings.Repeat("0", 64)
			_, err := b.train("a", changed, sgd)
			return err
		}, activities.FailureInput, "the files changed"},
		"a learning rate that diverges": {func() error {
			_, err := b.train("a", prepared, hot)
			return err
		}, activities.FailureDiverged, "lower"},
		"data that are not there": {func() error {
			_, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: network, Data: config.Data{Name: "mnist", Path: "/nowhere"}})
			return err
		}, activities.FailureInput, "/nowhere"},
		"a pruning that cannot work": {func() error {
			_, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{
				Head: head("a", ""), Network: network, Data: digits,
				Prune: &activities.PruneInput{Prune: config.Prune{Method: "han", Scope: "layer", Exclude: []string{"fc9"}}, Sparsity: 0.5},
			})
			return err
		}, activities.FailureInput, "fc9"},
	}
	for name, test := range tests {
		err := test.run()
		var app *temporal.ApplicationError
		if !errors.As(err, &app) {
			t.Errorf("%s: %v, want an application error", name, err)
			continue
		}
		if app.Type() != test.kind || !app.NonRetryable() || !strings.Contains(app.Message(), test.says) {
			t.Errorf("%s: kind %q (final: %t) %q, want a final %q that says %q", name, app.Type(), app.NonRetryable(), app.Message(), test.kind, test.says)
		}
	}
}

func TestRecheckMakesADamagedResultAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	first, err := b.train("a", prepared, sgd)
	if err != nil {
		t.Fatal(err)
	}
	if err := storetest.Flip(context.Background(), b.steps.Repo.Store, checkpoint.CheckpointKey(first.Checkpoint), int(first.Size)/2); err != nil {
		t.Fatal(err)
	}
	in := activities.TrainInput{Head: head("a", prepared.Checkpoint), Data: digits, DataDigest: prepared.DataDigest, Train: sgd}
	in.Recheck = true
	again, err := do[activities.StepResult](b, b.steps.Train, in)
	if err != nil {
		t.Fatal(err)
	}
	if again.Reused || again.Checkpoint != first.Checkpoint {
		t.Errorf("made again: %+v, want the bits of %+v computed anew", again, first)
	}
	if _, err := b.steps.Repo.Load(context.Background(), again.Checkpoint); err != nil {
		t.Errorf("the checkpoint made again: %v", err)
	}
}

func TestStoppingWorkerSavesAndHandsBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	stop := make(chan struct{})
	b.env.SetWorkerStopChannel(stop)
	close(stop)
	_, err := b.train("a", prepared, sgd)
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.FailureDrained || app.NonRetryable() {
		t.Fatalf("a step on a stopping worker: %v, want it drained and tried again", err)
	}
}

// Checkpoints are taken beside the training and must not touch its bits.
func TestCheckpointsDoNotChangeTheResult(t *testing.T) {
	t.Parallel()
	long := sgd
	long.Epochs = 300
	train := func(every time.Duration) (activities.StepResult, int) {
		b := newBench(t)
		prepared := b.prepare(t)
		in := activities.TrainInput{Head: head("a", prepared.Checkpoint), Data: digits, DataDigest: prepared.DataDigest, Train: long}
		in.Durability.CheckpointEvery = config.Duration(every)
		out, err := do[activities.StepResult](b, b.steps.Train, in)
		if err != nil {
			t.Fatal(err)
		}
		saved := 0
		for e, err := range b.steps.Repo.History(context.Background(), out.Key) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == checkpoint.EntryCheckpoint {
				saved++
			}
		}
		return out, saved
	}
	often, many := train(5 * time.Millisecond)
	never, none := train(time.Hour)
	if often.Checkpoint != never.Checkpoint || often.Key != never.Key {
		t.Errorf("with %d checkpoints on the way %s, with none %s", many, often.Checkpoint, never.Checkpoint)
	}
	if many == 0 || none != 0 {
		t.Errorf("%d and %d checkpoints on the way, want some and none", many, none)
	}
}
