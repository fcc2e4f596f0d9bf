package train_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/train"
)

var _ train.Source = (*data.Loader)(nil)

const samples = 61 // 8 batches, the last of 5

var (
	plain    = train.Optimizer{Kind: "sgd", LR: 0.1}
	momentum = train.Optimizer{Kind: "sgd", LR: 0.1, Momentum: 0.9, WeightDecay: 1e-3}
	nesterov = train.Optimizer{Kind: "sgd", LR: 0.1, Momentum: 0.9, Nesterov: true}
	adam     = train.Optimizer{Kind: "adam", LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 1e-3}
	adamw    = train.Optimizer{Kind: "adamw", LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1}
)

func options(o train.Optimizer) train.Options {
	return train.Options{Epochs: 4, Batch: batch, Optimizer: o, Schedule: train.Schedule{Kind: train.Cosine, Warmup: 1}, Seed: 11}
}

// start is a trainer on a new session.
func start(t *testing.T, net *models.Network, o train.Options, resume *checkpoint.Training) *train.Trainer {
	t.Helper()
	trainer, err := train.New(net, open(net, o.Seed), newClusters(samples, o.Seed), o, resume)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// run takes n steps, or all where n is negative.
func run(t *testing.T, trainer *train.Trainer, n int) []train.Progress {
	t.Helper()
	var all []train.Progress
	for ; n != 0 && !trainer.Done(); n-- {
		p, err := trainer.Step()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// bits compares floats by their bits.
var bits = cmp.Options{
	cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }),
	cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
}

// diff compares where two trainers are, to the bit.
func diff(a, b *train.Trainer) string { return cmp.Diff(a.Snapshot(), b.Snapshot(), bits) }

func TestTrainingLearns(t *testing.T) {
	t.Parallel()
	for _, o := range []train.Optimizer{plain, momentum, nesterov, adam, adamw} {
		opts := options(o)
		opts.Epochs = 30
		progress := run(t, start(t, network(0, 1), opts, nil), -1)
		first, last := progress[7], progress[len(progress)-1]
		if !(last.Accuracy >= 0.9 && last.MeanLoss < first.MeanLoss/2) {
			t.Errorf("%+v: accuracy %.3f, loss %.3f after %.3f; want at least 0.9 and half the loss", o, last.Accuracy, last.MeanLoss, first.MeanLoss)
		}
	}
}

// The promise of the package: wherever training is interrupted, it ends with
// the same bits.
func TestResumeIsExact(t *testing.T) {
	t.Parallel()
	optimizers := map[string]train.Optimizer{"sgd": plain, "momentum": momentum, "nesterov": nesterov, "adam": adam, "adamw": adamw}
	variants := map[string]func(*train.Options){
		"plain":     func(*train.Options) {},
		"clip":      func(o *train.Options) { o.Clip = 0.3 },
		"l1 and l2": func(o *train.Options) { o.L1, o.L2 = train.Penalty{Weight: 1e-3}, train.Penalty{Weight: 1e-3} },
		"one-cycle": func(o *train.Options) { o.Schedule = train.Schedule{Kind: train.OneCycle} },
		"step":      func(o *train.Options) { o.Schedule = train.Schedule{Kind: train.Steps, Every: 1, Factor: 0.5} },
		"at":        func(o *train.Options) { o.Schedule = train.Schedule{Kind: train.Steps, At: []int{1, 3}, Factor: 0.1} },
		"ema":       func(o *train.Options) { o.EMA = 0.95 },
		"proximal":  func(o *train.Options) { o.Proximal, o.EMA = sparse(o.Optimizer).Proximal, 0.9 },
		"until":     func(o *train.Options) { o.Until, o.EMA = 3, 0.9 },
	}
	for oname, optimizer := range optimizers {
		for vname, vary := range variants {
			t.Run(oname+"/"+vname, func(t *testing.T) {
				t.Parallel()
				o := options(optimizer)
				vary(&o)
				for i, net := range []*models.Network{network(0, 1), network(0.4, 1), prune(network(0.4, 1), 0.7, 2), prune(normalized(0.4, 1), 0.3, 2)} {
					interrupt(t, net, o, uint64(i))
				}
			})
		}
	}
}

// interrupt compares an uninterrupted training with one that is cut at random
// steps, each time going on from nothing but the snapshot.
func interrupt(t *testing.T, net *models.Network, o train.Options, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 9))
	whole := start(t, net, o, nil)
	want := run(t, whole, -1)
	for range 6 {
		trainer := start(t, net, o, nil)
		var got []train.Progress
		for !trainer.Done() {
			got = append(got, run(t, trainer, r.IntN(15))...)
			snapshot := trainer.Snapshot()
			if trainer.Done() != (snapshot.Training == nil) {
				t.Fatalf("at step %d: Done() = %t, training state there: %t", trainer.Cursor().Step, trainer.Done(), snapshot.Training != nil)
			}
			if trainer.Done() {
				break
			}
			run(t, trainer, 2) // must not reach into the snapshot
			stored := store(t, snapshot)
			trainer = start(t, stored.Network, o, stored.Training)
		}
		if d := diff(whole, trainer); d != "" {
			t.Fatalf("the interrupted training ended elsewhere (-whole +interrupted):\n%s", d)
		}
		if diff := cmp.Diff(want, got, bits); diff != "" {
			t.Fatalf("progress differs (-whole +interrupted):\n%s", diff)
		}
	}
}

// store sends a checkpoint through its stored form.
func store(t *testing.T, c *checkpoint.Checkpoint) *checkpoint.Checkpoint {
	t.Helper()
	raw, _, err := checkpoint.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := checkpoint.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestMasksHoldAfterEveryStep(t *testing.T) {
	t.Parallel()
	for _, optimizer := range []train.Optimizer{plain, momentum, nesterov, adam, adamw} {
		o := options(optimizer)
		o.L1, o.L2, o.Clip, o.EMA = train.Penalty{Weight: 1e-3}, train.Penalty{Weight: 1e-3}, 1, 0.99
		net := prune(network(0.2, 1), 0.6, 4)
		trainer := start(t, net, o, nil)
		for !trainer.Done() {
			run(t, trainer, 1)
			s := trainer.Snapshot()
			if err := s.Network.Validate(); err != nil {
				t.Fatalf("%s, step %d: %v", optimizer.Kind, trainer.Cursor().Step, err)
			}
			if s.Training != nil {
				maskedZero(t, s)
			}
		}
		if slices.Equal(trainer.Result().Params[0].Data, net.Params[0].Data) {
			t.Errorf("%s: the weights that stay did not change", optimizer.Kind)
		}
	}
}

// maskedZero checks the optimizer's tensors.
func maskedZero(t *testing.T, s *checkpoint.Checkpoint) {
	t.Helper()
	for name, tensor := range s.Training.Tensors {
		_, param, _ := strings.Cut(name, "/")
		for i, stays := range s.Network.Param(param).Mask {
			if !stays && math.Float32bits(tensor[i]) != 0 {
				t.Fatalf("step %d: %s[%d] is of a pruned weight but holds %g", s.Training.Cursor.Step, name, i, tensor[i])
			}
		}
	}
}

func TestProgressAndCursorCount(t *testing.T) {
	t.Parallel()
	trainer := start(t, network(0, 1), options(momentum), nil)
	for i, p := range run(t, trainer, -1) {
		done := i + 1
		if p.Epochs != 4 || p.Batches != 8 || p.Cursor.Step != int64(done) || p.Cursor.Epoch != done/8 || p.Cursor.Batch != done%8 {
			t.Errorf("step %d: %+v", i, p)
		}
		if seen := done % 8 * batch; p.Cursor.Seen != seen {
			t.Errorf("step %d: %d samples seen, want %d", i, p.Cursor.Seen, seen)
		}
		if done%8 != 0 && (p.MeanLoss != p.Cursor.LossSum/float64(p.Cursor.Seen) || p.Accuracy != float64(p.Cursor.Correct)/float64(p.Cursor.Seen)) {
			t.Errorf("step %d: means %g and %g do not follow from %+v", i, p.MeanLoss, p.Accuracy, p.Cursor)
		}
	}
	if _, err := trainer.Step(); !errors.Is(err, train.ErrDone) {
		t.Errorf("a step after the last one: %v, want ErrDone", err)
	}
}

func TestNoEpochsLeaveTheNetworkAsItIs(t *testing.T) {
	t.Parallel()
	o := options(adam)
	o.Epochs, o.Schedule.Warmup = 0, 0
	net := network(0, 1)
	trainer := start(t, net, o, nil)
	if diff := cmp.Diff(net, trainer.Result(), bits); !trainer.Done() || diff != "" {
		t.Errorf("Done() = %t, network changed: %s", trainer.Done(), diff)
	}
}

func TestTrainingLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	net := prune(network(0.1, 1), 0.5, 1)
	before := net.Clone()
	run(t, start(t, net, options(adam), nil), -1)
	if diff := cmp.Diff(before, net, bits); diff != "" {
		t.Errorf("the network that training began with changed: %s", diff)
	}
}

func TestLaterChangesOfItsInputDoNotReachTraining(t *testing.T) {
	t.Parallel()
	net := prune(network(0.1, 1), 0.5, 1)
	want := start(t, net, options(adam), nil)
	run(t, want, 9)
	net.Params[0].Mask[0] = !net.Params[0].Mask[0]
	if slices.Equal(net.Params[0].Mask, want.Result().Params[0].Mask) {
		t.Error("the network that training began with is still in use")
	}

	s := want.Snapshot()
	trainer := start(t, s.Network, options(adam), s.Training)
	for _, tensor := range s.Training.Tensors {
		clear(tensor)
	}
	run(t, want, -1)
	run(t, trainer, -1)
	if d := diff(want, trainer); d != "" {
		t.Errorf("the state that training went on from is still in use:\n%s", d)
	}
}

func TestStateOfPrunedWeightsIsDropped(t *testing.T) {
	t.Parallel()
	trainer := start(t, prune(network(0.1, 1), 0.5, 1), options(adam), nil)
	run(t, trainer, 3)
	s := trainer.Snapshot()
	for _, tensor := range s.Training.Tensors {
		for i := range tensor {
			tensor[i]++
		}
	}
	maskedZero(t, start(t, s.Network, options(adam), s.Training).Snapshot())
}

func TestDivergenceStops(t *testing.T) {
	t.Parallel()
	t.Run("of the loss", func(t *testing.T) {
		t.Parallel()
		o := options(plain)
		o.Optimizer.LR, o.Epochs = 1e19, 50
		trainer := start(t, network(0, 1), o, nil)
		var err error
		for err == nil && !trainer.Done() {
			_, err = trainer.Step()
		}
		wantDiverged(t, err, "lower than 1e+19")
	})
	for name, loss := range map[string]float64{"NaN": math.NaN(), "infinite": math.Inf(1)} {
		t.Run("loss "+name, func(t *testing.T) {
			t.Parallel()
			trainer, s := onGiven(t, train.Options{Optimizer: plain}, []float32{1}, nil, [][]float32{{1}})
			s.loss = loss
			_, err := trainer.Step()
			wantDiverged(t, err, "the loss is")
		})
	}
	t.Run("of the gradient's norm", func(t *testing.T) {
		t.Parallel()
		trainer, _ := onGiven(t, train.Options{Optimizer: plain, Clip: 1}, []float32{1}, nil, [][]float32{{float32(math.Inf(1))}})
		_, err := trainer.Step()
		wantDiverged(t, err, "the gradient is not finite")
	})
	t.Run("of a weight in the last step", func(t *testing.T) {
		t.Parallel()
		trainer, _ := onGiven(t, train.Options{Optimizer: plain}, []float32{1}, nil, [][]float32{{float32(math.NaN())}})
		_, err := trainer.Step()
		wantDiverged(t, err, "fc.weight is not finite")
	})
}

func wantDiverged(t *testing.T, err error, text string) {
	t.Helper()
	var diverged *train.DivergedError
	if !errors.As(err, &diverged) || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "learning rate") {
		t.Errorf("error %v, want a DivergedError with %q and a hint at the learning rate", err, text)
	}
}

func TestAStepAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	for _, optimizer := range []train.Optimizer{momentum, adamw} {
		o := options(optimizer)
		o.Epochs, o.L1, o.L2, o.Clip = 1000, train.Penalty{Weight: 1e-4}, train.Penalty{Weight: 1e-4}, 1
		o.EMA, o.Proximal = 0.99, sparse(optimizer).Proximal
		trainer := start(t, prune(normalized(0.1, 1), 0.5, 1), o, nil)
		run(t, trainer, 10)
		allocs := testing.AllocsPerRun(200, func() {
			if _, err := trainer.Step(); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %g allocations a step, want 0", optimizer.Kind, allocs)
		}
	}
}
