package gorgonia_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// thin leaves a share of each layer's weights, rounded to few values.
func thin(net *models.Network, seed uint64, density float64) *models.Network {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		largest := float32(0)
		for _, v := range p.Data {
			largest = max(largest, v, -v)
		}
		for i, v := range p.Data {
			p.Data[i] = float32(math.Round(float64(v/largest*100))) * largest / 100
			if r.Float64() >= density {
				p.Data[i] = 0
			}
		}
	}
	return net
}

// forms gives all layers of a network one form.
func forms(net *models.Network, form engine.Form) map[string]engine.Form {
	all := make(map[string]engine.Form)
	for _, node := range net.Nodes {
		if node.Op == models.OpConv2D || node.Op == models.OpLinear {
			all[node.Name] = form
		}
	}
	return all
}

func TestFormsGiveTheSameLogits(t *testing.T) {
	t.Parallel()
	tests := map[string]*models.Network{
		"lenet-5":   zootest.Drawn(t, zoo.Options{Arch: "lenet-5"}, 2),
		"resnet-20": zootest.Drawn(t, zoo.Options{Arch: "resnet-20", Width: 0.25, Input: models.Shape{3, 12, 12}}, 3),
	}
	for name, net := range tests {
		for _, density := range []float64{1, 0.1} {
			sameLogits(t, name, thin(net.Clone(), 7, density))
		}
	}
	for _, all := range []map[string]*models.Network{networks(), imageNetworks()} {
		for name, net := range all {
			sameLogits(t, name, thin(net, 8, 0.4))
		}
	}
}

// sameLogits compares the forms of a network in batches that are divided by
// samples and by rows.
func sameLogits(t *testing.T, name string, net *models.Network) {
	t.Helper()
	const batch = 19
	x, _ := samples(5, batch, net.Input.Size(), 2)
	logits := func(threads int, form engine.Form, n int) []float32 {
		t.Helper()
		eng, err := gorgonia.New(gorgonia.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		s, err := eng.Open(net, engine.Options{Batch: batch, Inference: true, Forms: forms(net, form)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		out, err := s.Forward(x[:n*net.Input.Size()], n)
		if err != nil {
			t.Fatal(err)
		}
		return append([]float32(nil), out...)
	}
	for _, n := range []int{1, 3, batch} {
		want := logits(1, engine.Dense, n)
		size := float32(0)
		for _, v := range want {
			size = max(size, v, -v)
		}
		for _, form := range []engine.Form{engine.Sparse, engine.Shared} {
			for _, threads := range []int{1, 3} {
				for i, got := range logits(threads, form, n) {
					if d := got - want[i]; !(max(d, -d) <= 1e-5*size) {
						t.Fatalf("%s, %s, %d threads, %d samples: logit %d is %g, dense it is %g", name, form, threads, n, i, got, want[i])
					}
				}
			}
		}
	}
}

func TestAFormThatDoesNotFitIsAnError(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-300-100"}, 1)
	eng, err := gorgonia.New(gorgonia.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		o    engine.Options
		want string
	}{
		"in training":     {engine.Options{Batch: 1, Forms: forms(net, engine.Sparse)}, "forms of 3 layers: only inference sessions"},
		"no layer":        {engine.Options{Batch: 1, Inference: true, Forms: map[string]engine.Form{"relu1": engine.Sparse}}, "form of relu1: network lenet-300-100 has no convolution or linear layer of that name"},
		"no form":         {engine.Options{Batch: 1, Inference: true, Forms: map[string]engine.Form{"fc1": "csr"}}, `form of fc1 is "csr": dense, sparse and shared are allowed`},
		"too many values": {engine.Options{Batch: 1, Inference: true, Forms: forms(net, engine.Shared)}, "node fc1: the weights take more than 256 different values"},
	}
	for name, test := range tests {
		if _, err := eng.Open(net, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}
