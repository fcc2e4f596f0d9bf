package esp_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/compress/esp"
	"espalier/models/prune"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// anyPruned is a network of a random architecture after one to three passes of
// a random method, with weights that may then share values.
func anyPruned(t *testing.T, r *rand.Rand) (*models.Network, string) {
	t.Helper()
	architectures := []zoo.Options{
		{Arch: "mlp", Hidden: []int{3 + r.IntN(40), 3 + r.IntN(20)}, Input: models.Shape{1 + r.IntN(50)}, BatchNorm: r.IntN(2) == 0},
		{Arch: "lenet-5", Width: 0.15 + 0.2*r.Float64(), Input: models.Shape{1 + r.IntN(3), 20, 20}, BatchNorm: r.IntN(2) == 0},
		{Arch: "resnet-20", Width: 0.25, Input: models.Shape{3, 8, 8}, Shortcut: zoo.ShortcutPad},
		{Arch: "vgg-11-bn", Width: 0.06, Input: models.Shape{3, 32, 32}},
	}
	o := architectures[r.IntN(len(architectures))]
	net := zootest.Drawn(t, o, r.Uint64())
	methods := []prune.Options{
		{Method: "han", Scope: prune.ScopeLayer, Sparsity: 0.1 + 0.89*r.Float64(), DeadNeurons: o.Arch == "mlp"},
		{Method: "han", Scope: "global", Sparsity: 0.1 + 0.89*r.Float64()},
		{Method: "filter-norm", Scope: prune.ScopeLayer, Channels: 0.1 + 0.4*r.Float64()},
	}
	m := methods[r.IntN(len(methods))]
	plan, err := prune.NewPlan(context.Background(), net, m, prune.Basis{})
	if err != nil {
		t.Fatalf("%+v of %+v: %v", m, o, err)
	}
	net, err = prune.Apply(net, plan)
	if err != nil {
		t.Fatal(err)
	}
	does := fmt.Sprintf("%s of %s", m.Method, net.Name)
	switch r.IntN(3) {
	case 0:
		return shared(t, net, 1+r.IntN(8)), does + ", shared"
	case 1:
		return scaled(net, []float32{127, 7, 1}[r.IntN(3)]), does + ", multiples"
	}
	return net, does
}

func TestWhateverPruningLeavesComesBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 7))
		net, does := anyPruned(t, r)
		data, err := esp.Encode(net, esp.Options{Smallest: r.IntN(2) == 0})
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, does, err)
		}
		got, err := esp.Decode(data)
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, does, err)
		}
		if d := differ(net, got); d != "" {
			t.Errorf("seed %d, %s: another %s comes back", seed, does, d)
		}
		streamed, err := esp.Read(bytes.NewReader(data))
		if err != nil || differ(net, streamed) != "" {
			t.Errorf("seed %d, %s: from a stream another network comes back, error %v", seed, does, err)
		}
	}
}
