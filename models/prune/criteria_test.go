package prune_test

import (
	"math"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/prune"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// chainNet is input, conv a (4 filters), relu, conv b (3 filters), relu, flatten,
// linear c: 1x1 filters on one pixel, so that weights can be written down.
func chainNet(t testing.TB, a, b, c []float32) *models.Network {
	t.Helper()
	conv := func(name, input string, out int) models.Node {
		return models.Node{Name: name, Op: models.OpConv2D, Inputs: []string{input}, Attrs: models.Attrs{Out: out}}
	}
	then := func(name string, op models.Op, input string) models.Node {
		return models.Node{Name: name, Op: op, Inputs: []string{input}}
	}
	net := &models.Network{Name: "chain", Input: models.Shape{2, 1, 1}, Nodes: []models.Node{
		{Name: "x", Op: models.OpInput}, conv("a", "x", 4), then("relu1", models.OpReLU, "a"), conv("b", "relu1", 3), then("relu2", models.OpReLU, "b"),
		then("flat", models.OpFlatten, "relu2"), {Name: "c", Op: models.OpLinear, Inputs: []string{"flat"}, Attrs: models.Attrs{Out: 2}},
	}}
	params, err := net.Layout()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		p.Data = make([]float32, p.Shape.Size())
		switch p.Name {
		case "a.weight":
			copy(p.Data, a)
		case "b.weight":
			copy(p.Data, b)
		case "c.weight":
			copy(p.Data, c)
		}
	}
	net.Params = params
	return net
}

// removedOf is what a plan takes of a group.
func removedOf(t testing.TB, p *prune.Plan, group string) []int {
	t.Helper()
	for _, g := range p.Channels.Groups {
		if g.Name == group {
			return g.Removed
		}
	}
	t.Fatalf("no group %s", group)
	return nil
}

var (
	aWeights = []float32{3, -1, 2, 2, 0, -5, 1, 1} // norms 4, 4, 5, 2; 2-norms 3.16, 2.83, 5, 1.41
	bWeights = []float32{
		0, 0, 0, 9, // 9, of which the fourth input has all
		1, 1, 1, 1,
		2, -2, 2, 0,
	}
	cWeights = []float32{1, 2, 3, -1, -2, -3}
)

func TestNormsByHand(t *testing.T) {
	t.Parallel()
	net := chainNet(t, aWeights, bWeights, cWeights)
	for name, c := range map[string]struct {
		o    prune.MethodOptions
		a, b []int // removed of 4 and of 3
	}{
		"sums, of equal ones the first stays": {prune.MethodOptions{}, []int{1, 3}, []int{1}},
		"2-norms":                             {prune.MethodOptions{Norm: "l2"}, []int{1, 3}, []int{1}},
		"largest first":                       {prune.MethodOptions{First: "largest"}, []int{1, 2}, []int{0}},
		"greedy: without the input that is gone by now": {prune.MethodOptions{Greedy: true}, []int{1, 3}, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := planned(t, net, prune.Options{Method: "filter-norm", Scope: "layer", Layers: map[string]float64{"a": 0.5, "b": 0.3}, MethodOptions: c.o}, prune.Basis{})
			if a, b := removedOf(t, p, "a"), removedOf(t, p, "b"); !slices.Equal(a, c.a) || !slices.Equal(b, c.b) {
				t.Errorf("removed %v of a and %v of b, want %v and %v", a, b, c.a, c.b)
			}
		})
	}
}

// The samples (1, 0), (0, 1), (1, 1) and (-1, -1) through the weights of a.
func TestActivationsByHand(t *testing.T) {
	t.Parallel()
	net := chainNet(t, aWeights, bWeights, cWeights)
	data := &prune.Data{Engine: backend(t), X: []float32{1, 0, 0, 1, 1, 1, -1, -1}, Labels: make([]int32, 4)}
	// behind relu: 3 0 2 0, 2 2 4 0, 0 0 0 5, 1 1 2 0: zeros 2, 1, 3, 1; means 1.25, 2, 1.25, 1
	for method, want := range map[string][]int{"apoz": {0, 2}, "mean-activation": {2, 3}} {
		p := planned(t, net, prune.Options{Method: method, Scope: "layer", Layers: map[string]float64{"a": 0.5}}, prune.Basis{Data: data})
		if got := removedOf(t, p, "a"); !slices.Equal(got, want) {
			t.Errorf("%s removes %v of a, want %v", method, got, want)
		}
	}
	// Shares of non-zeros are 0.5, 0.75, 0.25, 0.75: mean 0.5625, deviation 0.207.
	p := planned(t, net, prune.Options{Method: "apoz", Scope: "layer", MethodOptions: prune.MethodOptions{Deviations: 1}}, prune.Basis{Data: data})
	if got := removedOf(t, p, "a"); !slices.Equal(got, []int{2}) {
		t.Errorf("apoz removes %v of a by one deviation, want 2", got)
	}
}

// A channel whose every effect is 0 has no first-order importance, and masked
// weights never come back.
func TestTaylorFindsWhatDoesNothing(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-5", ReLU: true, Width: 0.5}, 3)
	w := net.Param("conv2.weight")
	for i := range w.Data {
		if in := i / 25 % 10; in == 3 || in == 7 { // nothing reads these two
			w.Data[i] = 0
		}
	}
	p := planned(t, net, prune.Options{Method: "taylor", Scope: "layer", Granularity: "channel", Layers: map[string]float64{"conv1": 0.2}}, prune.Basis{Data: someData(t, net, 64)})
	if got := removedOf(t, p, "conv1"); !slices.Equal(got, []int{3, 7}) {
		t.Errorf("taylor removes %v of conv1, want 3 and 7, which nothing reads", got)
	}
	masks := planned(t, net, prune.Options{Method: "taylor", Scope: "global", Sparsity: 0.9}, prune.Basis{Data: someData(t, net, 64)})
	if got := masks.Sparsity(); math.Abs(got-0.9) > 1e-4 {
		t.Errorf("taylor masks %g of the weights, want 0.9", got)
	}
}

// Scales of exactly 0 go, and nothing else does.
func TestISTARemovesZerosAlone(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-5", BatchNorm: true}, 3)
	for _, at := range []int{0, 4, 19} {
		net.Param("conv1.bn.gamma").Data[at] = 0
	}
	for i := range net.Param("bn1.gamma").Data {
		net.Param("bn1.gamma").Data[i] = 0 // one must stay all the same
	}
	p := planned(t, net, prune.Options{Method: "ista", Scope: "global", ChannelOptions: prune.ChannelOptions{Constants: "absorb"}}, prune.Basis{})
	if got := removedOf(t, p, "conv1"); !slices.Equal(got, []int{0, 4, 19}) {
		t.Errorf("removed %v of conv1, want 0, 4 and 19", got)
	}
	if got := removedOf(t, p, "conv2"); got != nil {
		t.Errorf("removed %v of conv2, whose scales are not 0", got)
	}
	for _, g := range p.Channels.Groups {
		if g.Name == "fc1" && (g.After != 1 || g.Spared != 1) {
			t.Errorf("fc1 keeps %d neurons, %d of them spared, want one", g.After, g.Spared)
		}
	}
	small, err := prune.Apply(net, p)
	if err != nil {
		t.Fatal(err)
	}
	alike(t, net, small) // no padding: constants are absorbed exactly
}

// The seed alone decides what random takes.
func TestRandomIsDrawnBySeed(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-5"}, 3)
	take := func(seed uint64) []int {
		o := prune.Options{Method: "random", Scope: "layer", Granularity: "channel", Channels: 0.5, MethodOptions: prune.MethodOptions{Seed: seed}}
		return removedOf(t, planned(t, net, o, prune.Basis{}), "conv2")
	}
	if one, same, other := take(1), take(1), take(2); !slices.Equal(one, same) || slices.Equal(one, other) || len(one) != 25 {
		t.Errorf("seeds 1, 1 and 2 take %v, %v and %v", one, same, other)
	}
}

// Channels that are made together go together, from both sides of a sum.
func TestCoupledChannelsGoTogether(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "resnet-20", Shortcut: zoo.ShortcutProjection, Input: models.Shape{3, 8, 8}}, 3)
	o := prune.Options{Method: "filter-norm", Scope: "layer", Channels: 0.25, ChannelOptions: prune.ChannelOptions{Coupled: true}}
	small, err := prune.Apply(net, planned(t, net, o, prune.Basis{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range []string{"conv1", "layer1.0.conv1", "layer1.0.conv2", "layer1.2.conv2"} {
		if got := width(t, small, layer); got != 12 {
			t.Errorf("%s has %d filters, want 12 of 16", layer, got)
		}
	}
}

func FuzzValues(f *testing.F) {
	f.Add("AACAPwAAAMA=")
	f.Add("AACAPw==")
	f.Add("AAA=")
	f.Add("!")
	f.Fuzz(func(t *testing.T, text string) {
		var v prune.Values
		if v.UnmarshalText([]byte(text)) != nil {
			return
		}
		again, err := v.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var w prune.Values
		if err := w.UnmarshalText(again); err != nil || len(w) != len(v) {
			t.Errorf("%q is %d values, written again %q, %v", text, len(v), again, err)
		}
		for i := range v {
			if math.Float32bits(v[i]) != math.Float32bits(w[i]) {
				t.Errorf("value %d is %x, was %x", i, math.Float32bits(w[i]), math.Float32bits(v[i]))
			}
		}
	})
}
