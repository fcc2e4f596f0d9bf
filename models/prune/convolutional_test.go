package prune_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// drawn draws every parameter, those of normalization too, so that none is
// where it does nothing.
func drawn(net *models.Network, seed uint64) *models.Network {
	zoo.Init(net, seed)
	r := rand.New(rand.NewPCG(seed, 3))
	for _, p := range net.Params {
		for i := range p.Data {
			switch p.Role {
			case models.RoleVariance:
				p.Data[i] = float32(0.5 + r.Float64())
			case models.RoleGamma, models.RoleBias, models.RoleBeta, models.RoleMean:
				p.Data[i] = float32(r.NormFloat64()) / 4
			}
		}
	}
	return net
}

func convolutional(t testing.TB, arch string, seed uint64) *models.Network {
	t.Helper()
	o, _ := zoo.Default(arch)
	o.Width, o.Classes = 0.1, 4
	o.Input = models.Shape{2, 16, 16}
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	return drawn(net, seed)
}

// graph is a network of those nodes behind an input of that shape. A node
// without inputs reads the one before.
func graph(t testing.TB, seed uint64, input models.Shape, nodes ...models.Node) *models.Network {
	t.Helper()
	net := &models.Network{Name: "graph", Input: input, Nodes: []models.Node{{Name: "input", Op: models.OpInput}}}
	for _, n := range nodes {
		if n.Inputs == nil {
			n.Inputs = []string{net.Output()}
		}
		net.Nodes = append(net.Nodes, n)
	}
	zootest.Lay(t, net)
	return drawn(net, seed)
}

// Convolutions and linear layers are pruned to their targets; normalization,
// statistics and biases stay as they are.
func TestHanOfConvolutions(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"lenet-5", "vgg-11-bn", "resnet-20", "resnet-20-ista", "densenet-40"} {
		for _, scope := range prune.Scopes() {
			t.Run(arch+" "+scope, func(t *testing.T) {
				t.Parallel()
				net := convolutional(t, arch, 5)
				o := prune.Options{Method: "han", Scope: scope, Sparsity: 0.6}
				pruned := apply(t, net, plan(t, net, o))
				checkPruned(t, net, pruned, o)
				for i, p := range net.Params {
					if p.Role != models.RoleWeight {
						if diff := cmp.Diff(p, pruned.Params[i]); diff != "" {
							t.Errorf("%s changed:\n%s", p.Name, diff)
						}
					}
				}
			})
		}
	}
}

func TestHanOfConvolutionsByLayer(t *testing.T) {
	t.Parallel()
	net := convolutional(t, "resnet-20", 5)
	o := han(0.5)
	o.Exclude = []string{"conv1", "linear"}
	o.Layers = map[string]float64{"layer2.0.conv1": 0.75}
	p := plan(t, net, o)
	for _, l := range p.Layers {
		want := 0.5
		switch l.Name {
		case "conv1", "linear":
			want = 0
		case "layer2.0.conv1":
			want = 0.75
		}
		if got := l.Weights - l.After; got != int(want*float64(l.Weights)+0.5) {
			t.Errorf("%s: %d of %d weights go, want the share %g", l.Name, got, l.Weights, want)
		}
	}
	o.Exclude = []string{"bn1"}
	if _, err := prune.NewPlan(context.Background(), net, o, prune.Basis{}); err == nil || !strings.Contains(err.Error(), `layer "bn1" is not known; allowed are conv1, layer1.0.conv1`) {
		t.Errorf("error %v of a normalization that is excluded", err)
	}
}

func TestQualityOfConvolutions(t *testing.T) {
	t.Parallel()
	net := convolutional(t, "lenet-5", 5)
	o := prune.Options{Method: "han", Scope: prune.ScopeLayer, Quality: map[string]float64{"default": 1, "conv1": 0.5}}
	p := plan(t, net, o)
	if conv1, conv2 := p.Layers[0].Sparsity(), p.Layers[1].Sparsity(); conv1 > 0.5 || conv2 < 0.6 || conv2 > 0.76 {
		t.Errorf("sparsities %g and %g, want about 0.38 and 0.68", conv1, conv2)
	}
}

// Dead neurons and Compact change no output of convolutional networks, and
// find the neurons between linear layers.
func TestConvolutionalNetworksKeepOutputs(t *testing.T) {
	t.Parallel()
	dead := map[string]int{}
	for _, arch := range []string{"lenet-5", "vgg-11-bn", "resnet-20", "convnet"} {
		for seed := range uint64(3) {
			var net *models.Network
			switch arch {
			case "convnet":
				o, _ := zoo.Default(arch)
				o.Width, o.Input = 0.03, models.Shape{1, 25, 25}
				built, err := zoo.Build(o)
				if err != nil {
					t.Fatal(err)
				}
				net = drawn(built, seed)
			default:
				net = convolutional(t, arch, seed)
			}
			o := han(0.9)
			masked := apply(t, net, plan(t, net, o))
			o.DeadNeurons = true
			p := plan(t, net, o)
			dead[arch] += deadIn(p)
			compacts(t, masked, apply(t, net, p))
		}
	}
	if dead["lenet-5"] == 0 {
		t.Error("no neuron of lenet-5's hidden layer is dead")
	}
	if dead["resnet-20"]+dead["convnet"]+dead["vgg-11-bn"] != 0 {
		t.Errorf("neurons of layers that are not between linear ones are dead: %v", dead)
	}
}

func deadIn(p *prune.Plan) (n int) {
	for _, l := range p.Layers {
		n += len(l.Dead)
	}
	return n
}

// compacts checks that networks and their compact forms have the same outputs.
func compacts(t *testing.T, nets ...*models.Network) {
	t.Helper()
	for _, net := range nets {
		sameOutputs(t, nets[0], net)
		compact, err := channel.Compact(net)
		if err != nil {
			t.Fatal(err)
		}
		sameOutputs(t, net, compact)
	}
}

// What lies between linear layers decides whether neurons may go. Every second
// neuron of fc1 gets no input or is not heard.
func TestNeuronsGoOnlyWhereNothingElseSeesThem(t *testing.T) {
	t.Parallel()
	node := func(name string, op models.Op, inputs ...string) models.Node {
		return models.Node{Name: name, Op: op, Inputs: inputs}
	}
	linear := func(name string, out int, inputs ...string) models.Node {
		return models.Node{Name: name, Op: models.OpLinear, Attrs: models.Attrs{Out: out}, Inputs: inputs}
	}
	bare := func(n models.Node) models.Node { n.Attrs.NoBias = true; return n }
	fc1, fc2, relu := linear("fc1", 8), linear("fc2", 3), node("relu", models.OpReLU)
	drop := models.Node{Name: "drop", Op: models.OpDropout, Attrs: models.Attrs{Rate: 0.5}}
	selected := models.Node{Name: "select", Op: models.OpChannelSelect, Attrs: models.Attrs{Channels: []int{7, 0, -1, 1, 2, 3, 4, 4}}}
	for name, c := range map[string]struct {
		nodes []models.Node
		dies  bool
	}{
		"directly":                    {[]models.Node{fc1, fc2}, true},
		"relu and dropout":            {[]models.Node{fc1, relu, drop, fc2}, true},
		"flatten of a flat tensor":    {[]models.Node{fc1, relu, node("flat", models.OpFlatten), fc2}, true},
		"two readers":                 {[]models.Node{fc1, relu, linear("a", 3), linear("b", 3, "relu"), node("add", models.OpAdd, "a", "b")}, true},
		"no bias before":              {[]models.Node{bare(fc1), relu, fc2}, true},
		"no bias behind":              {[]models.Node{fc1, bare(fc2)}, true}, // those that are not heard
		"no biases":                   {[]models.Node{bare(fc1), relu, bare(fc2)}, true},
		"batch_norm":                  {[]models.Node{fc1, node("bn", models.OpBatchNorm), relu, fc2}, false},
		"sigmoid":                     {[]models.Node{fc1, node("sigmoid", models.OpSigmoid), fc2}, false},
		"channel_select":              {[]models.Node{fc1, relu, selected, fc2}, false},
		"sum":                         {[]models.Node{fc1, relu, linear("side", 8, "input"), node("add", models.OpAdd, "relu", "side"), fc2}, false},
		"concat":                      {[]models.Node{fc1, relu, node("cat", models.OpConcat, "relu", "input"), fc2}, false},
		"seen by a sum too":           {[]models.Node{fc1, relu, linear("a", 8), node("add", models.OpAdd, "a", "relu")}, false},
		"the output sees it":          {[]models.Node{fc1, linear("a", 3), node("again", models.OpReLU, "fc1")}, false},
		"seen by normalization too":   {[]models.Node{fc1, linear("a", 3), node("bn", models.OpBatchNorm, "fc1"), linear("b", 3), node("add", models.OpAdd, "a", "b")}, false},
		"only a normalization behind": {[]models.Node{fc1, node("bn", models.OpBatchNorm)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(5) {
				net := graph(t, seed, models.Shape{6}, c.nodes...)
				for _, p := range net.Params {
					if p.Role != models.RoleWeight || p.Node == "side" {
						continue
					}
					p.Mask = slices.Repeat([]bool{true}, len(p.Data))
					rows, columns := p.Shape[0], p.Shape[1]
					for i := range p.Data {
						in, out := p.Node == "fc1" && i/columns%4 == 1, p.Node != "fc1" && columns >= 8 && i%columns%4 == 3
						p.Mask[i] = rows > 0 && !in && !out
					}
					p.ApplyMask()
				}
				o := han(0.05)
				masked := apply(t, net, plan(t, net, o))
				o.DeadNeurons = true
				p, err := prune.NewPlan(context.Background(), net, o, prune.Basis{})
				if err != nil {
					t.Fatal(err)
				}
				compacts(t, masked, apply(t, net, p))
				if got := deadIn(p) > 0; got != c.dies {
					t.Errorf("seed %d: neurons are dead: %t, want %t:\n%s", seed, got, c.dies, p)
				}
			}
		})
	}
}

// A plan calls no filter dead of a convolution whose image is flattened into a
// linear layer, and the filters' constants stay where they are.
func TestConvolutionBeforeLinear(t *testing.T) {
	t.Parallel()
	conv := models.Node{Name: "conv", Op: models.OpConv2D, Attrs: models.Attrs{Out: 4, Kernel: [2]int{3, 3}}}
	for seed := range uint64(5) {
		net := graph(t, seed, models.Shape{2, 6, 6}, conv, models.Node{Name: "relu", Op: models.OpReLU}, models.Node{Name: "flat", Op: models.OpFlatten},
			models.Node{Name: "fc1", Op: models.OpLinear, Attrs: models.Attrs{Out: 5}}, models.Node{Name: "fc2", Op: models.OpLinear, Attrs: models.Attrs{Out: 3}})
		p := net.Param("conv.weight")
		p.Mask = slices.Repeat([]bool{true}, len(p.Data))
		clear(p.Mask[18:54]) // two filters read nothing
		p.ApplyMask()
		o := han(0.6)
		masked := apply(t, net, plan(t, net, o))
		o.DeadNeurons = true
		done := plan(t, net, o)
		compacts(t, masked, apply(t, net, done))
		for _, l := range done.Layers {
			if l.Name == "conv" && len(l.Dead) > 0 {
				t.Errorf("filters %v of the convolution are dead", l.Dead)
			}
		}
	}
}

// Dropout behind anything but a linear layer keeps its rate.
func TestDropoutBehindConvolutionKeepsItsRate(t *testing.T) {
	t.Parallel()
	o, _ := zoo.Default("densenet-40")
	o.Width, o.Input, o.Dropout = 0.2, models.Shape{1, 8, 8}, 0.2
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	options := han(0.5)
	options.AdjustDropout = true
	if p := plan(t, drawn(net, 1), options); len(p.Dropout) != 0 {
		t.Errorf("dropout rates change: %+v", p.Dropout)
	}
	five, err := zoo.Build(zoo.Options{Arch: "lenet-5", Width: 0.2, Dropout: 0.5, Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	if p := plan(t, drawn(five, 1), options); len(p.Dropout) != 1 || p.Dropout[0].Node != "drop1" {
		t.Errorf("dropout of lenet-5: %+v, want drop1's", p.Dropout)
	}
}
