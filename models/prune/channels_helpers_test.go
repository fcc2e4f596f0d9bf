package prune_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/measure"
	"espalier/models/prune"
)

func backend(t testing.TB) engine.Engine {
	t.Helper()
	e, err := gorgonia.New(gorgonia.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// someData are drawn samples with labels.
func someData(t testing.TB, net *models.Network, n int) *prune.Data {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 8))
	d := &prune.Data{Engine: backend(t), X: make([]float32, n*net.Input.Size()), Labels: make([]int32, n)}
	for i := range d.X {
		d.X[i] = float32(r.NormFloat64())
	}
	for i := range d.Labels {
		d.Labels[i] = int32(r.IntN(10))
	}
	return d
}

// logits are the outputs for three drawn samples.
func logits(t testing.TB, net *models.Network) []float32 {
	t.Helper()
	const n = 3
	session, err := backend(t).Open(net, engine.Options{Batch: n, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	y, err := session.Forward(someData(t, net, n).X, n)
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32(nil), y...)
}

// alike fails where the outputs of two networks differ by more than 1e-5 of the
// largest.
func alike(t testing.TB, a, b *models.Network) {
	t.Helper()
	if gap := apart(logits(t, a), logits(t, b)); !(gap <= 1e-5) {
		t.Errorf("outputs differ by %g of the largest", gap)
	}
}

func apart(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	gap, scale := 0.0, 1.0
	for i := range a {
		gap = max(gap, math.Abs(float64(a[i])-float64(b[i])))
		scale = max(scale, math.Abs(float64(a[i])))
	}
	return gap / scale
}

func planned(t testing.TB, net *models.Network, o prune.Options, b prune.Basis) *prune.Plan {
	t.Helper()
	p, err := prune.NewPlan(context.Background(), net, o, b)
	if err != nil {
		t.Fatalf("NewPlan(%+v): %v", o, err)
	}
	return p
}

func costOf(t testing.TB, net *models.Network) measure.Cost {
	t.Helper()
	c, err := measure.Costs(net)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// width is the number of filters or neurons of a layer.
func width(t testing.TB, net *models.Network, layer string) int {
	t.Helper()
	p := net.Param(layer + ".weight")
	if p == nil {
		t.Fatalf("no layer %s", layer)
	}
	return p.Shape[0]
}
