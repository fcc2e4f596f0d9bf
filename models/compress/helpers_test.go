package compress_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/zoo"
)

// drawn is a matrix in which each weight is stored with probability density.
func drawn(r *rand.Rand, n int, density float64) []float32 {
	values := make([]float32, n)
	for i := range values {
		if r.Float64() < density {
			values[i] = float32(0.1*r.NormFloat64() + 1e-9)
		}
	}
	return values
}

// thinned is an architecture with drawn weights, of which each layer in kept
// keeps that share at random places, by a mask.
func thinned(t testing.TB, arch string, seed uint64, kept map[string]float64) *models.Network {
	t.Helper()
	o, ok := zoo.Default(arch)
	if !ok {
		t.Fatalf("no architecture %s", arch)
	}
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, seed)
	r := rand.New(rand.NewPCG(seed, 5))
	for _, p := range net.Params {
		share, ok := kept[p.Node]
		if p.Role != models.RoleWeight || !ok {
			continue
		}
		p.Mask = make([]bool, len(p.Data))
		for i := range p.Mask {
			p.Mask[i] = r.Float64() < share
		}
		p.ApplyMask()
	}
	return net
}

// sameBits says whether two lists of weights agree bit for bit, NaN and -0 too.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
