package train_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/train"
)

// given is a session whose loss is linear, so that its gradients are the given
// numbers: what an optimizer makes of them can be worked out elsewhere.
type given struct {
	params    []engine.Param
	gradients [][]float32 // of the weight, for each step; the bias has none
	loss      float64
}

func (s *given) Params() []engine.Param                        { return s.params }
func (s *given) Close() error                                  { return nil }
func (s *given) Forward(x []float32, n int) ([]float32, error) { return make([]float32, n), nil }
func (s *given) Teach([]float32) error                         { return nil }
func (s *given) Batches() int                                  { return len(s.gradients) }
func (s *given) Batch(epoch, i int) ([]float32, []int32, error) {
	return make([]float32, len(s.params[0].Value)), []int32{0}, nil
}
func (s *given) Backward(x []float32, labels []int32, step int64) (engine.Loss, error) {
	copy(s.params[0].Grad, s.gradients[step])
	clear(s.params[1].Grad)
	return engine.Loss{Mean: s.loss}, nil
}

// onGiven is a trainer over given gradients, one epoch of them.
func onGiven(t *testing.T, o train.Options, weight []float32, mask []bool, gradients [][]float32) (*train.Trainer, *given) {
	t.Helper()
	net := &models.Network{Name: "linear", Input: models.Shape{len(weight)}, Nodes: []models.Node{
		{Name: "x", Op: models.OpInput},
		{Name: "fc", Op: models.OpLinear, Inputs: []string{"x"}, Attrs: models.Attrs{Out: 1}},
	}}
	net.Params, _ = net.Layout()
	net.Params[0].Data, net.Params[0].Mask = weight, mask
	net.Params[1].Data = []float32{1}
	s := &given{gradients: gradients}
	for _, p := range net.Params {
		s.params = append(s.params, engine.Param{Name: p.Name, Role: p.Role, Value: make([]float32, len(p.Data)), Grad: make([]float32, len(p.Data)), Mask: p.Mask})
	}
	o.Epochs, o.Batch = 1, 1
	if o.Schedule.Kind == "" {
		o.Schedule.Kind = train.Constant
	}
	trainer, err := train.New(net, s, s, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return trainer, s
}

// testdata/trajectories.py wrote what PyTorch does with the same gradients.
func TestOptimizersFollowPyTorch(t *testing.T) {
	t.Parallel()
	var fixture struct {
		Start     []float32
		Gradients [][]float32
		Cases     []struct {
			Name, Kind        string
			LR, Momentum      float64
			Nesterov          bool
			WeightDecay       float64 `json:"weight_decay"`
			Beta1, Beta2, Eps float64
			Weights           [][]float32
		}
	}
	raw, err := os.ReadFile("testdata/trajectories.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &fixture); err != nil {
		t.Fatal(err)
	}
	if len(fixture.Cases) < 10 {
		t.Fatalf("%d cases in the fixture, want at least 10", len(fixture.Cases))
	}
	for _, c := range fixture.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			o := train.Options{Optimizer: train.Optimizer{Kind: c.Kind, LR: c.LR, Momentum: c.Momentum, Nesterov: c.Nesterov,
				WeightDecay: c.WeightDecay, Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps}}
			trainer, _ := onGiven(t, o, fixture.Start, nil, fixture.Gradients)
			for step, want := range c.Weights {
				if _, err := trainer.Step(); err != nil {
					t.Fatal(err)
				}
				for i, got := range trainer.Result().Params[0].Data {
					if d := math.Abs(float64(got - want[i])); !(d <= 1e-6) {
						t.Fatalf("weight %d after step %d = %.9g, PyTorch has %.9g", i, step, got, want[i])
					}
				}
			}
		})
	}
}

func TestDecayAndPenaltiesLeaveBiasesAlone(t *testing.T) {
	t.Parallel()
	for _, kind := range train.Optimizers() {
		o := train.Options{L1: train.Penalty{Weight: 0.1}, L2: train.Penalty{Weight: 0.2}, Optimizer: train.Optimizer{Kind: kind, LR: 0.1, WeightDecay: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}}
		trainer, _ := onGiven(t, o, []float32{1, 1}, nil, [][]float32{{0, 0}})
		if _, err := trainer.Step(); err != nil {
			t.Fatal(err)
		}
		net := trainer.Result()
		if bias, weight := net.Params[1].Data[0], net.Params[0].Data[0]; bias != 1 || weight >= 1 {
			t.Errorf("%s: after one step without a gradient bias = %g, weight = %g; want 1 and less than 1", kind, bias, weight)
		}
	}
}

// One step of plain descent with rate 1 shows the gradient of the objective.
func TestObjectiveWorkedByHand(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		o              train.Options
		weight         []float32
		mask           []bool
		gradient, want []float32
	}{
		"L1 is a constant pull, none at 0":         {train.Options{L1: train.Penalty{Weight: 0.5}}, []float32{2, -2, 0}, nil, []float32{0, 0, 0}, []float32{1.5, -1.5, 0}},
		"L2 pulls in proportion":                   {train.Options{L2: train.Penalty{Weight: 0.25}}, []float32{2, -4, 0}, nil, []float32{0, 0, 0}, []float32{1.5, -3, 0}},
		"a long gradient is cut":                   {train.Options{Clip: 1}, []float32{0, 0}, nil, []float32{3, 4}, []float32{-0.6, -0.8}},
		"a short one is not":                       {train.Options{Clip: 6}, []float32{0, 0}, nil, []float32{3, 4}, []float32{-3, -4}},
		"penalties count for the norm":             {train.Options{Clip: 1, L1: train.Penalty{Weight: 1}}, []float32{1, 1}, nil, []float32{2, 3}, []float32{1 - 0.6, 1 - 0.8}},
		"pruned weights do not count":              {train.Options{Clip: 5}, []float32{0, 0, 0}, []bool{true, false, true}, []float32{3, 100, 4}, []float32{-3, 0, -4}},
		"a pruned weight's gradient may be absurd": {train.Options{Clip: 5}, []float32{0, 0}, []bool{true, false}, []float32{3, float32(math.NaN())}, []float32{-3, 0}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.o.Optimizer = train.Optimizer{Kind: "sgd", LR: 1}
			trainer, _ := onGiven(t, c.o, c.weight, c.mask, [][]float32{c.gradient})
			if _, err := trainer.Step(); err != nil {
				t.Fatal(err)
			}
			for i, got := range trainer.Result().Params[0].Data {
				if math.Abs(float64(got-c.want[i])) > 1e-6 {
					t.Errorf("weight %d = %g, want %g", i, got, c.want[i])
				}
			}
		})
	}
}

// A decay that overshoots would turn a pruned weight into -0.
func TestPrunedWeightsArePositiveZero(t *testing.T) {
	t.Parallel()
	o := train.Options{Optimizer: train.Optimizer{Kind: "adamw", LR: 1, WeightDecay: 3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}}
	trainer, _ := onGiven(t, o, []float32{1, 0}, []bool{true, false}, [][]float32{{1, 1}, {-1, -1}})
	for range 2 {
		if _, err := trainer.Step(); err != nil {
			t.Fatal(err)
		}
		if bits := math.Float32bits(trainer.Result().Params[0].Data[1]); bits != 0 {
			t.Fatalf("bits of the pruned weight = %#x, want 0", bits)
		}
	}
}
