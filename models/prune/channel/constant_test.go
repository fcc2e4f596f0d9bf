package channel_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
)

// scaleToZero sets every third scale of the groups of a network to 0, as ISTA
// would, and returns the units.
func scaleToZero(t *testing.T, net *models.Network) channel.Set {
	t.Helper()
	set := channel.Set{}
	for _, g := range groups(t, net) {
		for _, i := range g.Free() {
			if len(g.Units[i].Gammas) == 0 || i%3 != 1 {
				continue
			}
			for _, s := range g.Units[i].Gammas {
				for _, at := range s.Indices {
					net.Param(s.Param).Data[at] = 0
				}
			}
			set[g.Name] = append(set[g.Name], i)
		}
	}
	return set
}

func absorb(t *testing.T, net *models.Network, set channel.Set) *models.Network {
	t.Helper()
	absorbed, err := channel.Absorb(net, set)
	if err != nil {
		t.Fatal(err)
	}
	return absorbed
}

func constants(t *testing.T, net *models.Network, exclude ...string) channel.Set {
	t.Helper()
	set, err := channel.Constants(net, exclude...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Without padding, channels of scale 0 are removed without a trace; of networks
// that have none, and of every kind of activation and pool.
func TestAbsorb(t *testing.T) {
	t.Parallel()
	tests := map[string]*models.Network{
		"mlp":      build(t, zoo.Options{Arch: "mlp", BatchNorm: true}),
		"lenet-5":  build(t, zoo.Options{Arch: "lenet-5", BatchNorm: true}),
		"residual": unpadded(t, true, models.OpSigmoid),
		"no bias":  unpadded(t, true, models.OpHardSwish),
		"bias":     unpadded(t, false, models.OpLeakyReLU),
		"tanh":     unpadded(t, false, models.OpTanh),
		"silu":     unpadded(t, true, models.OpSiLU),
		"hard":     unpadded(t, true, models.OpHardSigmoid),
		"relu6":    unpadded(t, true, models.OpReLU6),
	}
	for name, net := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := scaleToZero(t, net)
			found := constants(t, net)
			delete(found, "select") // samples of the constants
			if diff := cmp.Diff(set, found); diff != "" {
				t.Fatalf("Constants (-want +got):\n%s", diff)
			}
			before, outputs := net.Clone(), forward(t, net)
			absorbed := absorb(t, net, set)
			if !reflect.DeepEqual(before, net) {
				t.Error("the network has changed")
			}
			if gap := distance(outputs, forward(t, absorbed)); gap > 1e-5 {
				t.Errorf("absorbing changes outputs by %g", gap)
			}
			if gap := distance(outputs, forward(t, remove(t, absorbed, set))); gap > 1e-5 {
				t.Errorf("removing what is absorbed changes outputs by %g", gap)
			}
			for name, units := range set {
				part := channel.Set{name: units[:1]}
				if gap := distance(outputs, forward(t, remove(t, absorb(t, net, part), part))); gap > 1e-5 {
					t.Errorf("removing %v alone changes outputs by %g", part, gap)
				}
			}
			if gap := distance(outputs, forward(t, remove(t, net, set))); gap < 1e-3 {
				t.Errorf("removing without absorbing changes outputs by %g only: the test shows nothing", gap)
			}
		})
	}
}

// unpadded is a network of an input of 8 x 8 with a residual block of 1x1
// convolutions, a product, a concatenation and a selection, where every
// activation of a constant is a constant.
func unpadded(t *testing.T, noBias bool, activation models.Op) *models.Network {
	t.Helper()
	conv := func(out, kernel int) models.Attrs {
		return models.Attrs{Out: out, Kernel: [2]int{kernel, kernel}, NoBias: noBias}
	}
	return graph(t, models.Shape{2, 8, 8},
		node("conv1", models.OpConv2D, conv(6, 3), "x"),
		node("bn1", models.OpBatchNorm, models.Attrs{}, "conv1"),
		node("act1", activation, models.Attrs{Slope: 0.2}, "bn1"),
		node("conv2", models.OpConv2D, models.Attrs{Out: 6, Groups: 2, NoBias: noBias}, "act1"),
		node("bn2", models.OpBatchNorm, models.Attrs{}, "conv2"),
		node("act2", activation, models.Attrs{Slope: 0.2}, "bn2"),
		node("conv3", models.OpConv2D, conv(6, 1), "act2"),
		node("bn3", models.OpBatchNorm, models.Attrs{}, "conv3"),
		node("add", models.OpAdd, models.Attrs{}, "bn3", "act1"),
		node("pool", models.OpAvgPool, models.Attrs{Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, Stride: [2]int{2, 2}}, "add"),
		node("conv4", models.OpConv2D, models.Attrs{Out: 6, Groups: 6, Kernel: [2]int{2, 2}, NoBias: noBias}, "pool"),
		node("mean", models.OpGlobalAvgPool, models.Attrs{}, "conv4"),
		node("gate", activation, models.Attrs{Slope: 0.2}, "mean"),
		node("mul", models.OpMul, models.Attrs{}, "conv4", "gate"),
		node("concat", models.OpConcat, models.Attrs{}, "mul", "conv4"),
		node("select", models.OpChannelSelect, models.Attrs{Channels: []int{-1, 3, 1, 9, 1, 0, 7, 5}}, "concat"),
		node("flatten", models.OpFlatten, models.Attrs{}, "select"),
		node("drop", models.OpDropout, models.Attrs{Rate: 0.5}, "flatten"),
		node("fc", models.OpLinear, models.Attrs{Out: 4, NoBias: noBias}, "drop"),
	)
}

// A filter of zeros is its bias; what a constant is added to or multiplied by
// counts too, and padding with a value behind it is no constant.
func TestConstants(t *testing.T) {
	t.Parallel()
	net := graph(t, models.Shape{1, 6, 6},
		node("conv1", models.OpConv2D, models.Attrs{Out: 4, Kernel: [2]int{3, 3}}, "x"),
		node("relu", models.OpReLU, models.Attrs{}, "conv1"),
		node("conv2", models.OpConv2D, models.Attrs{Out: 4, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}}, "relu"),
		node("conv3", models.OpConv2D, models.Attrs{Out: 4}, "relu"),
		node("add", models.OpAdd, models.Attrs{}, "conv2", "conv3"),
		node("flatten", models.OpFlatten, models.Attrs{}, "add"),
		node("fc", models.OpLinear, models.Attrs{Out: 2}, "flatten"),
	)
	clear(net.Param("conv1.weight").Data[:2*9]) // filters 0 and 1
	net.Param("conv1.bias").Data[0], net.Param("conv1.bias").Data[1] = 2, -1
	two, three := net.Param("conv2.weight").Data, net.Param("conv3.weight").Data
	for filter := range 3 { // reads channels 0 and 1 only; filter 3 all of them
		clear(two[(filter*4+2)*9 : (filter+1)*4*9])
		clear(three[filter*4+2 : (filter+1)*4])
	}
	clear(two[:9])           // filter 0 reads channel 1 alone, which is 0
	clear(two[2*4*9:][:4*9]) // filter 2 reads nothing
	want := channel.Set{"conv1": {0, 1}, "conv2": {0, 2}}
	if diff := cmp.Diff(want, constants(t, net)); diff != "" {
		t.Errorf("Constants (-want +got):\n%s", diff)
	}
	if got := constants(t, net, "conv3"); !slices.Equal(got["conv1"], []int{0, 1}) || len(got) != 1 {
		t.Errorf("without conv3 Constants = %v, want conv1's 0 and 1", got)
	}
}

// A varying channel times one that is 0 is 0, wherever 0 comes from; a pool that
// counts its padding makes something else of a constant at the border.
func TestConstantsOfProductsAndPools(t *testing.T) {
	t.Parallel()
	pool := models.Attrs{Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, CountPad: true}
	net := graph(t, models.Shape{1, 6, 6},
		node("zero", models.OpConv2D, models.Attrs{Out: 2, NoBias: true}, "x"),
		node("some", models.OpConv2D, models.Attrs{Out: 2}, "x"),
		node("mul", models.OpMul, models.Attrs{}, "some", "zero"),
		node("one", models.OpConv2D, models.Attrs{Out: 2}, "x"),
		node("cat", models.OpConcat, models.Attrs{}, "mul", "one"),
		node("pool", models.OpAvgPool, pool, "cat"),
		node("flatten", models.OpFlatten, models.Attrs{}, "pool"),
		node("fc", models.OpLinear, models.Attrs{Out: 2}, "flatten"),
	)
	net.Param("zero.weight").Data[1] = 0
	clear(net.Param("one.weight").Data)
	net.Param("one.bias").Data[0] = 0
	if diff := cmp.Diff(channel.Set{"zero": {1}, "one": {0}}, constants(t, net)); diff != "" {
		t.Errorf("Constants (-want +got):\n%s", diff)
	}
}

// Where padding lets the border see less of a constant, only the border is off.
func TestAbsorbWithPadding(t *testing.T) {
	t.Parallel()
	net := graph(t, models.Shape{1, 6, 6},
		node("conv1", models.OpConv2D, models.Attrs{Out: 4, NoBias: true}, "x"),
		node("bn1", models.OpBatchNorm, models.Attrs{}, "conv1"),
		node("conv2", models.OpConv2D, models.Attrs{Out: 3, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, NoBias: true}, "bn1"),
		node("flatten", models.OpFlatten, models.Attrs{}, "conv2"),
	)
	set := scaleToZero(t, net)
	wide, narrow := forward(t, net), forward(t, remove(t, absorb(t, net, set), set))
	for i := range wide {
		row, column := i/6%6, i%6
		inside := row > 0 && row < 5 && column > 0 && column < 5
		if gap := distance(wide[i:i+1], narrow[i:i+1]); inside && gap > 1e-5 {
			t.Errorf("pixel %d, %d differs by %g", row, column, gap)
		}
	}
}

func TestAbsorbUnmasksBiases(t *testing.T) {
	t.Parallel()
	net := unpadded(t, false, models.OpReLU)
	set := scaleToZero(t, net)
	bias := net.Param("fc.bias")
	bias.Mask = []bool{true, false, true, true}
	bias.ApplyMask()
	outputs := forward(t, net)
	if gap := distance(outputs, forward(t, absorb(t, net, set))); gap > 1e-5 {
		t.Errorf("absorbing changes outputs by %g", gap)
	}
}
