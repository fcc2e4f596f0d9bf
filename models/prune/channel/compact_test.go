package channel_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
)

// thin prunes a share of the weights and takes their biases from some filters,
// as pruning of connections does.
func thin(net *models.Network, share float64, seed uint64) *models.Network {
	r := rand.New(rand.NewPCG(seed, 6))
	for _, p := range net.Params {
		switch p.Role {
		case models.RoleWeight:
			p.Mask = make([]bool, len(p.Data))
			for i := range p.Data {
				if p.Mask[i] = r.Float64() >= share; !p.Mask[i] {
					p.Data[i] = 0
				}
			}
		case models.RoleBias, models.RoleBeta, models.RoleMean:
			for i := range p.Data {
				if r.IntN(3) > 0 {
					p.Data[i] = 0
				}
			}
		}
	}
	return net
}

func compact(t *testing.T, net *models.Network) *models.Network {
	t.Helper()
	before := net.Clone()
	small, err := channel.Compact(net)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, net) {
		t.Fatal("the network has changed")
	}
	same(t, net, small)
	return small
}

func units(t *testing.T, net *models.Network) (n int) {
	t.Helper()
	for _, g := range groups(t, net) {
		n += len(g.Units)
	}
	return n
}

func TestCompactRandomGraphs(t *testing.T) {
	t.Parallel()
	removed := 0
	for seed, net := range randomNetworks(t) {
		thin(net, 0.7+0.25*float64(seed%10)/10, seed)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			small := compact(t, net)
			removed += units(t, net) - units(t, small)
			if again := compact(t, small); !reflect.DeepEqual(again, small) {
				t.Error("what is compact becomes smaller once more")
			}
		})
	}
	t.Logf("%d units were removed", removed)
	if removed < 1000 {
		t.Errorf("only %d units were removed", removed)
	}
}

func TestCompactArchitectures(t *testing.T) {
	t.Parallel()
	for _, o := range []zoo.Options{
		{Arch: "lenet-300-100"}, {Arch: "lenet-5"}, {Arch: "vgg-11-bn", Width: 0.25},
		{Arch: "resnet-20"}, {Arch: "resnet-20", Shortcut: "B"}, {Arch: "densenet-40", Growth: 2},
	} {
		t.Run(o.Arch+o.Shortcut, func(t *testing.T) {
			t.Parallel()
			net := thin(build(t, o), 0.97, 1)
			small := compact(t, net)
			if before, after := costs(t, net), costs(t, small); after.Params >= before.Params {
				t.Errorf("%d parameters of %d stay", after.Params, before.Params)
			}
		})
	}
}

func TestCompactByHand(t *testing.T) {
	t.Parallel()
	conv := models.Attrs{Out: 4, Kernel: [2]int{1, 1}}
	last := conv
	last.Out = 3
	net := graph(t, models.Shape{1, 2, 2},
		node("a", models.OpConv2D, conv, "x"), node("relu", models.OpReLU, models.Attrs{}, "a"),
		node("b", models.OpConv2D, last, "relu"), node("mean", models.OpGlobalAvgPool, models.Attrs{}, "b"), node("out", models.OpFlatten, models.Attrs{}, "mean"))
	// Filter 0 is not heard, 1 sends relu(-1) = 0, 2 is a constant that is
	// heard, 3 lives.
	copy(net.Param("a.weight").Data, []float32{5, 0, 0, 6})
	copy(net.Param("a.bias").Data, []float32{1, -1, 1, 1})
	b := net.Param("b.weight")
	copy(b.Data, []float32{0, 1, 2, 3, 0, 1, 2, 0, 0, 1, 2, 3})
	b.Mask = make([]bool, len(b.Data))
	for i, w := range b.Data {
		b.Mask[i] = w != 0
	}
	small := compact(t, net)
	want := &models.Param{
		Name: "b.weight", Node: "b", Role: models.RoleWeight, Shape: models.Shape{3, 2, 1, 1},
		Data: []float32{2, 3, 2, 0, 2, 3}, Mask: []bool{true, true, true, false, true, true},
	}
	if got := small.Param("b.weight"); !reflect.DeepEqual(got, want) {
		t.Errorf("what is left of b is %v, want %v", got, want)
	}
}

// Of a layer of zeros, which feeds the next a constant of 0, one channel stays.
func TestCompactKeepsOneChannel(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "lenet-5"})
	for _, name := range []string{"conv2.weight", "conv2.bias"} {
		clear(net.Param(name).Data)
	}
	small := compact(t, net)
	for layer, want := range map[string]int{"conv1": 1, "conv2": 1} {
		if n, _ := small.Node(layer); n.Attrs.Out != want {
			t.Errorf("%s has %d channels, want %d", layer, n.Attrs.Out, want)
		}
	}
}

func TestCompactRefusesInvalidNetwork(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "lenet-5"})
	net.Params = net.Params[:1]
	if _, err := channel.Compact(net); err == nil {
		t.Error("a network without its parameters is not refused")
	}
}
