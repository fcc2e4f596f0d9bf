package activities_test

import (
	"testing"

	"espalier/activities"
	"espalier/config"
	"espalier/models"
)

// All steps on a network with batch normalization: trained with everything that
// a spec can ask for, pruned, trained again and measured.
func TestStepsOfAConvolutionalNetwork(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	small := config.Data{Name: "digits", Train: 150, Test: 60, Validation: 30, Augment: config.Augment{Shift: 2, Flip: true}}
	how := sgd
	how.LabelSmoothing, how.EMA, how.L1, how.EvaluateEvery = 0.1, 0.9, config.Penalty{Gamma: 1e-4}, 1
	prepared, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{
		Head: head("a", ""), Network: config.Network{Arch: "resnet-20", Width: 0.25, Shortcut: "B"}, Data: small, Seed: 1,
		Prune: &activities.PruneInput{Prune: config.Prune{Method: "han", Scope: "layer"}, Sparsity: 0.5},
	})
	if err != nil {
		t.Fatal(err)
	}
	trained, err := do[activities.StepResult](b, b.steps.Train, activities.TrainInput{Head: head("a", prepared.Checkpoint), Data: small, DataDigest: prepared.DataDigest, Train: how})
	if err != nil {
		t.Fatal(err)
	}
	if curve := b.curveOf(t, trained.Key); curve.Split != "validation" || len(curve.Points) != how.Epochs {
		t.Errorf("curve %+v, want a point on the validation samples after each of %d epochs", curve, how.Epochs)
	}
	pruned, err := do[activities.StepResult](b, b.steps.Prune, activities.PruneInput{
		Head: head("a", trained.Checkpoint), Prune: config.Prune{Method: "han", Scope: "layer"}, Sparsity: 0.5,
	})
	if err != nil {
		t.Fatal(err)
	}
	tuned, err := do[activities.StepResult](b, b.steps.Finetune, activities.TrainInput{Head: head("a", pruned.Checkpoint), Data: small, DataDigest: prepared.DataDigest, Train: how})
	if err != nil {
		t.Fatal(err)
	}
	measured, err := do[activities.StepResult](b, b.steps.Evaluate, activities.EvaluateInput{Head: head("a", tuned.Checkpoint), Data: small, DataDigest: prepared.DataDigest})
	if err != nil {
		t.Fatal(err)
	}
	m := measured.Metrics
	if m[activities.MetricSparsity] < 0.49 || m[activities.MetricTestN] != 60 || m[activities.MetricTestAcc] == 0 || m[activities.MetricValAcc] == 0 {
		t.Errorf("metrics %v, want half of the weights gone and both accuracies", m)
	}
	result, err := b.steps.Repo.Load(t.Context(), tuned.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range result.Network.Params {
		if p.Role == models.RoleVariance && p.Data[0] == 1 {
			t.Errorf("%s has not moved", p.Name)
		}
	}
}

// Batch normalization of one value has no variance. The run ends with one
// error, before any training, and is not tried again.
func TestALastBatchOfOneIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	of := config.Data{Name: "digits", Train: 65, Test: 10}
	for name, c := range map[string]struct {
		network config.Network
		batch   int
		refused bool
	}{
		"one left":    {config.Network{Arch: "mlp", Hidden: []int{4}, BatchNorm: true}, 64, true},
		"always one":  {config.Network{Arch: "mlp", Hidden: []int{4}, BatchNorm: true}, 1, true},
		"two left":    {config.Network{Arch: "mlp", Hidden: []int{4}, BatchNorm: true}, 63, false},
		"all at once": {config.Network{Arch: "mlp", Hidden: []int{4}, BatchNorm: true}, 65, false},
		"without":     {config.Network{Arch: "mlp", Hidden: []int{4}}, 64, false},
		"images":      {config.Network{Arch: "resnet-20", Width: 0.01}, 64, false},
	} {
		prepared, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: c.network, Data: of, Seed: 1})
		if err != nil {
			t.Fatal(name, err)
		}
		how := sgd
		how.Batch, how.Epochs = c.batch, 1
		_, err = do[activities.StepResult](b, b.steps.Train, activities.TrainInput{Head: head("a", prepared.Checkpoint), Data: of, DataDigest: prepared.DataDigest, Train: how})
		if c.refused {
			wantInput(t, err, "batch normalization bn1 needs 2 values of each channel")
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
