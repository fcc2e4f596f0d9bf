// Package exporttest has what tests of export need: networks of every kind, and
// the other programs that read what is written.
package exporttest

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// Case is a network with a name for the test.
type Case struct {
	Name string
	Net  *models.Network
}

// Cases are networks that tests share and must not change: all architectures of
// the zoo in small widths, each dense; some also in other forms, with channels
// removed and with weights masked; and a network of the operations that the zoo
// has none of.
func Cases(t testing.TB) []Case {
	t.Helper()
	once.Do(func() { shared = cases(t) })
	if shared == nil {
		t.Fatal("the networks could not be built")
	}
	return shared
}

var (
	once   sync.Once
	shared []Case
)

func cases(t testing.TB) []Case {
	t.Helper()
	var cases []Case
	add := func(name string, net *models.Network) { cases = append(cases, Case{name, net}) }
	for i, arch := range zoo.Names() {
		add(arch, zootest.Drawn(t, small(arch), uint64(i)))
	}
	for name, o := range map[string]zoo.Options{
		"resnet-20 B":         {Arch: "resnet-20", Width: 0.25, Shortcut: zoo.ShortcutProjection},
		"vgg-11-bn li":        {Arch: "vgg-11-bn", Width: 0.0625, Head: zoo.HeadLi, Dropout: 0.4},
		"mlp with all":        {Arch: "mlp", Hidden: []int{9, 7}, BatchNorm: true, Dropout: 0.25},
		"lenet-5 with all":    {Arch: "lenet-5", Width: 0.25, BatchNorm: true, ReLU: true, Dropout: 0.1},
		"densenet-40 dropout": {Arch: "densenet-40", Growth: 2, Stem: 4, Dropout: 0.2},
	} {
		add(name, zootest.Drawn(t, o, 40))
	}
	for _, arch := range []string{"lenet-5", "resnet-20", "vgg-16-bn", "densenet-40"} {
		add(arch+" pruned", pruned(t, zootest.Drawn(t, small(arch), 50)))
	}
	for _, arch := range []string{"lenet-300-100", "resnet-20"} {
		add(arch+" masked", masked(zootest.Drawn(t, small(arch), 60)))
	}
	add("other operations", zootest.Draw(Other(t), 70))
	slices.SortFunc(cases, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return cases
}

// small is an architecture in a form that is quick to compute.
func small(arch string) zoo.Options {
	switch o := (zoo.Options{Arch: arch}); arch {
	case "lenet-5", "resnet-20":
		o.Width = 0.25
		return o
	case "mlp":
		o.Hidden = []int{12, 8}
		return o
	case "lenet-300-100":
		return o
	case "densenet-40":
		o.Growth, o.Stem = 3, 4
		return o
	default:
		o.Width = 0.0625
		return o
	}
}

// pruned is a network without every third of its channels.
func pruned(t testing.TB, net *models.Network) *models.Network {
	t.Helper()
	groups, err := channel.Groups(net)
	if err != nil {
		t.Fatal(err)
	}
	set := channel.Set{}
	for _, g := range groups {
		for u := range g.Units {
			if u%3 == 1 && g.Units[u].Fixed == "" {
				set[g.Name] = append(set[g.Name], u)
			}
		}
	}
	less, err := channel.Remove(net, set)
	if err != nil {
		t.Fatal(err)
	}
	return less
}

// masked is a network whose weights are masked but for every fifth.
func masked(net *models.Network) *models.Network {
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		p.Mask = make([]bool, len(p.Data))
		for i := range p.Mask {
			p.Mask[i] = i%5 == 0
		}
		p.ApplyMask()
	}
	return net
}

// Other has the operations and the attributes that no network of the zoo has,
// with zeros in every parameter.
func Other(t testing.TB) *models.Network {
	t.Helper()
	net := &models.Network{Name: "other", Input: models.Shape{3, 13, 11}}
	last := "input"
	add := func(name string, op models.Op, a models.Attrs, inputs ...string) string {
		if len(inputs) == 0 {
			inputs = []string{last}
		}
		net.Nodes = append(net.Nodes, models.Node{Name: name, Op: op, Attrs: a, Inputs: inputs})
		last = name
		return name
	}
	net.Nodes = []models.Node{{Name: "input", Op: models.OpInput}}
	add("conv", models.OpConv2D, models.Attrs{Out: 6, Kernel: [2]int{3, 2}, Pad: [4]int{1, 0, 2, 1}, Groups: 3})
	add("norm", models.OpBatchNorm, models.Attrs{Eps: 1e-3, Momentum: 0.05, NoScale: true, NoShift: true})
	add("six", models.OpReLU6, models.Attrs{})
	add("lrn", models.OpLRN, models.Attrs{Size: 3, Alpha: 0.4, Beta: 0.75, Bias: 1})
	add("depthwise", models.OpConv2D, models.Attrs{Out: 6, Kernel: [2]int{3, 3}, Pad: [4]int{2, 2, 2, 2}, Dilation: [2]int{2, 2}, Groups: 6, NoBias: true})
	leaky := add("leaky", models.OpLeakyReLU, models.Attrs{Slope: 0.2})
	gate := add("gate", models.OpHardSigmoid, models.Attrs{}, add("squeeze", models.OpGlobalAvgPool, models.Attrs{}))
	add("excited", models.OpMul, models.Attrs{}, leaky, gate)
	max := add("max", models.OpMaxPool, models.Attrs{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Ceil: true})
	avg := add("avg", models.OpAvgPool, models.Attrs{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Ceil: true}, "excited")
	add("sum", models.OpAdd, models.Attrs{}, max, avg, max)
	few := add("few", models.OpChannelSelect, models.Attrs{Channels: []int{4, 0, 5}})
	mixed := add("mixed", models.OpChannelSelect, models.Attrs{Channels: []int{2, -1, 1, 1, -1}}, "sum")
	silu := add("silu", models.OpSiLU, models.Attrs{}, few)
	swish := add("swish", models.OpHardSwish, models.Attrs{}, mixed)
	add("joined", models.OpConcat, models.Attrs{}, silu, swish, "sum")
	add("counted", models.OpAvgPool, models.Attrs{Kernel: [2]int{3, 3}, Stride: [2]int{2, 1}, Pad: [4]int{1, 1, 1, 1}, CountPad: true})
	add("sigmoid", models.OpSigmoid, models.Attrs{})
	add("flat", models.OpFlatten, models.Attrs{})
	add("features", models.OpChannelSelect, models.Attrs{Channels: []int{7, 3, -1, 5, 1, 0, 2, 4}})
	add("wider", models.OpChannelSelect, models.Attrs{Channels: []int{-1, 0, 1, 2, 3, 4, 5, 6, 7, -1, -1}})
	add("fc1", models.OpLinear, models.Attrs{Out: 5, NoBias: true})
	add("fc1.norm", models.OpBatchNorm, models.Attrs{})
	add("tanh", models.OpTanh, models.Attrs{})
	add("fc2", models.OpLinear, models.Attrs{Out: 4})
	zootest.Lay(t, net)
	return net
}
