package channel_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// Every block of a residual network may read a part of the stream.
func TestBranches(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"lenet-5":    {}, // nothing is shared, and the input has one channel
		"resnet-20":  {"conv1", "layer1.0.conv1", "layer1.1.conv1", "layer1.2.conv1", "layer2.0.conv1", "layer2.1.conv1", "layer2.2.conv1", "layer3.0.conv1", "layer3.1.conv1", "layer3.2.conv1"},
		"resnet-164": nil,
	}
	for arch, want := range tests {
		net := zootest.Blank(t, zoo.Options{Arch: arch})
		got, err := channel.Branches(net)
		if err != nil {
			t.Fatal(err)
		}
		if arch == "resnet-164" {
			norms := slices.DeleteFunc(slices.Clone(got), func(name string) bool { return !strings.HasSuffix(name, ".bn1") })
			// The first of each stage shares its stream with a projection.
			if len(norms) != 54 || len(got) != 54+3+1 {
				t.Errorf("%s: branches %v, want 54 normalizations, 3 projections and the stem", arch, got)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: Branches (-want +got):\n%s", arch, diff)
		}
	}
}

func TestBranch(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "resnet-164", Input: models.Shape{3, 8, 8}, Width: 0.25})
	_, err := channel.Branch(net, "layer1.1.bn1", "layer1.2.conv1", "layer2.0.bn1")
	if err == nil || !strings.Contains(err.Error(), "layer1.2.conv1: its channels cannot go for it alone") {
		t.Errorf("Branch of a layer that shares nothing: %v", err)
	}
	wide, err := channel.Branch(net, "layer1.1.bn1", "layer2.0.bn1")
	if err != nil {
		t.Fatal(err)
	}
	if wide, err = channel.Branch(wide, "layer2.0.bn1"); err != nil {
		t.Fatalf("Branch of what has one: %v", err)
	}
	same(t, net, wide)
	set := channel.Set{"layer1.1.bn1.select": {0, 2}}
	check(t, wide, set)
	small := remove(t, wide, set)
	for param, want := range map[string]models.Shape{
		"layer1.1.bn1.gamma": {14}, "layer1.1.conv1.weight": {4, 14, 1, 1}, "layer1.2.bn1.gamma": {16}, "layer1.1.conv3.weight": {16, 4, 1, 1},
	} {
		if got := small.Param(param).Shape; !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", param, got, want)
		}
	}
	if _, ok := small.Node("layer2.0.bn1.select"); ok {
		t.Error("a selection of all channels is left")
	}
	// A channel of the stream takes its samples along.
	stream := remove(t, small, channel.Set{"conv1": {0}})
	if got, _ := stream.Node("layer1.1.bn1.select"); len(got.Attrs.Channels) != 14 {
		t.Errorf("the selection is %v: the stem is no part of layer 1's stream", got.Attrs.Channels)
	}
	stream = remove(t, small, channel.Set{"layer1.0.conv3": {1, 5}})
	if got, _ := stream.Node("layer1.1.bn1.select"); len(got.Attrs.Channels) != 12 || got.Attrs.Channels[11] != 13 {
		t.Errorf("the selection is %v, want 12 of 14 channels", got.Attrs.Channels)
	}
	check(t, small, channel.Set{"layer1.0.conv3": {1, 5}, "layer1.1.bn1.select": {3}})
	if _, err := channel.Branch(net, "nothing"); err == nil {
		t.Error("Branch of a node that is not there gives no error")
	}
}
