package channel_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
)

// shuffled is an order of all units that can change places.
func shuffled(t *testing.T, net *models.Network, r *rand.Rand) map[string][]int {
	t.Helper()
	order, err := channel.Movable(net)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups(t, net) {
		units := order[g.Name]
		r.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
	}
	return order
}

// back undoes an order.
func back(t *testing.T, net *models.Network, order map[string][]int) map[string][]int {
	t.Helper()
	all, err := channel.Movable(net)
	if err != nil {
		t.Fatal(err)
	}
	for name, units := range order {
		sorted, undone := slices.Sorted(slices.Values(units)), make([]int, len(units))
		for k, from := range units {
			at, _ := slices.BinarySearch(sorted, from)
			undone[at] = sorted[k]
		}
		all[name] = undone
	}
	return all
}

// permutes checks that a shuffled network computes the same, and becomes what it
// was when its units go back to their places. It says how many can be moved.
func permutes(t *testing.T, net *models.Network, seed uint64) (moved int) {
	t.Helper()
	before := net.Clone()
	order := shuffled(t, net, rand.New(rand.NewPCG(seed, 4)))
	other, err := channel.Permute(net, order)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, net) {
		t.Fatal("the network has changed")
	}
	same(t, net, other)
	again, err := channel.Permute(other, back(t, other, order))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, net) {
		t.Error("units that went back to their places do not make the network that was permuted")
	}
	for _, units := range order {
		moved += len(units)
	}
	return moved
}

func TestPermuteRandomGraphs(t *testing.T) {
	t.Parallel()
	moved := 0
	for seed, net := range randomNetworks(t) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { moved += permutes(t, net, seed) })
	}
	if moved < 1000 {
		t.Errorf("only %d units could be moved", moved)
	}
}

func TestPermuteZoo(t *testing.T) {
	t.Parallel()
	for arch, want := range map[string]int{
		"lenet-300-100": 400, "lenet-5": 20 + 50 + 500, "resnet-20": 3 * (16 + 32 + 64), "vgg-11-bn": 2752, "densenet-40": 16 + 36*12 + (16 + 144) + (16 + 288),
	} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			net := build(t, zoo.Options{Arch: arch})
			if got := permutes(t, net, 1); got != want {
				t.Errorf("%d units can change places, want %d", got, want)
			}
		})
	}
}

// Masks go with their weights.
func TestPermuteMovesMasks(t *testing.T) {
	t.Parallel()
	net := graph(t, models.Shape{2}, node("a", models.OpLinear, models.Attrs{Out: 3}, "x"), node("b", models.OpLinear, models.Attrs{Out: 2}, "a"))
	p := net.Param("a.weight")
	p.Mask = []bool{true, false, true, true, false, false}
	p.ApplyMask()
	moved, err := channel.Permute(net, map[string][]int{"a": {2, 0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := moved.Param("a.weight").Mask, []bool{false, false, true, false, true, true}; !slices.Equal(got, want) {
		t.Errorf("mask %v, want %v", got, want)
	}
	if got, want := moved.Param("a.bias").Data[0], net.Param("a.bias").Data[2]; got != want {
		t.Errorf("the first bias is %v, want %v", got, want)
	}
	same(t, net, moved)
}

func TestPermuteRefuses(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "lenet-300-100"})
	for name, c := range map[string]struct {
		order map[string][]int
		want  string
	}{
		"no such group":   {map[string][]int{"fc9": {0, 1}}, "group fc9: the order [0 1] is not one of"},
		"not all":         {map[string][]int{"fc1": {1, 0}}, "group fc1: the order [1 0] is not one of"},
		"the output":      {map[string][]int{"fc3": {1, 0, 2, 3, 4, 5, 6, 7, 8, 9}}, "group fc3: "},
		"twice the same":  {map[string][]int{"fc2": slices.Repeat([]int{1}, 100)}, "group fc2: "},
		"nothing to move": {map[string][]int{"input": {}}, "group input: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := channel.Permute(net, c.order); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
