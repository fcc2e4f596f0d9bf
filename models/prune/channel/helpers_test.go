package channel_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/measure"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// build makes a network of the zoo with values.
func build(t testing.TB, o zoo.Options) *models.Network {
	t.Helper()
	return zootest.Drawn(t, o, 7)
}

func groups(t testing.TB, net *models.Network, exclude ...string) []channel.Group {
	t.Helper()
	found, err := channel.Groups(net, exclude...)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func group(t testing.TB, net *models.Network, name string) channel.Group {
	t.Helper()
	for _, g := range groups(t, net) {
		if g.Name == name {
			return g
		}
	}
	t.Fatalf("no group %s", name)
	return channel.Group{}
}

func remove(t testing.TB, net *models.Network, set channel.Set) *models.Network {
	t.Helper()
	small, err := channel.Remove(net, set)
	if err != nil {
		t.Fatalf("Remove: %v", err)
	}
	return small
}

func zero(t testing.TB, net *models.Network, set channel.Set) *models.Network {
	t.Helper()
	zeroed, err := channel.Zero(net, set)
	if err != nil {
		t.Fatalf("Zero: %v", err)
	}
	return zeroed
}

func costs(t testing.TB, net *models.Network) channel.Cost {
	t.Helper()
	c, err := measure.Costs(net)
	if err != nil {
		t.Fatal(err)
	}
	return channel.Cost{Params: c.Params, Weights: c.Weights, MACs: c.MACs}
}

// share takes about that share of the free units of each group, never all.
func share(found []channel.Group, r *rand.Rand, part float64) channel.Set {
	set := channel.Set{}
	for _, g := range found {
		free := g.Free()
		r.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
		n := min(int(part*float64(len(free))+r.Float64()), len(g.Units)-1)
		if n > 0 {
			set[g.Name] = free[:n]
		}
	}
	return set
}

const samples = 2

// forward computes the outputs of two random samples.
func forward(t testing.TB, net *models.Network) []float32 {
	t.Helper()
	backend, err := gorgonia.New(gorgonia.Options{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := backend.Open(net, engine.Options{Batch: samples, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	r := rand.New(rand.NewPCG(5, 5))
	x := make([]float32, samples*net.Input.Size())
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	y, err := session.Forward(x, samples)
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32(nil), y...)
}

// same compares the outputs of two networks, to 1e-5 of the largest.
func same(t testing.TB, a, b *models.Network) {
	t.Helper()
	left, right := forward(t, a), forward(t, b)
	if gap := distance(left, right); !(gap <= 1e-5) {
		t.Errorf("outputs differ by %g of the largest", gap)
	}
}

func distance(a, b []float32) float64 {
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

func node(name string, op models.Op, a models.Attrs, inputs ...string) models.Node {
	return models.Node{Name: name, Op: op, Attrs: a, Inputs: inputs}
}

// graph is a network of those nodes behind an input "x", with drawn values.
func graph(t testing.TB, input models.Shape, nodes ...models.Node) *models.Network {
	t.Helper()
	net := &models.Network{Name: t.Name(), Input: input, Nodes: append([]models.Node{node("x", models.OpInput, models.Attrs{})}, nodes...)}
	zootest.Lay(t, net)
	zootest.Draw(net, 7)
	return net
}
