package measure_test

import (
	"fmt"
	"testing"

	"espalier/models"
	"espalier/models/measure"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// The counts that the papers and their authors' code print, or that follow
// from them by arithmetic. A paper that counts FLOPs may mean two per MAC: Han
// et al. 2015 print 4,586K for lenet-5, network slimming 7.97e8 for vgg-19.
func TestPublishedCounts(t *testing.T) {
	t.Parallel()
	is := func(arch string) func(*zoo.Options) { return func(o *zoo.Options) { o.Arch = arch } }
	of := func(arch string, change func(*zoo.Options)) func(*zoo.Options) {
		return func(o *zoo.Options) { o.Arch = arch; change(o) }
	}
	hundred := func(o *zoo.Options) { o.Classes = 100 }
	for name, c := range map[string]struct {
		build                 func(*zoo.Options)
		params, weights, macs int64 // 0: not published
		withStatistics        int64
	}{
		"lenet-300-100: 267K":         {build: is("lenet-300-100"), params: 266610, weights: 266200, macs: 266200},
		"slimming's perceptron":       {build: is("mlp"), params: 545810, weights: 545000, macs: 545000},
		"the same with norm":          {build: of("mlp", func(o *zoo.Options) { o.BatchNorm = true }), params: 545810 + 1600, weights: 545000, macs: 545000},
		"lenet-5: 431K, 4586K FLOP":   {build: is("lenet-5"), params: 431080, weights: 430500, macs: 2293000},
		"vgg-16: 14.72M, 313M":        {build: is("vgg-16-bn"), params: 14724042, macs: 313201664},
		"Li's vgg-16: 1.5e7, 3.13e8":  {build: of("vgg-16-bn", func(o *zoo.Options) { o.Head = "li" }), params: 14987722, macs: 313463808},
		"vgg-19: 20.04M, 7.97e8 FLOP": {build: is("vgg-19-bn"), params: 20035018, macs: 398136320},
		"vgg-19, 100 classes: 20.08M": {build: of("vgg-19-bn", hundred), params: 20081188, macs: 398182400},
		"resnet-20: 0.27M":            {build: is("resnet-20"), params: 269722, macs: 40551040},
		"distiller's resnet-20":       {build: of("resnet-20", func(o *zoo.Options) { o.Shortcut = "B" }), weights: 270896, macs: 40813184},
		// The MACs are often given without the classifier's 640.
		"ISTA's resnet-20: 281,304":     {build: is("resnet-20-ista"), weights: 278576, macs: 41598976 + 640, withStatistics: 281304},
		"resnet-32: 0.46M, 69M":         {build: is("resnet-32"), params: 464154, macs: 68862592},
		"resnet-44: 0.66M, 97M":         {build: is("resnet-44"), params: 658586, macs: 97174144},
		"resnet-56: 8.5e5, 1.25e8":      {build: is("resnet-56"), params: 853018, macs: 125485696},
		"resnet-110: 1.72e6, 2.53e8":    {build: is("resnet-110"), params: 1727962, macs: 252887680},
		"resnet-164: 1.70M, 4.99e8":     {build: is("resnet-164"), params: 1703258, macs: 247646720},
		"resnet-164, 100 classes":       {build: of("resnet-164", hundred), params: 1726388, macs: 247669760},
		"densenet-40: 1.02M, 5.33e8":    {build: is("densenet-40"), params: 1019722, macs: 264812928},
		"densenet-40, 100 classes":      {build: of("densenet-40", hundred), params: 1060132, macs: 264853248},
		"densenet-40 of the port":       {build: of("densenet-40", func(o *zoo.Options) { o.Stem = 24 }), params: 1059298, macs: 282917328},
		"the same, 100 classes":         {build: of("densenet-40", func(o *zoo.Options) { o.Stem, o.Classes = 24, 100 }), params: 1100428, macs: 282958368},
		"ISTA's convnet: 1,986,760":     {build: is("convnet"), weights: 1983264, macs: 147754752, withStatistics: 1986760},
		"vgg-11, 4 max pools":           {build: is("vgg-11-bn"), params: 9228362, macs: 152769536},
		"vgg-13, 4 max pools":           {build: is("vgg-13-bn"), params: 9413066, macs: 228267008},
		"lenet-300-100 with dropout":    {build: of("lenet-300-100", func(o *zoo.Options) { o.Dropout = 0.5 }), params: 266610, macs: 266200},
		"densenet-40 with dropout":      {build: of("densenet-40", func(o *zoo.Options) { o.Dropout = 0.2 }), params: 1019722, macs: 264812928},
		"ISTA's resnet-20, 100 classes": {build: of("resnet-20-ista", hundred), weights: 278576 + 90*64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var named zoo.Options
			c.build(&named)
			o, _ := zoo.Default(named.Arch)
			c.build(&o)
			net, err := zoo.Build(o)
			if err != nil {
				t.Fatal(err)
			}
			cost, err := measure.Costs(net)
			if err != nil {
				t.Fatal(err)
			}
			check := func(what string, got, want int64) {
				if want != 0 && got != want {
					t.Errorf("%d %s, want %d", got, what, want)
				}
			}
			check("parameters", cost.Params, c.params)
			check("weights", cost.Weights, c.weights)
			check("MACs", cost.MACs, c.macs)
			check("parameters and statistics", cost.Params+cost.Statistics, c.withStatistics)
		})
	}
}

func TestLayersOfLeNet5(t *testing.T) {
	t.Parallel()
	o, _ := zoo.Default("lenet-5")
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	// Two of the 500 weights of the first convolution are not 0, and one bias.
	net.Param("conv1.weight").Data[0], net.Param("conv1.weight").Data[499] = 1, 2
	net.Param("conv1.bias").Data[3] = 1
	layers, err := measure.Layers(net)
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != len(net.Nodes) {
		t.Fatalf("%d layers of %d nodes", len(layers), len(net.Nodes))
	}
	conv, pool := layers[1], layers[2]
	want := measure.Amounts{
		Params: 520, NonZero: 3, Weights: 500, NonZeroWeights: 2, MACs: 288000, EffectiveMACs: 2 * 24 * 24,
		Bytes: 4 * 520, SparseBytes: 2*(4+2) + 4*21 + 4*20, // rows are filters
	}
	if conv.Amounts != want {
		t.Errorf("conv1: %+v, want %+v", conv.Amounts, want)
	}
	if got := conv.ActivationBytes(); got != 4*20*24*24 {
		t.Errorf("conv1 puts out %d bytes, want %d", got, 4*20*24*24)
	}
	if pool.Amounts != (measure.Amounts{}) || pool.Op != models.OpMaxPool || pool.Out.Size() != 20*12*12 {
		t.Errorf("pool1: %+v, want no cost and 20x12x12", pool)
	}
	for i, macs := range map[int]int64{3: 1600000, 6: 400000, 8: 5000} {
		if layers[i].MACs != macs {
			t.Errorf("%s: %d MACs, want %d", layers[i].Name, layers[i].MACs, macs)
		}
	}
}

// Depthwise and grouped filters read their group's channels only.
func TestCostsOfGroups(t *testing.T) {
	t.Parallel()
	net := &models.Network{Name: "groups", Input: models.Shape{8, 6, 6}, Nodes: []models.Node{
		{Name: "input", Op: models.OpInput},
		{Name: "depthwise", Op: models.OpConv2D, Inputs: []string{"input"}, Attrs: models.Attrs{Out: 8, Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}, Groups: 8, NoBias: true}},
		{Name: "bn", Op: models.OpBatchNorm, Inputs: []string{"depthwise"}, Attrs: models.Attrs{NoShift: true}},
		{Name: "grouped", Op: models.OpConv2D, Inputs: []string{"bn"}, Attrs: models.Attrs{Out: 4, Groups: 2}},
	}}
	zootest.Lay(t, net)
	zoo.Init(net, 1)
	cost, err := measure.Costs(net)
	if err != nil {
		t.Fatal(err)
	}
	if macs := []int64{cost.Layers[0].MACs, cost.Layers[1].MACs, cost.Layers[2].MACs}; macs[0] != 8*9*3*3 || macs[1] != 0 || macs[2] != 4*4*3*3 {
		t.Errorf("MACs %v, want 648, 0 and 144", macs)
	}
	if cost.Params != 8*9+8+4*4+4 || cost.Statistics != 16 || cost.Weights != 8*9+4*4 {
		t.Errorf("%d parameters, %d weights, %d statistics, want 100, 88 and 16", cost.Params, cost.Weights, cost.Statistics)
	}
}

func TestActivations(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]measure.Activations{
		// Inputs 784, then 300, 300, 100, 100, 10: the first layer holds both sides.
		"lenet-300-100": {Sum: 4 * (784 + 300 + 300 + 100 + 100 + 10), Peak: 4 * (784 + 300)},
		// The first convolution's output and its pooled form.
		"lenet-5": {Sum: 4 * (784 + 11520 + 2880 + 3200 + 800 + 500 + 500 + 10), Peak: 4 * (11520 + 2880)},
	} {
		o, _ := zoo.Default(name)
		net, err := zoo.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := measure.ActivationsOf(net)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	// An identity shortcut keeps the block's input while the block runs.
	o, _ := zoo.Default("resnet-20")
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := measure.ActivationsOf(net)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(4 * 3 * 16 * 32 * 32); got.Peak != want {
		t.Errorf("resnet-20: peak %d, want %d", got.Peak, want)
	}
	if _, err := measure.ActivationsOf(&models.Network{}); err == nil {
		t.Error("a network without nodes gave no error")
	}
}

func ExampleLayers() {
	net, err := zoo.Build(zoo.Options{Arch: "lenet-5", Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	layers, err := measure.Layers(net)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, layer := range layers[:4] {
		fmt.Println(layer.Name, layer.Op, layer.Out, layer.Params, layer.MACs)
	}
	// Output:
	// input input [1 28 28] 0 0
	// conv1 conv2d [20 24 24] 520 288000
	// pool1 max_pool [20 12 12] 0 0
	// conv2 conv2d [50 8 8] 25050 1600000
}
