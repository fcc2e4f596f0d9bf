package activities_test

import (
	"testing"

	"espalier/activities"
	"espalier/config"
	"espalier/models/engine"
)

// first is an engine that gives itself out for the first version of Gorgonia's.
type first struct{ engine.Engine }

func (f first) Fingerprint() engine.Fingerprint {
	p := f.Engine.Fingerprint()
	p.Engine = "gorgonia/1"
	return p
}

// Steps of older versions are found again: the keys of what they could do are
// frozen.
func TestKeysOfOldStepsAreFrozen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.steps.Engine = first{b.steps.Engine}
	prepared := b.prepare(t)
	how := sgd
	how.L1.Weights, how.L2.Weights, how.Clip = 1e-5, 1e-4, 5
	how.Schedule = config.Schedule{Kind: "cosine", Warmup: 1}
	trained, err := b.train("a", prepared, how)
	if err != nil {
		t.Fatal(err)
	}
	pruned, err := do[activities.StepResult](b, b.steps.Prune, activities.PruneInput{
		Head: head("a", prepared.Checkpoint), Sparsity: 0.5, Layers: map[string]float64{"fc2": 0.25},
		Prune: config.Prune{Method: "han", Scope: "layer", DeadNeurons: true, AdjustDropout: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	measured, err := do[activities.StepResult](b, b.steps.Evaluate, activities.EvaluateInput{Head: head("a", prepared.Checkpoint), Data: digits, DataDigest: prepared.DataDigest})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"prepare":  {prepared.Key, "95780dd5b051a0ee217b83aa5a3c618c3abfd4abb74c9276aae7003d5e349e02"},
		"train":    {trained.Key, "c1004aea77d9c4ffce09df5dae5f9921ed10a666741c02a00ce1bbfae91484dc"},
		"prune":    {pruned.Key, "eeeebe751200ae05b0bca88d1d3216744d65a2a00cc6b4000e7448ddebfd6e29"},
		"evaluate": {measured.Key, "16b21d63b956b83cd9098902c7bea5939a171849cab73c06dde869fcfc3342e3"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s has key %s, want %s", name, c[0], c[1])
		}
	}
}
