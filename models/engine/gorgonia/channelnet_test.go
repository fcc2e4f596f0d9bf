package gorgonia

import (
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
)

// channelNetworks use the operations on channels in each other's company: one
// value several times, images, and values of two axes, whose channels are not
// innermost.
func channelNetworks(t *testing.T) map[string]*models.Network {
	t.Helper()
	node := func(name string, op models.Op, a models.Attrs, inputs ...string) models.Node {
		return models.Node{Name: name, Op: op, Attrs: a, Inputs: inputs}
	}
	two := [2]int{2, 2}
	nets := map[string]*models.Network{
		"images": {Input: models.Shape{3, 7, 6}, Nodes: []models.Node{
			node("x", models.OpInput, models.Attrs{}),
			node("c", models.OpConv2D, models.Attrs{Out: 10, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}}, "x"),
			node("silu", models.OpSiLU, models.Attrs{}, "c"),
			node("square", models.OpMul, models.Attrs{}, "silu", "silu"),
			node("lrn", models.OpLRN, models.Attrs{Size: 3, Alpha: 0.4, Beta: 0.75, Bias: 1}, "square"),
			node("squeeze", models.OpGlobalAvgPool, models.Attrs{}, "lrn"),
			node("gate", models.OpHardSigmoid, models.Attrs{}, "squeeze"),
			node("gated", models.OpMul, models.Attrs{}, "lrn", "gate"),
			node("twice", models.OpConcat, models.Attrs{}, "gated", "silu", "gated"),
			node("chosen", models.OpChannelSelect, models.Attrs{Channels: []int{29, -1, 4, 5, 6, 4, -1, 0, 17}}, "twice"),
			node("max", models.OpMaxPool, models.Attrs{Kernel: [2]int{3, 3}, Stride: two, Pad: [4]int{1, 1, 1, 1}}, "chosen"),
			node("avg", models.OpAvgPool, models.Attrs{Kernel: two, Stride: two, Ceil: true}, "max"),
			node("leaky", models.OpLeakyReLU, models.Attrs{Slope: 0.2}, "avg"),
			node("flat", models.OpFlatten, models.Attrs{}, "leaky"),
			node("fc", models.OpLinear, models.Attrs{Out: 4}, "flat"),
			node("tanh", models.OpTanh, models.Attrs{}, "fc"),
		}},
		"two axes": {Input: models.Shape{4, 5}, Nodes: []models.Node{
			node("x", models.OpInput, models.Attrs{}),
			node("s", models.OpChannelSelect, models.Attrs{Channels: []int{3, -1, 0, 0}}, "x"),
			node("j", models.OpConcat, models.Attrs{}, "s", "x"),
			node("flat", models.OpFlatten, models.Attrs{}, "j"),
			node("fc", models.OpLinear, models.Attrs{Out: 4}, "flat"),
		}},
	}
	r := rand.New(rand.NewPCG(7, 8))
	for name, net := range nets {
		net.Name = name
		params, err := net.Layout()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			p.Data = random(r, p.Shape.Size())
			for i := range p.Data {
				p.Data[i] *= 0.4
			}
		}
		net.Params = params
	}
	return nets
}

// The executor and Gorgonia's own machine give the same bits.
func TestExecutorAgreesOnChannelOps(t *testing.T) {
	t.Parallel()
	for name, net := range channelNetworks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const batch, smoothing = 6, 0.1
			lib := blas.Gonum()
			r := rand.New(rand.NewPCG(3, 4))
			x, labels := random(r, batch*net.Input.Size()), []int32{0, 3, 1, 1, 2, 0}
			s, err := open(net, engine.Options{Batch: batch, LabelSmoothing: smoothing}, lib, 1)
			if err != nil {
				t.Fatal(err)
			}
			loss, err := s.Backward(x, labels, 1)
			if err != nil {
				t.Fatal(err)
			}
			m := mode{batch: batch, lib: lib, draw: &draw{}, smoothing: smoothing}
			agreesWithMachine(t, net, s, loss, runMachine(t, net, m, x, labels))
		})
	}
}

// Channels of a value of two axes are rows: those chosen are where the
// definition has them.
func TestChannelsOfTwoAxes(t *testing.T) {
	t.Parallel()
	net := channelNetworks(t)["two axes"]
	fc := net.Param("fc.weight")
	clear(fc.Data)
	clear(net.Param("fc.bias").Data)
	// The logits are elements 2, 7, 13 and 22 of the 8 x 5 values joined.
	for out, in := range []int{2, 7, 13, 22} {
		fc.Data[out*fc.Shape[1]+in] = 1
	}
	s, err := open(net, engine.Options{Batch: 1}, blas.Gonum(), 1)
	if err != nil {
		t.Fatal(err)
	}
	x := random(rand.New(rand.NewPCG(1, 1)), 20)
	got, err := s.Forward(x, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{x[3*5+2], 0, x[3], x[2]} {
		if got[i] != want {
			t.Errorf("logit %d is %g, want %g", i, got[i], want)
		}
	}
}
