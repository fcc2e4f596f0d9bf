package prune_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models/prune"
)

func TestPlanInNumbers(t *testing.T) {
	t.Parallel()
	net := with(t, 2, []int{2}, []float32{1, -2, 3, -4}, []float32{5, -6, 0.5, 7, 8, 9})
	o := han(0.5)
	o.Exclude = []string{"fc2"}
	p := plan(t, net, o)
	want := &prune.Plan{Method: "han", Scope: "layer", Layers: []prune.Layer{
		{Name: "fc1", Param: "fc1.weight", Weights: 4, Before: 4, After: 2, Threshold: 3, Mask: prune.Mask{0b1100}},
		{Name: "fc2", Param: "fc2.weight", Weights: 6, Before: 6, After: 6, Excluded: true},
	}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if got := p.Sparsity(); got != 0.2 {
		t.Errorf("sparsity %g, want 0.2: 2 of 10 weights", got)
	}
	if got := (&prune.Plan{}).Sparsity(); got != 0 {
		t.Errorf("sparsity of an empty plan %g, want 0", got)
	}
	const table = `
  layer  weights  before  after  sparsity  threshold  dead
    fc1        4       4      2   50.00 %          3     0
    fc2        6       6      6    0.00 %   excluded     0
  total       10      10      8   20.00 %          -     0
`
	if diff := cmp.Diff(table[1:], p.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	stays := []bool{true, false, false, true, true, false, true, false, false, true}
	m := prune.NewMask(stays)
	if diff := cmp.Diff(prune.Mask{0b01011001, 0b10}, m); diff != "" {
		t.Errorf("NewMask (-want +got):\n%s", diff)
	}
	for i, want := range stays {
		if m.Stays(i) != want {
			t.Errorf("Stays(%d) = %v, want %v", i, m.Stays(i), want)
		}
	}
}

func TestLayersWithoutAnything(t *testing.T) {
	t.Parallel()
	zeros := make([]float32, 4)
	net := with(t, 2, []int{2}, zeros, []float32{1, 2, 3, 4, 5, 6})
	quality := prune.Options{Method: "han", Scope: "layer", Quality: map[string]float64{"default": 0.1}}
	if p := plan(t, net, quality); p.Layers[0].After != 4 {
		t.Errorf("a layer of zeros keeps %d weights, want 4: its deviation is 0", p.Layers[0].After)
	}
	setMask(net, "fc1.weight", "0000")
	for name, o := range map[string]prune.Options{
		"sparsity": han(0.5), "quality": quality,
		"sparsity, global": {Method: "han", Scope: "global", Sparsity: 0.5},
	} {
		if _, err := prune.NewPlan(context.Background(), net, o, prune.Basis{}); err == nil || !strings.Contains(err.Error(), "layer fc1 has no weights left to prune") {
			t.Errorf("%s: NewPlan error %v, want it to say that fc1 is empty", name, err)
		}
	}
}

func TestHugeAndTinyWeights(t *testing.T) {
	t.Parallel()
	huge, tiny := float32(math.MaxFloat32), float32(math.SmallestNonzeroFloat32)
	net := with(t, 2, []int{2}, []float32{huge, tiny, -huge, 0}, []float32{1, 2, 3, 4, 5, 6})
	for name, o := range map[string]prune.Options{
		"sparsity": {Method: "han", Scope: "layer", Sparsity: 0.5},
		"quality":  {Method: "han", Scope: "layer", Quality: map[string]float64{"default": 0.5}},
	} {
		if got := mask(apply(t, net, plan(t, net, o)), "fc1.weight"); got != "1010" {
			t.Errorf("%s: mask %s, want 1010", name, got)
		}
	}
}

func BenchmarkNewPlan(b *testing.B) {
	net := mlp(b, 1, 784, 300, 100)
	o := han(0.9)
	o.DeadNeurons = true
	for b.Loop() {
		plan(b, net, o)
	}
}
