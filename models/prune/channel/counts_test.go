package channel_test

import (
	"fmt"
	"slices"
	"testing"

	"espalier/models/prune/channel"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// first removes the first so many units of a layer's group.
func first(n int) []int {
	units := make([]int, n)
	for i := range units {
		units[i] = i
	}
	return units
}

// The networks of Li et al. 2017, table 1. Their sizes are arithmetic; 1e8 FLOP
// there are so many MACs.
func TestCountsOfLi(t *testing.T) {
	t.Parallel()
	vgg16A := channel.Set{"conv1_1": first(32)}
	for _, layer := range []string{"conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3"} {
		vgg16A[layer] = first(256)
	}
	tests := map[string]struct {
		options zoo.Options
		set     channel.Set
		want    channel.Cost
	}{
		"vgg-16":   {zoo.Options{Arch: "vgg-16-bn", Head: zoo.HeadLi}, nil, channel.Cost{Params: 14_987_722, MACs: 313_463_808}},
		"vgg-16-A": {zoo.Options{Arch: "vgg-16-bn", Head: zoo.HeadLi}, vgg16A, channel.Cost{Params: 5_397_034, MACs: 206_279_680}},
		"resnet-56-A": {zoo.Options{Arch: "resnet-56"}, firstConvs(9, []int{10, 10, 10}, 16, 20, 38, 54),
			channel.Cost{Params: 773_336, MACs: 112_435_840}},
		"resnet-56-B": {zoo.Options{Arch: "resnet-56"}, firstConvs(9, []int{60, 30, 10}, 16, 18, 20, 34, 38, 54),
			channel.Cost{Params: 735_712, MACs: 90_907_264}},
		"resnet-110-A": {zoo.Options{Arch: "resnet-110"}, firstConvs(18, []int{50, 0, 0}, 36),
			channel.Cost{Params: 1_688_522, MACs: 212_779_648}},
		"resnet-110-B": {zoo.Options{Arch: "resnet-110"}, firstConvs(18, []int{50, 40, 30}, 36, 38, 74),
			channel.Cost{Params: 1_168_424, MACs: 155_124_352}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := zootest.Blank(t, test.options)
			if got := costs(t, remove(t, net, test.set)); !published(got, test.want) {
				t.Errorf("Remove leaves %+v, want %+v", got, test.want)
			}
			counter, err := channel.NewCounter(net)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := counter.After(test.set); !published(got, test.want) || err != nil {
				t.Errorf("After = %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

// firstConvs prunes the first convolutions of a residual network's blocks, by
// percent for each stage, but for some layers in the paper's count: the stem is
// 1, and block b, from 1, has the layers 2b and 2b+1.
func firstConvs(blocks int, percent []int, skip ...int) channel.Set {
	set := channel.Set{}
	for stage, p := range percent {
		width := 16 << stage
		for i := range blocks {
			layer := 2 * (stage*blocks + i + 1)
			if n := width - width*(100-p)/100; n > 0 && !slices.Contains(skip, layer) {
				set[fmt.Sprintf("layer%d.%d.conv1", stage+1, i)] = first(n)
			}
		}
	}
	return set
}

// Networks that other papers count: network slimming's perceptron, and model A
// of the ISTA paper, whose figure has the running statistics too.
func TestCountsOfOthers(t *testing.T) {
	t.Parallel()
	mlp := remove(t, zootest.Blank(t, zoo.Options{Arch: "mlp"}), channel.Set{"fc1": first(400), "fc2": first(240)})
	if got := costs(t, mlp); got.MACs != 85_000 {
		t.Errorf("784-100-60-10 has %d weights, want 85000", got.MACs)
	}
	ista := remove(t, zootest.Blank(t, zoo.Options{Arch: "convnet"}), channel.Set{
		"conv1": first(96 - 53), "conv2": first(192 - 86), "conv3": first(192 - 67), "conv4": first(384 - 128),
	})
	statistics := int64(0)
	for _, p := range ista.Params {
		if !p.Role.Trained() {
			statistics += int64(len(p.Data))
		}
	}
	if got := costs(t, ista).Params + statistics; got != 309_655 {
		t.Errorf("ISTA's model A has %d parameters, want 309655", got)
	}
}

// published compares what the paper has; it does not count weights alone.
func published(got, want channel.Cost) bool {
	return got.Params == want.Params && got.MACs == want.MACs
}
