package train_test

import (
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/train"
	"espalier/models/zoo"
)

// real opens trainers on the default engine and drawn digits.
type real struct {
	engine  engine.Engine
	split   *data.Split
	augment data.Augmentation
	teacher train.Teacher
	o       train.Options
}

func newReal(t *testing.T, samples int) *real {
	t.Helper()
	e, err := gorgonia.New(gorgonia.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(t.Context(), data.Options{Name: data.Digits, Train: samples, Test: 10})
	if err != nil {
		t.Fatal(err)
	}
	o := train.Options{Epochs: 3, Batch: 64, L1: train.Penalty{Weight: 1e-6}, Clip: 5, Seed: 5, Schedule: train.Schedule{Kind: train.OneCycle},
		Optimizer: train.Optimizer{Kind: train.SGD, LR: 0.1, Momentum: 0.9, WeightDecay: 1e-4}}
	return &real{engine: e, split: d.Train, o: o}
}

func (r *real) start(t *testing.T, from *checkpoint.Checkpoint) *train.Trainer {
	t.Helper()
	sess, err := r.engine.Open(from.Network, r.o.Engine())
	if err != nil {
		t.Fatal(err)
	}
	loader := data.NewAugmentedLoader(r.split, r.o.Batch, r.o.Seed, r.augment)
	t.Cleanup(func() { loader.Close(); _ = sess.Close() })
	trainer, err := train.New(from.Network, sess, loader, r.o, from.Training)
	if err != nil {
		t.Fatal(err)
	}
	trainer.SetTeacher(r.teacher)
	return trainer
}

// digits is a pruned perceptron for them.
func digits(t *testing.T) *models.Network {
	t.Helper()
	net, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: []int{64, 32}, Dropout: 0.1, Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 3)
	return prune(net, 0.3, 1)
}

// The same promise as of TestResumeIsExact, with nothing small about it.
func TestResumeIsExactOnGorgonia(t *testing.T) {
	t.Parallel()
	r := newReal(t, 1000)
	for _, optimizer := range []train.Optimizer{r.o.Optimizer, adam} {
		r.o.Optimizer = optimizer
		r.interrupted(t, digits(t), 1, 16, 5, -1)
	}
}

// interrupted compares a whole training of net with one that goes on from its
// checkpoint after so many steps each.
func (r *real) interrupted(t *testing.T, net *models.Network, steps ...int) {
	t.Helper()
	whole := r.start(t, &checkpoint.Checkpoint{Network: net})
	progress := run(t, whole, -1)
	if last := progress[len(progress)-1]; !(last.MeanLoss < progress[0].MeanLoss*0.9) {
		t.Errorf("%s: loss %.3f after %.3f, want it to fall by a tenth", net.Name, last.MeanLoss, progress[0].MeanLoss)
	}
	at := &checkpoint.Checkpoint{Network: net}
	for _, n := range steps {
		trainer := r.start(t, at)
		run(t, trainer, n)
		at = store(t, trainer.Snapshot())
	}
	_, want, err := checkpoint.Encode(whole.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if _, got, _ := checkpoint.Encode(at); got != want {
		t.Errorf("%s: interrupted training ends in checkpoint %s, want %s", net.Name, got.Short(), want.Short())
	}
}

// The same with all that convolutional networks bring: running statistics,
// augmented images, smoothed labels, averaged weights, penalties on gammas.
func TestResumeOfAConvolutionalNetworkIsExact(t *testing.T) {
	t.Parallel()
	r := newReal(t, 200)
	r.augment = data.Augmentation{Shift: 3, Flip: true}
	r.o.Epochs, r.o.Batch, r.o.LabelSmoothing, r.o.EMA, r.o.L1 = 3, 20, 0.1, 0.9, train.Penalty{Gamma: 1e-4}
	r.o.Optimizer.Nesterov = true
	for _, o := range []zoo.Options{{Arch: "resnet-20", Width: 0.25, Shortcut: "B"}, {Arch: "vgg-11-bn", Width: 0.125, Dropout: 0.1}} {
		o.Input, o.Classes = models.Shape{1, 28, 28}, 10
		net, err := zoo.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		zoo.Init(net, 3)
		r.interrupted(t, net, 1, 13, 3, -1)
	}
}

func TestAStepOnGorgoniaAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	r := newReal(t, 1000)
	r.o.Epochs = 1000
	trainer := r.start(t, &checkpoint.Checkpoint{Network: digits(t)})
	run(t, trainer, 20)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := trainer.Step(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%g allocations a step, want 0", allocs)
	}
}
