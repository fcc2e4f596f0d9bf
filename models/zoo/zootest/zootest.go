// Package zootest makes networks for tests that need values in every
// parameter: as drawn at first, biases would be 0 and scales 1, which hides
// what is done to them.
package zootest

import (
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/zoo"
)

// Blank makes a network of the zoo in its published form but for the options,
// of ten classes if they do not say.
func Blank(t testing.TB, o zoo.Options) *models.Network {
	t.Helper()
	if def, ok := zoo.Default(o.Arch); ok {
		if o.Input == nil {
			o.Input = def.Input
		}
		if o.Hidden == nil {
			o.Hidden = def.Hidden
		}
	}
	if o.Classes == 0 {
		o.Classes = 10
	}
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// Lay gives a graph the parameters that it needs, all of them 0.
func Lay(t testing.TB, net *models.Network) {
	t.Helper()
	params, err := net.Layout()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		p.Data = make([]float32, p.Shape.Size())
	}
	net.Params = params
}

// Drawn is Blank with drawn values.
func Drawn(t testing.TB, o zoo.Options, seed uint64) *models.Network {
	t.Helper()
	return Draw(Blank(t, o), seed)
}

// Draw gives every parameter a value that is not 0, such that activations keep
// their size.
func Draw(net *models.Network, seed uint64) *models.Network {
	zoo.Init(net, seed)
	r := rand.New(rand.NewPCG(seed, 11))
	for _, p := range net.Params {
		for i := range p.Data {
			switch p.Role {
			case models.RoleGamma, models.RoleVariance:
				p.Data[i] = 0.6 + 0.8*r.Float32()
			case models.RoleBias, models.RoleBeta, models.RoleMean:
				p.Data[i] = float32(r.NormFloat64()) / 3
			}
		}
	}
	return net
}
