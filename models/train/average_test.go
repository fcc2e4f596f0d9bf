package train_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/train"
)

// The average worked by hand over what the trainer itself goes through,
// running statistics included.
func TestTheResultIsTheAverageOfAllSteps(t *testing.T) {
	t.Parallel()
	o := options(momentum)
	o.EMA = 0.5 // reached in step 8: (1+8)/(10+8)
	net := prune(normalized(0.2, 1), 0.5, 1)
	trainer := start(t, net, o, nil)
	want := make([][]float64, len(net.Params))
	for i, p := range net.Params {
		for _, v := range p.Data {
			want[i] = append(want[i], float64(v))
		}
	}
	var before, candidate *models.Network
	for step := 1; !trainer.Done(); step++ {
		before = trainer.Result()
		run(t, trainer, 1)
		decay := math.Min(0.5, float64(1+step)/float64(10+step))
		live := trainer.Result()
		candidate = trainer.Candidate()
		if trainer.Done() {
			live = last(t, net, o)
		}
		for i, p := range live.Params {
			for k, v := range p.Data {
				want[i][k] = decay*want[i][k] + (1-decay)*float64(v)
			}
		}
	}
	got := trainer.Result()
	for i, p := range got.Params {
		for k, v := range p.Data {
			if math.Abs(float64(v)-want[i][k]) > 1e-5 {
				t.Fatalf("%s[%d] = %g, want %g", p.Name, k, v, want[i][k])
			}
		}
	}
	if diff := cmp.Diff(candidate, got, bits); diff != "" {
		t.Errorf("the last candidate is not the result:\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if cmp.Equal(before, got, bits) {
		t.Error("the result is the network of the step before")
	}
}

// last is the trained network of the same training without an average: an
// average watches, it does not take part.
func last(t *testing.T, net *models.Network, o train.Options) *models.Network {
	t.Helper()
	o.EMA = 0
	trainer := start(t, net, o, nil)
	run(t, trainer, -1)
	return trainer.Result()
}

// statistics is a session of a batch_norm over one feature and a linear layer.
// Its gradients are given, its running statistics are those of step numbers.
type statistics struct {
	given
	mean, variance []float32
}

func (s *statistics) Backward(_ []float32, _ []int32, step int64) (engine.Loss, error) {
	for _, p := range s.params {
		for i := range p.Grad {
			p.Grad[i] = s.gradients[step][0]
		}
	}
	copy(s.params[2].Value, []float32{s.mean[step]})
	copy(s.params[3].Value, []float32{s.variance[step]})
	return engine.Loss{Mean: s.loss}, nil
}

// onStatistics is a trainer over one parameter of each role, all 1: gamma,
// beta, mean, variance, weight, bias.
func onStatistics(t *testing.T, o train.Options, mean, variance, gradients []float32) *train.Trainer {
	t.Helper()
	net := &models.Network{Name: "normal", Input: models.Shape{1}, Nodes: []models.Node{
		{Name: "x", Op: models.OpInput},
		{Name: "bn", Op: models.OpBatchNorm, Inputs: []string{"x"}},
		{Name: "fc", Op: models.OpLinear, Inputs: []string{"bn"}, Attrs: models.Attrs{Out: 1}},
	}}
	net.Params, _ = net.Layout()
	s := &statistics{mean: mean, variance: variance}
	for _, g := range gradients {
		s.gradients = append(s.gradients, []float32{g})
	}
	for _, p := range net.Params {
		p.Data = []float32{1}
		q := engine.Param{Name: p.Name, Role: p.Role, Value: []float32{1}}
		if p.Role.Trained() {
			q.Grad = []float32{0}
		}
		s.params = append(s.params, q)
	}
	o.Epochs, o.Batch, o.Schedule.Kind = 1, 1, train.Constant
	trainer, err := train.New(net, s, oneInput{s}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// oneInput gives batches of one number.
type oneInput struct{ *statistics }

func (s oneInput) Batches() int { return len(s.gradients) }
func (s oneInput) Batch(int, int) ([]float32, []int32, error) {
	return []float32{0}, []int32{0}, nil
}

// values are the parameters of onStatistics.
func values(trainer *train.Trainer) []float32 {
	var all []float32
	for _, p := range trainer.Result().Params {
		all = append(all, p.Data...)
	}
	return all
}

func TestRunningStatisticsAreLeftAlone(t *testing.T) {
	t.Parallel()
	every := train.Penalty{Weight: 1, Bias: 1, Gamma: 1, Beta: 1}
	for _, o := range []train.Optimizer{plain, momentum, adam, adamw} {
		o.DecayOn = []models.Role{models.RoleWeight, models.RoleBias, models.RoleGamma, models.RoleBeta}
		trainer := onStatistics(t, train.Options{Optimizer: o, L1: every, L2: every, Clip: 1}, []float32{5, 6}, []float32{7, 8}, []float32{1, 1})
		run(t, trainer, 1)
		snapshot := trainer.Snapshot()
		for _, name := range []string{"bn.mean", "bn.variance"} {
			for _, slot := range []string{"momentum/", "exp_avg/", "exp_avg_sq/", "ema/"} {
				if _, ok := snapshot.Training.Tensors[slot+name]; ok {
					t.Errorf("%s: there is a tensor %s%s", o.Kind, slot, name)
				}
			}
		}
		if got := values(trainer); got[2] != 5 || got[3] != 7 {
			t.Errorf("%s: running statistics %g and %g, want the engine's 5 and 7", o.Kind, got[2], got[3])
		}
	}
}

func TestPenaltiesAndDecayPickTheirParameters(t *testing.T) {
	t.Parallel()
	sgd := train.Optimizer{Kind: train.SGD, LR: 1}
	for name, c := range map[string]struct {
		o    train.Options
		want []float32 // gamma, beta, mean, variance, weight, bias
	}{
		"slimming":          {train.Options{L1: train.Penalty{Gamma: 0.25}}, []float32{0.75, 1, 1, 1, 1, 1}},
		"each its own":      {train.Options{L1: train.Penalty{Gamma: 0.25, Beta: 0.5}, L2: train.Penalty{Weight: 0.125, Bias: 0.75}}, []float32{0.75, 0.5, 1, 1, 0.875, 0.25}},
		"of one layer":      {train.Options{L2: train.Penalty{Gamma: 0.25, Weight: 0.25, Only: []string{"f*"}}}, []float32{1, 1, 1, 1, 0.75, 1}},
		"of several layers": {train.Options{L2: train.Penalty{Gamma: 0.25, Weight: 0.25, Only: []string{"fc", "bn"}}}, []float32{0.75, 1, 1, 1, 0.75, 1}},
		"decay":             {train.Options{Optimizer: train.Optimizer{Kind: train.SGD, LR: 1, WeightDecay: 0.5}}, []float32{1, 1, 1, 1, 0.5, 1}},
		"decay on others": {train.Options{Optimizer: train.Optimizer{Kind: train.SGD, LR: 1, WeightDecay: 0.5,
			DecayOn: []models.Role{models.RoleGamma, models.RoleBias}}}, []float32{0.5, 1, 1, 1, 1, 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.o.Optimizer.Kind == "" {
				c.o.Optimizer = sgd
			}
			trainer := onStatistics(t, c.o, []float32{1}, []float32{1}, []float32{0})
			run(t, trainer, 1)
			if got := values(trainer); !slices.Equal(got, c.want) {
				t.Errorf("parameters %v, want %v", got, c.want)
			}
		})
	}
}

func TestDivergedStatisticsAreNamed(t *testing.T) {
	t.Parallel()
	trainer := onStatistics(t, train.Options{Optimizer: plain}, []float32{1}, []float32{float32(math.Inf(1))}, []float32{0})
	_, err := trainer.Step()
	wantDiverged(t, err, "bn.variance is not finite")
}

func TestEngineOptionsAreTheTrainings(t *testing.T) {
	t.Parallel()
	d := engine.Distillation{Weight: 0.5, Temperature: 4}
	o := train.Options{Batch: 5, Seed: 9, LabelSmoothing: 0.1, Distill: d}
	if diff := cmp.Diff(engine.Options{Batch: 5, Seed: 9, LabelSmoothing: 0.1, Distill: d}, o.Engine()); diff != "" {
		t.Error(diff)
	}
}
