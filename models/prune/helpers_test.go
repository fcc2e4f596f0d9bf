package prune_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/prune"
	"espalier/models/zoo"
)

// mlp has drawn weights, and biases that are not 0.
func mlp(t testing.TB, seed uint64, inputs int, hidden ...int) *models.Network {
	t.Helper()
	net, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: hidden, Input: models.Shape{inputs}, Classes: 3, Dropout: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, p := range net.Params {
		if p.Role == models.RoleBias {
			for i := range p.Data {
				p.Data[i] = float32(r.NormFloat64()) / 4
			}
		}
	}
	return net
}

// with is an mlp of those weights: one value for each layer, row by row.
func with(t testing.TB, inputs int, hidden []int, weights ...[]float32) *models.Network {
	t.Helper()
	net := mlp(t, 1, inputs, hidden...)
	for i, layer := range weights {
		p := net.Params[2*i]
		if len(layer) != len(p.Data) {
			t.Fatalf("%s has %d weights, not %d", p.Name, len(p.Data), len(layer))
		}
		copy(p.Data, layer)
	}
	return net
}

func plan(t testing.TB, net *models.Network, o prune.Options) *prune.Plan {
	t.Helper()
	p, err := prune.NewPlan(context.Background(), net, o, prune.Basis{})
	if err != nil {
		t.Fatalf("NewPlan(%+v): %v", o, err)
	}
	return p
}

func apply(t testing.TB, net *models.Network, p *prune.Plan) *models.Network {
	t.Helper()
	pruned, err := prune.Apply(net, p)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	if err := pruned.Validate(); err != nil {
		t.Fatalf("the pruned network: %v", err)
	}
	return pruned
}

func han(sparsity float64) prune.Options {
	return prune.Options{Method: "han", Scope: prune.ScopeLayer, Sparsity: sparsity}
}

// mask writes a parameter's mask as "1101", "1" stays.
func mask(net *models.Network, param string) string {
	var b strings.Builder
	p := net.Param(param)
	for i := range p.Data {
		switch {
		case p.Mask == nil || p.Mask[i]:
			b.WriteByte('1')
		default:
			b.WriteByte('0')
		}
	}
	return b.String()
}

func ones(mask string) int { return strings.Count(mask, "1") }

// sameOutputs compares the logits of two networks on random samples.
func sameOutputs(t testing.TB, a, b *models.Network) {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 5))
	samples := 50
	if len(a.Input) == 3 {
		samples = 2 // images cost more, and have more outputs before the last layer
	}
	for range samples {
		x := make([]float64, a.Input.Size())
		for i := range x {
			x[i] = r.NormFloat64()
		}
		left, right := forward(t, a, x), forward(t, b, x)
		for i := range left {
			if !(math.Abs(left[i]-right[i]) <= 1e-6) {
				t.Fatalf("output %d of %v: %g and %g", i, x, left[i], right[i])
			}
		}
	}
}
