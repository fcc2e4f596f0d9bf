package prune_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/prune"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// channelMethods are those that remove channels.
func channelMethods(t testing.TB) []prune.About {
	t.Helper()
	var all []prune.About
	for _, name := range prune.Methods() {
		about, err := prune.Describe(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range about.Granularities {
			if g == prune.GranularityChannel {
				all = append(all, about)
			}
		}
	}
	return all
}

// For every method, network and goal the smaller network computes what the
// masked one does, costs what the plan says, and is as much smaller as was asked.
func TestEveryMethodReallyRemoves(t *testing.T) {
	t.Parallel()
	nets := map[string]zoo.Options{
		"lenet-5":     {Arch: "lenet-5", BatchNorm: true, ReLU: true, Width: 0.5},
		"mlp":         {Arch: "mlp", Hidden: []int{40, 30}, BatchNorm: true},
		"resnet-20":   {Arch: "resnet-20", Input: models.Shape{3, 8, 8}},
		"vgg-16-bn":   {Arch: "vgg-16-bn", Width: 0.125, Input: models.Shape{3, 16, 16}},
		"densenet-40": {Arch: "densenet-40", Growth: 6, Input: models.Shape{3, 8, 8}},
	}
	goals := map[string]prune.Options{
		"channels": {Channels: 0.4}, "sparsity": {Sparsity: 0.5}, "params": {Params: 0.3}, "macs": {MACs: 0.3},
	}
	for name, o := range nets {
		net := zootest.Drawn(t, o, 3)
		for _, about := range channelMethods(t) {
			for goal, options := range goals {
				deep, fits := len(net.Params) > 60, about.Name == "channel-lasso" || about.Name == "thinet"
				if (deep || fits) && goal != "macs" || deep && fits && name != "resnet-20" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", name, about.Name, goal), func(t *testing.T) {
					t.Parallel()
					options.Method, options.Granularity, options.Scope = about.Name, prune.GranularityChannel, about.Scopes[0]
					options.Branch, options.Constants, options.Seed = about.Branch, about.Constants, 5
					if about.Name == "channel-lasso" || about.Name == "thinet" {
						options.Points, options.Reconstruct = 1, true
					}
					reallyRemoves(t, net, options, prune.Basis{Data: someData(t, net, 48)})
				})
			}
		}
	}
}

func reallyRemoves(t *testing.T, net *models.Network, o prune.Options, b prune.Basis) {
	t.Helper()
	before := net.Clone()
	p := planned(t, net, o, b)
	masked, err := prune.Masked(net, p)
	if err != nil {
		t.Fatal(err)
	}
	small, err := prune.Apply(net, p)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, net) {
		t.Error("the network has changed")
	}
	alike(t, masked, small)
	full, left := costOf(t, net), costOf(t, small)
	if after := p.Channels.After; after.Params != left.Params || after.MACs != left.MACs || after.Weights != left.Weights {
		t.Errorf("the plan foretells %+v, the network has %d parameters, %d weights and %d MACs", after, left.Params, left.Weights, left.MACs)
	}
	for _, goal := range []struct {
		name        string
		share       float64
		left, whole int64
	}{
		{"sparsity", o.Sparsity, left.Weights, full.Weights}, {"params", o.Params, left.Params, full.Params}, {"macs", o.MACs, left.MACs, full.MACs},
	} {
		spare := 1.0
		if o.Constants == prune.ConstantsAbsorb {
			spare = 0.01 * float64(goal.whole) // biases that absorbing adds
		}
		if goal.share > 0 && float64(goal.left) > (1-goal.share)*float64(goal.whole)+spare {
			t.Errorf("%s %g: %d of %d are left", goal.name, goal.share, goal.left, goal.whole)
		}
	}
	if left.Params >= full.Params {
		t.Error("nothing was removed")
	}
	survivesJSON(t, p)
}

func survivesJSON(t *testing.T, p *prune.Plan) {
	t.Helper()
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again prune.Plan
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, &again) {
		t.Error("the plan does not survive JSON")
	}
	if s := p.String(); !strings.Contains(s, "parameters") {
		t.Errorf("String() = %q", s)
	}
}

// The exact sizes of Li et al. 2017, table 1, from specs' options.
func TestSizesOfLi(t *testing.T) {
	t.Parallel()
	first := func(blocks int, shares []float64, skip ...int) map[string]float64 {
		layers := map[string]float64{}
		for stage, share := range shares {
			for block := range blocks {
				number := 2 + 2*(stage*blocks+block)
				if share > 0 && !contains(skip, number) {
					layers[fmt.Sprintf("layer%d.%d.conv1", stage+1, block)] = share
				}
			}
		}
		return layers
	}
	vgg := map[string]float64{"conv1_1": 0.5}
	for _, layer := range []string{"conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3"} {
		vgg[layer] = 0.5
	}
	for name, c := range map[string]struct {
		net          zoo.Options
		layers       map[string]float64
		params, macs int64
	}{
		"vgg-16-A":     {zoo.Options{Arch: "vgg-16-bn", Head: zoo.HeadLi}, vgg, 5_397_034, 206_279_680},
		"resnet-56-A":  {zoo.Options{Arch: "resnet-56"}, first(9, []float64{0.1, 0.1, 0.1}, 16, 20, 38, 54), 773_336, 112_435_840},
		"resnet-56-B":  {zoo.Options{Arch: "resnet-56"}, first(9, []float64{0.6, 0.3, 0.1}, 16, 18, 20, 34, 38, 54), 735_712, 90_907_264},
		"resnet-110-A": {zoo.Options{Arch: "resnet-110"}, first(18, []float64{0.5, 0, 0}, 36), 1_688_522, 212_779_648},
		"resnet-110-B": {zoo.Options{Arch: "resnet-110"}, first(18, []float64{0.5, 0.4, 0.3}, 36, 38, 74), 1_168_424, 155_124_352},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := zootest.Blank(t, c.net)
			zoo.Init(net, 1)
			small, err := prune.Apply(net, planned(t, net, prune.Options{Method: "filter-norm", Scope: "layer", Layers: c.layers}, prune.Basis{}))
			if err != nil {
				t.Fatal(err)
			}
			if got := costOf(t, small); got.Params != c.params || got.MACs != c.macs {
				t.Errorf("%d parameters and %d MACs, want %d and %d", got.Params, got.MACs, c.params, c.macs)
			}
		})
	}
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// 80 % of each hidden layer is 784-100-60-10, 84.4 % of the weights gone (Liu et
// al. 2017, section 4.4).
func TestSlimmingOfThePerceptron(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "mlp", Hidden: []int{500, 300}, BatchNorm: true}, 3)
	p := planned(t, net, prune.Options{Method: "slimming", Scope: "layer", Channels: 0.8}, prune.Basis{})
	small, err := prune.Apply(net, p)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := width(t, small, "fc1"), width(t, small, "fc2"); a != 100 || b != 60 {
		t.Errorf("784-%d-%d-10, want 784-100-60-10", a, b)
	}
	if s := p.Sparsity(); s < 0.8440 || s > 0.8441 {
		t.Errorf("%.4f of the weights gone, want 0.8440", s)
	}
}

// A global threshold would empty the layer whose scales are all small.
func TestNoLayerVanishes(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "vgg-16-bn", Width: 0.125, Input: models.Shape{3, 16, 16}}, 3)
	for i := range net.Param("bn4_2.gamma").Data {
		net.Param("bn4_2.gamma").Data[i] = float32(i) * 1e-6
	}
	for name, c := range map[string]struct {
		channels prune.ChannelOptions
		share    float64
		want     int
	}{
		"one stays":        {prune.ChannelOptions{}, 0.7, 1},
		"as many as asked": {prune.ChannelOptions{MinChannels: 7}, 0.7, 7},
		"half a pass":      {prune.ChannelOptions{MaxPerPass: 0.5}, 0.5, 32},
		"in eights":        {prune.ChannelOptions{Multiple: 8}, 0.7, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := planned(t, net, prune.Options{Method: "slimming", Scope: "global", Channels: c.share, ChannelOptions: c.channels}, prune.Basis{})
			small, err := prune.Apply(net, p)
			if err != nil {
				t.Fatal(err)
			}
			if got := width(t, small, "conv4_2"); got != c.want {
				t.Errorf("conv4_2 keeps %d channels, want %d", got, c.want)
			}
			for _, g := range p.Channels.Groups {
				if m := c.channels.Multiple; m > 0 && len(g.Removed) > 0 && g.After%m != 0 {
					t.Errorf("%s keeps %d channels, no multiple of %d", g.Name, g.After, m)
				}
			}
		})
	}
}

// Targets are shares of the network before the first pass.
func TestPassesCountFromTheDenseNetwork(t *testing.T) {
	t.Parallel()
	dense := zootest.Drawn(t, zoo.Options{Arch: "lenet-5"}, 3)
	net := dense
	for pass, want := range [][2]int{{15, 37}, {10, 25}, {5, 12}} { // floor(20 x 0.75), floor(50 x 0.75)
		share := []float64{0.25, 0.5, 0.75}[pass]
		o := prune.Options{Method: "filter-norm", Scope: "layer", Channels: share, Exclude: []string{"fc1"}}
		small, err := prune.Apply(net, planned(t, net, o, prune.Basis{Dense: dense}))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := width(t, small, "conv1"), width(t, small, "conv2"); a != want[0] || b != want[1] {
			t.Errorf("pass %d keeps %d and %d channels, want %d and %d", pass+1, a, b, want[0], want[1])
		}
		net = small
	}
}

func TestMoreThanCanGoIsRefused(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-5"}, 3)
	bn := zootest.Drawn(t, zoo.Options{Arch: "lenet-5", BatchNorm: true}, 3)
	for name, c := range map[string]struct {
		net  *models.Network
		o    prune.Options
		want string
	}{
		"channels by layer":  {net, prune.Options{Method: "filter-norm", Scope: "layer", Channels: 0.99}, "layer conv1: share 0.99 would leave 0 of 20 channels, at least 1 stay; at most a share of 0.95 can go"},
		"channels together":  {net, prune.Options{Method: "filter-norm", Scope: "global", Channels: 0.999}, "channels 0.999: 570 of 570 channels would go, at most 567 can, a share of 0.9947"},
		"weights":            {net, prune.Options{Method: "filter-norm", Scope: "layer", Sparsity: 0.9999}, "sparsity 0.9999: at most a share of 0.9998 can go, 430424 of 430500"},
		"with floors":        {net, prune.Options{Method: "filter-norm", Scope: "global", MACs: 0.95, ChannelOptions: prune.ChannelOptions{MinChannels: 10}}, "macs 0.95: at most a share of"},
		"no scales":          {net, prune.Options{Method: "slimming", Scope: "global", Channels: 0.5}, "method slimming looks at scales of batch normalization, and none of network lenet-5"},
		"coupled":            {zootest.Drawn(t, zoo.Options{Arch: "resnet-20"}, 3), prune.Options{Method: "filter-norm", Scope: "layer", Layers: map[string]float64{"conv1": 0.5}}, "layers: no channel of conv1 may go (coupled); coupled: true takes them"},
		"the output":         {net, prune.Options{Method: "filter-norm", Scope: "layer", Layers: map[string]float64{"fc2": 0.5}}, "layers: no channel of fc2 may go (output)"},
		"unknown layer":      {net, prune.Options{Method: "filter-norm", Scope: "layer", Layers: map[string]float64{"conv9": 0.5}}, `layers: layer "conv9" is not known; allowed are conv1, conv2, fc1, fc2`},
		"two goals":          {net, prune.Options{Method: "filter-norm", Scope: "layer", Channels: 0.5, MACs: 0.5}, "channels and macs are given together"},
		"no goal":            {net, prune.Options{Method: "filter-norm", Scope: "layer"}, "method filter-norm wants a target"},
		"an option of other": {net, prune.Options{Method: "filter-norm", Scope: "layer", Channels: 0.5, MethodOptions: prune.MethodOptions{Threshold: 1}}, "threshold has no meaning for method filter-norm, only for ista, slimming"},
		"budget for weights": {net, prune.Options{Method: "han", Scope: "layer", MACs: 0.5}, "macs is for methods that remove channels"},
		"nobody measures":    {net, prune.Options{Method: "filter-norm", Scope: "layer", Latency: 0.5}, "nothing here measures the latency"},
		"target, threshold":  {bn, prune.Options{Method: "ista", Scope: "global", Channels: 0.5, MethodOptions: prune.MethodOptions{Threshold: 0.1}}, "threshold is given together with channels"},
		"norm l3":            {net, prune.Options{Method: "filter-norm", Scope: "layer", Channels: 0.5, MethodOptions: prune.MethodOptions{Norm: "l3"}}, `norm "l3" is not known; allowed are l1, l2`},
		"no data":            {net, prune.Options{Method: "taylor", Scope: "global", Granularity: "channel", Channels: 0.5}, "looks at training samples"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := prune.NewPlan(context.Background(), c.net, c.o, prune.Basis{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("NewPlan error %v, want one that says %q", err, c.want)
			}
		})
	}
}
