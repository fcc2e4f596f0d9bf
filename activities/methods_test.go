package activities_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/config"
	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/storetest"
	"espalier/models/prune"
)

// story is the steps of a run, one after the other.
type story struct {
	bench
	t        *testing.T
	prepared activities.PrepareResult
	trained  activities.StepResult
}

var (
	convolutional = config.Network{Arch: "lenet-5", ReLU: true, BatchNorm: true, Width: 0.4}
	fewDigits     = config.Data{Name: "digits", Train: 400, Test: 100}
)

func newStory(t *testing.T, how config.Train) *story {
	t.Helper()
	s := &story{bench: newBench(t), t: t}
	var err error
	s.prepared, err = do[activities.PrepareResult](s.bench, s.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: convolutional, Data: fewDigits, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.trained, err = do[activities.StepResult](s.bench, s.steps.Train, s.training(s.prepared.Checkpoint, how))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *story) training(parent checkpoint.Digest, how config.Train) activities.TrainInput {
	return activities.TrainInput{Head: head("a", parent), Data: fewDigits, DataDigest: s.prepared.DataDigest, Train: how}
}

// pruning asks for half of the multiply-adds.
func (s *story) pruning(parent checkpoint.Digest, p config.Prune) activities.PruneInput {
	return activities.PruneInput{
		Head: head("a", parent), Prune: p, MACs: 0.5, Dense: s.trained.Checkpoint,
		Data: &fewDigits, DataDigest: s.prepared.DataDigest, Draw: true, Seed: 7, Batch: 32,
	}
}

func (s *story) prune(in activities.PruneInput) activities.StepResult {
	s.t.Helper()
	out, err := do[activities.StepResult](s.bench, s.steps.Prune, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *story) network(digest checkpoint.Digest) *models.Network {
	s.t.Helper()
	c, err := s.steps.Repo.Load(s.t.Context(), digest)
	if err != nil {
		s.t.Fatal(err)
	}
	return c.Network
}

// Equal inputs give equal bits in a store that knows nothing of the first time,
// whatever the method looks at; the plan is kept, and so is the comparison.
func TestPruningStepsRepeatToTheBit(t *testing.T) {
	t.Parallel()
	one, other := newStory(t, sgd), newStory(t, sgd)
	for _, method := range prune.Methods() {
		about, err := prune.Describe(method)
		if err != nil {
			t.Fatal(err)
		}
		p := config.Prune{Method: method, Granularity: prune.GranularityChannel, Scope: about.Scopes[0], Constants: about.Constants, Samples: 300}
		if method == "han" || method == "lottery" {
			continue // of weights alone: TestStepsFromTheInitialNetworkToItsNumbers
		}
		first := one.prune(one.pruning(one.trained.Checkpoint, p))
		second := other.prune(other.pruning(other.trained.Checkpoint, p))
		if first.Checkpoint != second.Checkpoint || first.Key != second.Key || first.Reused {
			t.Errorf("%s: once %+v, again %+v", method, first, second)
		}
		if m := first.Metrics; m[activities.MetricProbeN] != 64 || m[activities.MetricProbeGap] > 1e-5 {
			t.Errorf("%s: the smaller network against the masked one: %v", method, m)
		}
		result, err := one.steps.Repo.Result(t.Context(), first.Key)
		if err != nil {
			t.Fatal(err)
		}
		var plan prune.Plan
		if err := json.Unmarshal(result.Detail, &plan); err != nil || plan.Channels == nil || plan.Channels.Values != nil {
			t.Errorf("%s: the plan that is kept is %s, %v", method, result.Detail, err)
		}
	}
}

// A step that reads a second checkpoint says which one was lost.
func TestLostDenseNetworkIsNamed(t *testing.T) {
	t.Parallel()
	s := newStory(t, sgd)
	in := s.pruning(s.prepared.Checkpoint, config.Prune{Method: "filter-norm", Scope: "layer", Granularity: "channel"})
	if err := storetest.Flip(t.Context(), s.steps.Repo.Store, checkpoint.CheckpointKey(s.trained.Checkpoint), int(s.trained.Size)/2); err != nil {
		t.Fatal(err)
	}
	_, err := do[activities.StepResult](s.bench, s.steps.Prune, in)
	var app *temporal.ApplicationError
	var digest string
	if !errors.As(err, &app) || app.Type() != activities.FailureParentLost || app.Details(&digest) != nil || digest != string(s.trained.Checkpoint) {
		t.Errorf("error %v names %q, want the dense network %s lost", err, digest, s.trained.Checkpoint)
	}
}

// What ISTA pulls to 0 goes without a trace; what it sends stays.
func TestISTALeavesNothingButConstants(t *testing.T) {
	t.Parallel()
	how := sgd
	how.Epochs, how.Optimizer.SGD = 6, &config.SGD{LR: 0.05}
	s := newStory(t, how)
	how.ISTA = &config.ISTA{Rho: 0.5, Alpha: 0.5}
	pulled, err := do[activities.StepResult](s.bench, s.steps.Sparsify, s.training(s.trained.Checkpoint, how))
	if err != nil {
		t.Fatal(err)
	}
	zeros := 0
	for _, p := range s.network(pulled.Checkpoint).Params {
		for _, v := range p.Data {
			if p.Role == models.RoleGamma && v == 0 {
				zeros++
			}
		}
	}
	if zeros == 0 {
		t.Fatal("no scale is 0, so the test shows nothing")
	}
	in := s.pruning(pulled.Checkpoint, config.Prune{Method: "ista", Scope: "global", Granularity: "channel", Constants: "absorb"})
	in.MACs = 0
	pruned := s.prune(in)
	accuracy := func(of activities.StepResult) float64 {
		out, err := do[activities.StepResult](s.bench, s.steps.Evaluate, activities.EvaluateInput{Head: head("a", of.Checkpoint), Data: fewDigits, DataDigest: s.prepared.DataDigest})
		if err != nil {
			t.Fatal(err)
		}
		return out.Metrics[activities.MetricTestLoss]
	}
	// LeNet-5 pads nothing, so absorbing is exact.
	if before, after := accuracy(pulled), accuracy(pruned); before-after > 1e-4 || after-before > 1e-4 {
		t.Errorf("%d scales of 0 are gone: the loss was %g and is %g", zeros, before, after)
	}
	if before, after := len(s.network(pulled.Checkpoint).Param("fc1.weight").Data), len(s.network(pruned.Checkpoint).Param("fc1.weight").Data); after >= before {
		t.Errorf("fc1 had %d weights and has %d", before, after)
	}
}

func TestTicketsAreRewound(t *testing.T) {
	t.Parallel()
	s := newStory(t, sgd)
	early := s.training(s.prepared.Checkpoint, sgd)
	early.Until = 1
	first, err := do[activities.StepResult](s.bench, s.steps.Train, early)
	if err != nil {
		t.Fatal(err)
	}
	if first.Checkpoint == s.trained.Checkpoint || first.Reused {
		t.Fatalf("after one of two epochs the network is %+v", first)
	}
	pruned := s.prune(activities.PruneInput{Head: head("a", s.trained.Checkpoint), Prune: config.Prune{Method: "lottery", Scope: "layer"}, Sparsity: 0.6, Early: first.Checkpoint})
	from := s.network(first.Checkpoint)
	for _, p := range s.network(pruned.Checkpoint).Params {
		for i, v := range p.Data {
			want := from.Param(p.Name).Data[i]
			if p.Mask != nil && !p.Mask[i] {
				want = 0
			}
			if v != want {
				t.Fatalf("%s: element %d is %g, was %g early", p.Name, i, v, want)
			}
		}
	}
}

func TestTeachersAndRecalibrationCount(t *testing.T) {
	t.Parallel()
	s := newStory(t, sgd)
	p := config.Prune{Method: "filter-norm", Scope: "layer", Granularity: "channel"}
	plain := s.prune(s.pruning(s.trained.Checkpoint, p))
	p.Recalibrate = 5
	again := s.prune(s.pruning(s.trained.Checkpoint, p))
	a, b := s.network(plain.Checkpoint), s.network(again.Checkpoint)
	if cmp.Equal(a.Param("conv2.bn.mean").Data, b.Param("conv2.bn.mean").Data) || !cmp.Equal(a.Param("conv2.weight").Data, b.Param("conv2.weight").Data) {
		t.Error("recalibration leaves the statistics, or moves weights")
	}
	how := sgd
	how.Distill = &config.Distill{Weight: 0.9, Temperature: 4}
	in := s.training(plain.Checkpoint, how)
	in.Teacher = s.trained.Checkpoint
	taught, err := do[activities.StepResult](s.bench, s.steps.Finetune, in)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := do[activities.StepResult](s.bench, s.steps.Finetune, s.training(plain.Checkpoint, sgd))
	if err != nil {
		t.Fatal(err)
	}
	if taught.Checkpoint == alone.Checkpoint || taught.Key == alone.Key {
		t.Error("a teacher makes no difference")
	}
}

// A budget of time is held by measuring.
func TestLatencyBudget(t *testing.T) {
	t.Parallel()
	s := newStory(t, sgd)
	in := s.pruning(s.trained.Checkpoint, config.Prune{Method: "filter-norm", Scope: "layer", Granularity: "channel"})
	in.MACs, in.Latency = 0, 0.3
	pruned := s.prune(in)
	if before, after := s.network(s.trained.Checkpoint).Param("conv2.weight").Shape[0], s.network(pruned.Checkpoint).Param("conv2.weight").Shape[0]; after >= before {
		t.Errorf("conv2 had %d filters and has %d", before, after)
	}
}
