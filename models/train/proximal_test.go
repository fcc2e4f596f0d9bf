package train_test

import (
	"math"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/train"
)

// The update worked by hand, with steps that lead across 0 and to it.
func TestAProximalStepFollowsTheOptimizers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		o                        train.Options
		weight, gradient, result []float32
	}{
		"towards 0 from both sides": {train.Options{}, []float32{2, -2}, []float32{0, 0}, []float32{1.75, -1.75}},
		"no further than 0":         {train.Options{}, []float32{0.25, -0.125, 0}, []float32{0, 0, 0}, []float32{0, 0, 0}},
		"after the gradient's":      {train.Options{}, []float32{1, 1, 1}, []float32{1, 2, 4}, []float32{0.25, 0, -0.75}},
		"beside the other penalties": {train.Options{L1: train.Penalty{Weight: 0.5}, L2: train.Penalty{Weight: 0.5}},
			[]float32{2, -2}, []float32{0, 0}, []float32{1, -1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.o.Optimizer, c.o.Proximal = train.Optimizer{Kind: train.SGD, LR: 0.5}, []train.Proximal{{Param: "fc.weight", Lambda: 0.5}}
			trainer, _ := onGiven(t, c.o, c.weight, nil, [][]float32{c.gradient})
			run(t, trainer, 1)
			got := trainer.Result().Params[0].Data
			if !slices.EqualFunc(got, c.result, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
				t.Errorf("weights %v, want %v to the bit", got, c.result)
			}
		})
	}
}

// sparse are the options of a training that shrinks the first layer.
func sparse(o train.Optimizer) train.Options {
	opts := options(o)
	opts.Proximal = []train.Proximal{{Param: "fc1.weight", Lambda: 0.5}, {Param: "fc1.bias", Lambda: 0.01}, {Param: "fc2.bias"}}
	return opts
}

func zeros(p *models.Param) int {
	n := 0
	for _, v := range p.Data {
		if math.Float32bits(v) == 0 {
			n++
		}
	}
	return n
}

func TestProximalStepsLeaveExactZerosInTheAverageToo(t *testing.T) {
	t.Parallel()
	for _, optimizer := range []train.Optimizer{plain, momentum, adam} {
		live := start(t, network(0, 1), sparse(optimizer), nil)
		o := sparse(optimizer)
		o.EMA = 0.99
		averaged := start(t, network(0, 1), o, nil)
		run(t, live, -1)
		run(t, averaged, -1)
		want, got := live.Result(), averaged.Result()
		if n := zeros(want.Param("fc1.weight")); n < 1 {
			t.Fatalf("%s: %d weights are 0, want some", optimizer.Kind, n)
		}
		for _, name := range []string{"fc1.weight", "fc1.bias"} {
			for i, w := range want.Param(name).Data {
				if average := got.Param(name).Data[i]; w == 0 && math.Float32bits(average) != 0 {
					t.Errorf("%s: the average of %s[%d] is %g, want 0 as the weight", optimizer.Kind, name, i, average)
				}
			}
		}
		if n := zeros(got.Param("fc2.weight")); n > 0 {
			t.Errorf("%s: %d weights are 0 that have no proximal step", optimizer.Kind, n)
		}
	}
}

func TestStatisticsHaveNoProximalStep(t *testing.T) {
	t.Parallel()
	o := options(plain)
	o.Proximal = []train.Proximal{{Param: "norm.mean", Lambda: 1}}
	net := normalized(0, 1)
	_, err := train.New(net, open(net, 1), newClusters(samples, 1), o, nil)
	wantError(t, err, "proximal: parameter norm.mean is not trained")
}

// A training that stops early is the beginning of the whole one.
func TestUntilEndsTheTrainingWithinItsSchedule(t *testing.T) {
	t.Parallel()
	for name, ema := range map[string]float64{"plain": 0, "average": 0.9} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(momentum)
			o.EMA = ema
			whole := start(t, network(0.2, 1), o, nil)
			o.Until = 3
			early := start(t, network(0.2, 1), o, nil)
			progress := run(t, early, -1)
			if last := progress[len(progress)-1]; len(progress) != 24 || last.Epochs != 3 || last.Cursor.Epoch != 3 {
				t.Errorf("%d steps, the last %+v; want 24 steps of 3 epochs", len(progress), last)
			}
			if s := early.Snapshot(); s.Training != nil {
				t.Error("a training that is done has a state to go on from")
			}
			run(t, whole, 24)
			sameNetwork(t, early.Result(), whole.Result())
			o.Until = o.Epochs
			all := start(t, network(0.2, 1), o, nil)
			run(t, all, -1)
			run(t, whole, -1)
			sameNetwork(t, all.Result(), whole.Result())
		})
	}
}

func sameNetwork(t *testing.T, got, want *models.Network) {
	t.Helper()
	for i, p := range want.Params {
		for k, v := range p.Data {
			if math.Float32bits(got.Params[i].Data[k]) != math.Float32bits(v) {
				t.Fatalf("%s[%d] = %g, want %g to the bit", p.Name, k, got.Params[i].Data[k], v)
			}
		}
	}
}
