package channel_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	lenet, res := zootest.Blank(t, zoo.Options{Arch: "lenet-5"}), zootest.Blank(t, zoo.Options{Arch: "resnet-20"})
	broken := zootest.Blank(t, zoo.Options{Arch: "lenet-5"})
	broken.Params = broken.Params[1:]
	tests := map[string]struct {
		net  *models.Network
		set  channel.Set
		want string
	}{
		"no group":     {lenet, channel.Set{"conv9": {0}}, `no channel group "conv9"; there are input, conv1, conv2, fc1, fc2`},
		"no unit":      {lenet, channel.Set{"conv1": {1, 20}}, "group conv1: no unit 20, it has units 0 to 19"},
		"negative":     {lenet, channel.Set{"conv1": {-1}}, "group conv1: no unit -1"},
		"twice":        {lenet, channel.Set{"conv1": {4, 4}}, "group conv1: unit 4 is named twice"},
		"output":       {lenet, channel.Set{"fc2": {3}}, "group fc2: unit 3 is fixed (output): all its 10 units are fixed"},
		"input":        {lenet, channel.Set{"input": {0}}, "group input: unit 0 is fixed (input)"},
		"vanish":       {lenet, channel.Set{"conv1": first(20)}, "group conv1: 20 of its 20 units are to go, and node conv2 is left without its input pool1: one of the units there must stay, at most 19 may go"},
		"inner vanish": {res, channel.Set{"layer1.0.conv1": first(16)}, "group layer1.0.conv1: 16 of its 16 units are to go, and node layer1.0.conv2 is left"},
		"invalid":      {broken, nil, "parameters"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if small, err := channel.Remove(test.net, test.set); err == nil || !strings.Contains(err.Error(), test.want) || small != nil {
				t.Errorf("Remove = %v, %v, want an error with %q", small, err, test.want)
			}
			if _, err := channel.Zero(test.net, test.set); (err == nil) != strings.Contains(name, "vanish") {
				t.Errorf("Zero: %v, wanted is an error unless a layer vanishes", err)
			}
			if _, err := channel.Absorb(test.net, test.set); (err == nil) != strings.Contains(name, "vanish") {
				t.Errorf("Absorb: %v, wanted is an error unless a layer vanishes", err)
			}
		})
	}
	if _, err := channel.Groups(lenet, "pool1"); err == nil || !strings.Contains(err.Error(), `no layer "pool1" to exclude; allowed are conv1, conv2, fc1, fc2`) {
		t.Errorf("Groups without pool1: %v", err)
	}
	if _, err := channel.NewCounter(broken); err == nil {
		t.Error("NewCounter accepts a network without its first parameter")
	}
}

// A layer that only concatenations read may go altogether, with all that only
// it reads; a concatenation of one goes too.
func TestWholeLayers(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "densenet-40", Input: models.Shape{3, 8, 8}, Width: 0.25})
	all := func(names ...string) channel.Set {
		set := channel.Set{}
		for _, name := range names {
			set[name] = first(len(group(t, net, name).Units))
		}
		return set
	}
	set := all("dense1.0.conv1", "dense1.5.conv1", "dense3.11.conv1")
	check(t, net, set)
	small := remove(t, net, set)
	for _, n := range small.Nodes {
		for name := range set {
			if strings.HasPrefix(n.Name, strings.TrimSuffix(name, "conv1")) {
				t.Errorf("node %s is left", n.Name)
			}
		}
	}
	if len(small.Nodes) != len(net.Nodes)-3*4 {
		t.Errorf("%d nodes are left of %d, want 12 less", len(small.Nodes), len(net.Nodes))
	}
}

// Masks are thinned with their parameters, and dropped where nothing is masked.
func TestMasks(t *testing.T) {
	t.Parallel()
	net := graph(t, models.Shape{2}, node("a", models.OpLinear, models.Attrs{Out: 3}, "x"), node("b", models.OpLinear, models.Attrs{Out: 2}, "a"))
	a, b := net.Param("a.weight"), net.Param("b.weight")
	a.Mask, b.Mask = []bool{true, true, false, true, true, true}, []bool{true, true, false, true, false, true}
	a.ApplyMask()
	b.ApplyMask()
	set := channel.Set{"a": {1}}
	check(t, net, set)
	small := remove(t, net, set)
	if got := small.Param("a.weight"); got.Mask != nil || !cmp.Equal(got.Data, slices.Delete(slices.Clone(a.Data), 2, 4)) {
		t.Errorf("a.weight is %v with mask %v", got.Data, got.Mask)
	}
	if got, want := small.Param("b.weight").Mask, []bool{true, false, true, true}; !cmp.Equal(got, want) {
		t.Errorf("b.weight has mask %v, want %v", got, want)
	}
}

// Selections are rewritten, and go when they have come to nothing.
func TestSelections(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "resnet-20", Input: models.Shape{3, 8, 8}})
	small := remove(t, net, channel.Set{"conv1": {0, 15}, "layer2.0.conv2": {1, 3}})
	pad, _ := small.Node("layer2.0.shortcut.pad")
	if want := append(append(slices.Repeat([]int{-1}, 6), first(14)...), slices.Repeat([]int{-1}, 8)...); !cmp.Equal(pad.Attrs.Channels, want) {
		t.Errorf("the padded shortcut selects %v, want %v", pad.Attrs.Channels, want)
	}
	small = remove(t, net, channel.Set{"layer2.0.conv2": first(16)})
	if _, ok := small.Node("layer2.0.shortcut.pad"); ok {
		t.Error("a shortcut that adds no channels is left")
	}
	check(t, net, channel.Set{"layer2.0.conv2": first(16), "layer3.0.conv2": first(32), "conv1": {2}})
}

// The last node stays, whatever it has come to.
func TestSelectionAsOutput(t *testing.T) {
	t.Parallel()
	net := graph(t, models.Shape{2}, node("a", models.OpLinear, models.Attrs{Out: 3}, "x"),
		node("s", models.OpChannelSelect, models.Attrs{Channels: []int{0, 2}}, "a"))
	check(t, net, channel.Set{"a": {1}})
	if got := remove(t, net, channel.Set{"a": {1}}); got.Output() != "s" {
		t.Errorf("the output is %s, want s", got.Output())
	}
}

// Samples go with what they are taken from, through several selections and
// where they have met others: with the last of them.
func TestSamplesOfSamples(t *testing.T) {
	t.Parallel()
	all := models.Attrs{Channels: []int{0, 1}}
	net := graph(t, models.Shape{2},
		node("a", models.OpLinear, models.Attrs{Out: 2}, "x"), node("b", models.OpLinear, models.Attrs{Out: 2}, "x"),
		node("s1", models.OpChannelSelect, all, "a"), node("s2", models.OpChannelSelect, all, "b"),
		node("act", models.OpSigmoid, models.Attrs{}, "s2"), node("s3", models.OpChannelSelect, all, "act"),
		node("add", models.OpAdd, models.Attrs{}, "s1", "s3"), node("c", models.OpLinear, models.Attrs{Out: 2}, "add"),
	)
	for _, test := range []struct {
		set  channel.Set
		want int
	}{{channel.Set{"a": {0}}, 2}, {channel.Set{"b": {0}}, 2}, {channel.Set{"a": {0}, "b": {1}}, 2}, {channel.Set{"a": {0}, "b": {0}}, 1}} {
		check(t, net, test.set)
		if got := remove(t, net, test.set).Param("c.weight").Shape[1]; got != test.want {
			t.Errorf("without %v the last layer reads %d features, want %d", test.set, got, test.want)
		}
	}
}

// Removing twice is removing at once, and nothing is nothing.
func TestRemoveAgain(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "resnet-20-ista", Input: models.Shape{3, 8, 8}})
	once := remove(t, net, channel.Set{"conv1": {1, 4}, "layer1.1.conv1": {0, 1, 2}})
	twice := remove(t, remove(t, net, channel.Set{"conv1": {1}}), channel.Set{"conv1": {3}, "layer1.1.conv1": {0, 1, 2}})
	if !reflect.DeepEqual(once, twice) {
		t.Error("removing in two steps gives another network")
	}
	if !reflect.DeepEqual(net, remove(t, net, nil)) {
		t.Error("removing nothing changes the network")
	}
}
