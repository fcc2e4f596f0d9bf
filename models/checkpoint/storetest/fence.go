package storetest

import (
	"errors"
	"testing"
	"time"

	"espalier/models"
	"espalier/models/checkpoint"
)

// Network is a small valid network for tests: two inputs, one output, its
// weights equal to value.
func Network(value float32) *models.Network {
	return &models.Network{
		Name: "tiny", Input: models.Shape{2},
		Nodes: []models.Node{
			{Name: "input", Op: models.OpInput},
			{Name: "fc", Op: models.OpLinear, Inputs: []string{"input"}, Attrs: models.Attrs{Out: 1}},
		},
		Params: []*models.Param{
			{Name: "fc.weight", Node: "fc", Role: models.RoleWeight, Shape: models.Shape{1, 2}, Data: []float32{value, value}},
			{Name: "fc.bias", Node: "fc", Role: models.RoleBias, Shape: models.Shape{1}, Data: []float32{value}},
		},
	}
}

// Midway is a checkpoint of [Network] in the middle of training, after so many
// optimizer steps.
func Midway(step int64) *checkpoint.Checkpoint {
	return &checkpoint.Checkpoint{
		Network: Network(float32(step)),
		Training: &checkpoint.Training{
			Cursor:  checkpoint.Cursor{Batch: int(step), Step: step, LossSum: 1 / float64(step)},
			Numbers: checkpoint.Numbers{"sgd/step": float64(step)},
			Tensors: map[string][]float32{"momentum/fc.weight": {1, 2}},
		},
	}
}

// Attempt is an attempt by a worker whose clock stands still.
func Attempt(worker string) checkpoint.Attempt {
	return checkpoint.Attempt{Owner: "run of " + worker, Worker: worker, Version: "test", Now: func() time.Time { return time.Unix(1_700_000_000, 0) }}
}

// fence lets one attempt overtake another on the store itself.
func fence(t *testing.T, s checkpoint.Store) {
	ctx, repo := t.Context(), &checkpoint.Repo{Store: s}
	step, err := checkpoint.StepKey(checkpoint.StepInput{Kind: "train", Seed: 1, Engine: "test/1"})
	if err != nil {
		t.Fatal(err)
	}
	open := func(worker string) *checkpoint.Opened {
		t.Helper()
		opened, err := repo.Open(ctx, step, Attempt(worker))
		if err != nil {
			t.Fatalf("Open by %s = %v", worker, err)
		}
		return opened
	}
	first := open("first")
	if _, err := first.Journal.Commit(ctx, Midway(1), nil); err != nil {
		t.Fatal(err)
	}
	second := open("second")
	if second.From == nil || second.From.Training.Cursor.Step != 1 {
		t.Fatalf("the second attempt goes on from %+v, want step 1", second.From)
	}
	if _, err := first.Journal.Commit(ctx, Midway(2), nil); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("a stale commit = %v, want ErrFenced", err)
	}
	if err := first.Journal.Finish(ctx, checkpoint.Result{Kind: "train"}); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("a stale finish = %v, want ErrFenced", err)
	}
	digest, size, err := repo.Save(ctx, &checkpoint.Checkpoint{Network: Network(3)})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Journal.Finish(ctx, checkpoint.Result{Kind: "train", Checkpoint: digest, Size: size}); err != nil {
		t.Fatal(err)
	}
	if done := open("third").Done; done == nil || done.Checkpoint != digest {
		t.Errorf("Open of a finished step: %+v, want the result %s", done, digest)
	}
}
