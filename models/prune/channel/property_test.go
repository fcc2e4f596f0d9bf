package channel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
)

// check holds for every set that can be removed: what is left computes what the
// zeroed network does, costs what was foretold, and net is as it was.
func check(t *testing.T, net *models.Network, set channel.Set) {
	t.Helper()
	before := net.Clone()
	small, zeroed := remove(t, net, set), zero(t, net, set)
	if !reflect.DeepEqual(before, net) {
		t.Fatal("the network has changed")
	}
	same(t, zeroed, small)
	counter, err := channel.NewCounter(net)
	if err != nil {
		t.Fatal(err)
	}
	foretold, err := counter.After(set)
	if err != nil {
		t.Fatal(err)
	}
	if got := costs(t, small); got != foretold {
		t.Errorf("the smaller network costs %+v, foretold was %+v", got, foretold)
	}
	saved, err := counter.Saving(set)
	if all := costs(t, net); err != nil || saved.Params != all.Params-foretold.Params || saved.MACs != all.MACs-foretold.MACs {
		t.Errorf("Saving = %+v, %v, of %+v", saved, err, all)
	}
	if set.Len() > 0 && foretold.Params >= costs(t, net).Params && !onlyZeros(net, set) {
		t.Errorf("removing %d units saves no parameters", set.Len())
	}
}

// onlyZeros says whether no parameter belongs to any unit of the set.
func onlyZeros(net *models.Network, set channel.Set) bool {
	found, _ := channel.Groups(net)
	for _, g := range found {
		for _, i := range set[g.Name] {
			if len(g.Units[i].Slices()) > 0 {
				return false
			}
		}
	}
	return true
}

func TestRandomGraphs(t *testing.T) {
	t.Parallel()
	removed, refused := 0, 0
	for seed, net := range randomNetworks(t) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			set := share(groups(t, net), r, 0.6*r.Float64())
			_, err := channel.Remove(net, set)
			for err != nil { // a layer reads several channels of one group's place
				refused++
				if !strings.Contains(err.Error(), "must stay") {
					t.Fatal(err)
				}
				halve(set)
				_, err = channel.Remove(net, set)
			}
			removed += set.Len()
			check(t, net, set)
		})
	}
	t.Logf("%d units were removed, %d sets refused", removed, refused)
	if removed < 1000 {
		t.Errorf("only %d units were removed, %d sets refused", removed, refused)
	}
}

// branch gives a selection to every node that can use one.
func branch(t *testing.T, net *models.Network) *models.Network {
	t.Helper()
	readers, err := channel.Branches(net)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := channel.Branch(net, readers...)
	if err != nil {
		t.Fatal(err)
	}
	return wide
}

func finite(net *models.Network, t *testing.T) bool {
	for _, y := range forward(t, net) {
		if math.IsNaN(float64(y)) || math.IsInf(float64(y), 0) {
			return false
		}
	}
	return true
}

// halve takes every second unit out of a set.
func halve(set channel.Set) {
	for name, units := range set {
		if set[name] = units[:len(units)/2]; len(units) == 1 {
			delete(set, name)
		}
	}
}

func TestZoo(t *testing.T) {
	t.Parallel()
	for _, o := range []zoo.Options{
		{Arch: "mlp"}, {Arch: "lenet-300-100", BatchNorm: true}, {Arch: "lenet-5"}, {Arch: "lenet-5", BatchNorm: true},
		{Arch: "resnet-20"}, {Arch: "resnet-20", Shortcut: zoo.ShortcutProjection}, {Arch: "resnet-56"}, {Arch: "resnet-110", Width: 0.5},
		{Arch: "vgg-16-bn", Width: 0.25}, {Arch: "vgg-19-bn", Width: 0.125, Head: zoo.HeadLi},
		{Arch: "resnet-164", Width: 0.5}, {Arch: "densenet-40", Width: 0.5}, {Arch: "convnet", Width: 0.25}, {Arch: "resnet-20-ista"},
	} {
		if o.Input == nil && !strings.Contains(o.Arch, "lenet") && o.Arch != "mlp" && o.Arch != "convnet" {
			o.Input = models.Shape{3, 8, 8}
			if strings.HasPrefix(o.Arch, "vgg") {
				o.Input = models.Shape{3, 16, 16}
			}
		}
		t.Run(fmt.Sprintf("%s%s", o.Arch, o.Shortcut), func(t *testing.T) {
			t.Parallel()
			net := build(t, o)
			wide := branch(t, net)
			same(t, net, wide)
			check(t, wide, share(groups(t, wide), rand.New(rand.NewPCG(9, 1)), 0.4))
			for i, part := range []float64{0.1, 0.5, 0.95} {
				check(t, net, share(groups(t, net), rand.New(rand.NewPCG(uint64(i), 1)), part))
			}
		})
	}
}
