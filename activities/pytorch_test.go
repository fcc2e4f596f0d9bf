package activities_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/activities/trainer"
	"espalier/config"
	"espalier/models/checkpoint"
)

// python is the one that Debian's python3-torch is for.
const python = "/usr/bin/python3"

// newPyTorchBench allows examples/pytorch as the trainer pytorch.
func newPyTorchBench(t *testing.T) bench {
	t.Helper()
	if err := exec.Command(python, "-c", "import torch").Run(); err != nil {
		t.Skipf("%s has no torch: %v", python, err)
	}
	script, err := filepath.Abs("../examples/pytorch/trainer.py")
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.env.SetTestTimeout(5 * time.Minute)
	b.steps.WorkDir = t.TempDir()
	b.steps.LeaveWithin = time.Minute
	b.steps.Trainers = map[string]trainer.Command{"pytorch": {Name: "pytorch", Args: []string{python, "-B", script}, Log: io.Discard}}
	return b
}

func (b bench) pytorch(t *testing.T, kind string, parent checkpoint.Digest, target float64, params string) activities.StepResult {
	t.Helper()
	out, err := do[activities.StepResult](b, b.steps.External, pytorchInput(kind, parent, target, params))
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return out
}

func pytorchInput(kind string, parent checkpoint.Digest, target float64, params string) activities.ExternalInput {
	in := activities.ExternalInput{
		Head: head("a", parent), Kind: kind, Trainer: "pytorch", Seed: 7, Target: target, Attempts: 1, Silence: config.Duration(2 * time.Minute),
		Params: config.Params(fmt.Sprintf(`{"channels":[4,8],"device":"cpu","epochs":3,"lr":0.1,"test_images":300,"train_images":900%s}`, params)),
	}
	in.Durability.CheckpointEvery = config.Duration(time.Hour)
	return in
}

// A training in PyTorch that is told to leave in its middle, and goes on in a
// new process, ends with the bits of one that is not: the weights, the running
// statistics, and so the momentum, the noise and the dropout on the way.
func TestPyTorchResumesWithTheSameBits(t *testing.T) {
	t.Parallel()
	calm := newPyTorchBench(t)
	want := calm.pytorch(t, config.ExecTrain, "", 0, "")

	b := newPyTorchBench(t)
	stop, once := make(chan struct{}), sync.Once{}
	b.env.SetWorkerStopChannel(stop)
	command := b.steps.Trainers["pytorch"]
	command.Log = writerFunc(func(line []byte) {
		if bytes.Contains(line, []byte("epoch 1:")) {
			once.Do(func() { close(stop) })
		}
	})
	b.steps.Trainers["pytorch"] = command
	_, err := do[activities.StepResult](b, b.steps.External, pytorchInput(config.ExecTrain, "", 0, ""))
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.FailureDrained {
		t.Fatalf("%v, want it drained after the first epoch", err)
	}
	b.env.SetWorkerStopChannel(make(chan struct{}))
	got := b.pytorch(t, config.ExecTrain, "", 0, "")
	opened := 0
	for e, err := range b.steps.Repo.History(t.Context(), got.Key) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == checkpoint.EntryOpen && e.From != nil && e.From.Epoch >= 1 {
			opened++
		}
	}
	if got.Checkpoint != want.Checkpoint || opened != 1 {
		t.Errorf("resumed %s (%d times from a checkpoint), uninterrupted %s", got.Checkpoint, opened, want.Checkpoint)
	}
}

func TestPyTorchPrunesFinetunesAndEvaluates(t *testing.T) {
	t.Parallel()
	b := newPyTorchBench(t)
	dense := b.pytorch(t, config.ExecTrain, "", 0, "")
	const weights = 3*3*4 + 3*3*4*8 + 10*8*16
	masked := b.pytorch(t, config.ExecPrune, dense.Checkpoint, 0.8, `,"method":"magnitude"`).Metrics
	if masked[activities.MetricWeights] != weights || math.Abs(masked[activities.MetricSparsity]-0.8) > 0.001 {
		t.Errorf("magnitude: %v, want %d weights, 80 %% of them zero", masked, weights)
	}
	smaller := b.pytorch(t, config.ExecPrune, dense.Checkpoint, 0.4, `,"method":"filter-norm"`)
	tuned := b.pytorch(t, config.ExecFinetune, smaller.Checkpoint, 0.4, "")
	m := b.pytorch(t, config.ExecEvaluate, tuned.Checkpoint, 0, "").Metrics
	if w := m[activities.MetricWeights]; w > 0.6*weights || w < 0.4*weights || m[activities.MetricSparsity] < 0.4 {
		t.Errorf("filter-norm: %v, want some 60 %% of %d weights", m, weights)
	}
	if m[activities.MetricTestAcc] < 0.6 || m[activities.MetricTestN] != 300 || m[activities.MetricTestLow] >= m[activities.MetricTestAcc] {
		t.Errorf("filter-norm: %v, want an accuracy of 60 %% at least on 300 images; chance is 10 %%", m)
	}
}
