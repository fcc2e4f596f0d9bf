package gorgonia_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/engine/kernel"
)

// fixture is what testdata/pytorch.py wrote.
type fixture struct {
	Width, Classes int
	Hidden         []int
	Params         [][]float32
	X              []float32
	Labels         []int32
	Logits         []float64
	Loss           float64
	Grads          [][]float64
	Trained        map[string][][]float64
	Steps          int
}

func readFixture(t *testing.T) (fixture, *models.Network) {
	t.Helper()
	text, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	net := lenet(0, f.Hidden...)
	net.Input = models.Shape{f.Width}
	net.Nodes[len(net.Nodes)-1].Attrs.Out = f.Classes
	net = withParams(net, 0)
	for i, p := range net.Params {
		copy(p.Data, f.Params[i])
	}
	return f, net
}

func TestAgreesWithPyTorch(t *testing.T) {
	t.Parallel()
	f, net := readFixture(t)
	s := open(t, gorgonia.Options{}, net, len(f.Labels))
	logits, err := s.Forward(f.X, len(f.Labels))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "logits", logits, f.Logits)
	loss, err := s.Backward(f.X, f.Labels, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !near(loss.Mean, f.Loss, 1e-6) {
		t.Errorf("loss %g, PyTorch's %g", loss.Mean, f.Loss)
	}
	for i, p := range s.Params() {
		compare(t, "gradient of "+p.Name, p.Grad, f.Grads[i])
	}
}

func TestOptimizersAgreeWithPyTorch(t *testing.T) {
	t.Parallel()
	adam := func(decay float32, decoupled bool) func(p engine.Param, m, v []float32, step int) {
		return func(p engine.Param, m, v []float32, step int) {
			bias := func(beta float64) float32 { return float32(1 - math.Pow(beta, float64(step))) }
			kernel.Adam(p.Value, m, v, p.Grad, 0.01, 0.9, 0.999, 1e-8, decay, decoupled, bias(0.9), bias(0.999))
		}
	}
	optimizers := map[string]func(p engine.Param, m, v []float32, step int){
		"sgd":      func(p engine.Param, m, _ []float32, _ int) { kernel.SGD(p.Value, m, p.Grad, 0.1, 0.9, 0.01, false) },
		"nesterov": func(p engine.Param, m, _ []float32, _ int) { kernel.SGD(p.Value, m, p.Grad, 0.1, 0.9, 0, true) },
		"adam":     adam(0.01, false),
		"adamw":    adam(0.1, true),
	}
	for name, update := range optimizers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, net := readFixture(t)
			s := open(t, gorgonia.Options{}, net, len(f.Labels))
			m, v := velocities(s), velocities(s)
			for step := 1; step <= f.Steps; step++ {
				if _, err := s.Backward(f.X, f.Labels, int64(step)); err != nil {
					t.Fatal(err)
				}
				for i, p := range s.Params() {
					update(p, m[i], v[i], step)
				}
			}
			for i, p := range s.Params() {
				compare(t, p.Name, p.Value, f.Trained[name][i])
			}
		})
	}
}

func compare(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, PyTorch has %d", what, len(got), len(want))
	}
	for i := range want {
		if !near(float64(got[i]), want[i], 1e-5) {
			t.Fatalf("%s[%d] = %g, PyTorch's is %g", what, i, got[i], want[i])
		}
	}
}
