package measure_test

import (
	"strings"
	"testing"
	"time"

	"espalier/models"
	"espalier/models/measure"
	"espalier/models/zoo"
)

// Whatever the zoo has, its layers are all measured, and have the network's MACs.
func TestLayerLatenciesOfTheZoo(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]zoo.Options{
		"perceptron with batch normalization": {Arch: "mlp", Hidden: []int{8, 5}, BatchNorm: true, Input: models.Shape{1, 4, 4}},
		"plain convolutions":                  {Arch: "lenet-5"},
		"residual, with projections":          {Arch: "resnet-20", Width: 0.25, Shortcut: "B"},
		"pre-activation":                      {Arch: "resnet-164", Width: 0.25},
		"concatenations":                      {Arch: "densenet-40", Growth: 2, Stem: 4},
		"vgg":                                 {Arch: "vgg-11-bn", Width: 0.0625},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := build(t, o)
			clock, _ := steady(time.Second)
			got, err := measure.LayerLatencies(t.Context(), clock, defaultEngine(t), []*models.Network{net}, 2, 1)
			if err != nil {
				t.Fatal(err)
			}
			cost, err := measure.Costs(net)
			if err != nil {
				t.Fatal(err)
			}
			macs, at := int64(0), 0
			for _, node := range net.Nodes {
				if node.Op != models.OpConv2D && node.Op != models.OpLinear {
					continue
				}
				layer := got[0][at]
				macs, at = macs+layer.MACs, at+1
				if layer.Name != node.Name || layer.First != (at == 1) || layer.Batch != 2 || layer.Rounds != 1 {
					t.Errorf("layer %d is %+v, want %s", at, layer, node.Name)
				}
			}
			if at != len(got[0]) || macs != cost.MACs {
				t.Errorf("%d layers with %d MACs, want %d with %d", len(got[0]), macs, at, cost.MACs)
			}
		})
	}
}

// A layer's time is that with it less that without it, round by round.
func TestLayerLatencyIsWhatTheLayerAdds(t *testing.T) {
	t.Parallel()
	net := perceptron(t, 2)
	clock := turning(milliseconds(
		9, 9, 9, 9, 10, 4, 3, 12, 20, 9, // fc1: with and without it; warm-up, then three rounds
		9, 9, 9, 9, 5, 6, 6, 5, 5, 6, // fc2: shorter than what is around it
	)...)
	got, err := measure.LayerLatencies(t.Context(), clock, defaultEngine(t), []*models.Network{net}, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{9 * time.Millisecond, 0} {
		if got[0][i].Median != want {
			t.Errorf("%s takes %v, want %v", got[0][i].Name, got[0][i].Median, want)
		}
	}
}

func TestLayersOfOneFormAreMeasuredOnce(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "resnet-20", Width: 0.25})
	// The first layer; in each of three stages one with relu and one whose relu
	// stands behind the addition; the first of two stages, which halve the
	// image; the classifier.
	const forms = 1 + 3*2 + 2 + 1
	clock, read := steady(time.Second)
	if _, err := measure.LayerLatencies(t.Context(), clock, defaultEngine(t), []*models.Network{net, net}, 1, 1); err != nil {
		t.Fatal(err)
	}
	// Two networks for each, three turns of each, a reading before and behind.
	if want := forms * 2 * 3 * 2; *read != want {
		t.Errorf("%d readings of the clock, want %d: %d forms", *read, want, forms)
	}
}

func TestLayerLatenciesRefuse(t *testing.T) {
	t.Parallel()
	clock, _ := steady(time.Second)
	for want, nets := range map[string][]*models.Network{
		"no nodes": {perceptron(t, 2), {Name: "none"}},
		"layer fc1: latency: batch 0 and 1 rounds": {perceptron(t, 2)},
	} {
		if _, err := measure.LayerLatencies(t.Context(), clock, defaultEngine(t), nets, 0, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LayerLatencies: %v, want %q", err, want)
		}
	}
}
