package train_test

import (
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/data/shareddata"
	"espalier/models/engine/gorgonia"
	pruning "espalier/models/prune"
	"espalier/models/train"
	"espalier/models/zoo"
)

// The mask of a network's first layer shows where MNIST has its digits (Han et
// al. 2015, figure 4): what magnitude pruning leaves reads the centre.
func TestFirstMaskShowsTheCentreOfTheImage(t *testing.T) {
	t.Parallel()
	set, err := data.Open(t.Context(), data.Options{Name: data.MNIST, Path: shareddata.Find(t, "mnist"), Train: 20_000, Test: 10})
	if err != nil {
		t.Fatal(err)
	}
	e, err := gorgonia.New(gorgonia.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	net, err := zoo.Build(zoo.Options{Arch: "lenet-300-100", Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 1)
	r := &real{engine: e, split: set.Train, o: train.Options{Epochs: 4, Batch: 128, Seed: 5, Schedule: train.Schedule{Kind: train.OneCycle},
		Optimizer: train.Optimizer{Kind: train.SGD, LR: 0.15, Momentum: 0.9, WeightDecay: 5e-4}}}
	trainer := r.start(t, &checkpoint.Checkpoint{Network: net})
	for !trainer.Done() {
		if _, err := trainer.Step(); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := pruning.NewPlan(t.Context(), trainer.Result(), pruning.Options{Method: "han", Scope: pruning.ScopeLayer, Sparsity: 0.92}, pruning.Basis{})
	if err != nil {
		t.Fatal(err)
	}
	pruned, err := pruning.Apply(trainer.Result(), plan)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[bool]int{} // in the inner 20 x 20 pixels, where MNIST has its digits, or around them
	for i, stays := range pruned.Param("fc1.weight").Mask {
		if y, x := i%784/28, i%28; stays {
			kept[y >= 4 && y < 24 && x >= 4 && x < 24]++
		}
	}
	centre, around := float64(kept[true])/400, float64(kept[false])/384
	if t.Logf("%.1f weights are left of a pixel in the centre, %.1f of one around it", centre, around); centre < 2*around {
		t.Errorf("%.1f weights are left of a pixel in the centre, %.1f of one around it; want at least twice as many", centre, around)
	}
}
