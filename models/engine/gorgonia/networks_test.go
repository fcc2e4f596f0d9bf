package gorgonia_test

import (
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
	"espalier/models/engine/gorgonia"
)

// draft writes a network down: one line a node, "name op inputs", with
// attributes in order.
type draft struct {
	net *models.Network
}

func newDraft(input ...int) *draft {
	return &draft{&models.Network{Name: "n", Input: input, Nodes: []models.Node{{Name: "x", Op: models.OpInput}}}}
}

// add appends a node that reads the named inputs, or the last node if none is
// named.
func (d *draft) add(name string, op models.Op, a models.Attrs, inputs ...string) *draft {
	if len(inputs) == 0 {
		inputs = []string{d.net.Output()}
	}
	d.net.Nodes = append(d.net.Nodes, models.Node{Name: name, Op: op, Inputs: inputs, Attrs: a})
	return d
}

func (d *draft) conv(name string, out int, a models.Attrs, inputs ...string) *draft {
	a.Out = out
	if a.Kernel == [2]int{} {
		a.Kernel, a.Pad = [2]int{3, 3}, [4]int{1, 1, 1, 1}
	}
	return d.add(name, models.OpConv2D, a, inputs...)
}

func (d *draft) norm(name string, inputs ...string) *draft {
	return d.add(name, models.OpBatchNorm, models.Attrs{}, inputs...)
}

func (d *draft) relu(name string, inputs ...string) *draft {
	return d.add(name, models.OpReLU, models.Attrs{}, inputs...)
}

func (d *draft) flat(classes int) *models.Network {
	d.add("flat", models.OpFlatten, models.Attrs{})
	d.add("fc", models.OpLinear, models.Attrs{Out: classes})
	return d.done()
}

// done gives the network parameters: running variances around 1, the others of
// the size that keeps activations so.
func (d *draft) done() *models.Network {
	params, err := d.net.Layout()
	if err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(uint64(len(params)), 17))
	for _, p := range params {
		p.Data = make([]float32, p.Shape.Size())
		inputs := max(1, p.Shape.Size()/p.Shape[0])
		for i := range p.Data {
			switch p.Role {
			case models.RoleWeight:
				p.Data[i] = float32(r.NormFloat64()) * 1.4 / sqrt(inputs)
			case models.RoleGamma, models.RoleVariance:
				p.Data[i] = float32(0.5 + r.Float64())
			default:
				p.Data[i] = float32(r.NormFloat64()) * 0.3
			}
		}
	}
	d.net.Params = params
	return d.net
}

var plain = models.Attrs{}

func noBias() models.Attrs { return models.Attrs{NoBias: true} }

// likeAParameter has an input with the name and, for a batch of 7, the shape of
// a weight.
func likeAParameter() *models.Network {
	d := newDraft(5)
	d.net.Nodes[0].Name = "f.weight"
	return d.add("f", models.OpLinear, models.Attrs{Out: 7}).done()
}

// imageNetworks use every operation on images, alone and where it fuses.
func imageNetworks() map[string]*models.Network {
	pad1 := [4]int{1, 1, 1, 1}
	return map[string]*models.Network{
		"conv":           newDraft(2, 6, 5).conv("c", 4, plain).flat(3),
		"conv of gray":   newDraft(1, 6, 5).conv("c", 4, noBias()).flat(3),
		"conv relu conv": newDraft(3, 6, 6).conv("c", 18, plain).relu("r").conv("d", 5, plain).relu("s").flat(3),
		"conv to 1 x 1":  newDraft(2, 4, 4).conv("c", 7, models.Attrs{Kernel: [2]int{4, 4}}).relu("r").flat(3),
		"stride, dilation and odd padding": newDraft(3, 9, 8).
			conv("c", 5, models.Attrs{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Pad: [4]int{1, 0, 2, 1}}).
			conv("d", 4, models.Attrs{Kernel: [2]int{2, 3}, Dilation: [2]int{2, 1}}).flat(3),
		"groups": newDraft(4, 5, 5).conv("c", 6, models.Attrs{Kernel: [2]int{3, 3}, Pad: pad1, Groups: 2}).relu("r").
			conv("d", 6, models.Attrs{Kernel: [2]int{3, 3}, Pad: pad1, Groups: 6, NoBias: true}).flat(3),
		"conv norm relu": newDraft(3, 6, 6).conv("c", 8, noBias()).norm("b").relu("r").conv("d", 8, plain).norm("e").relu("s").flat(3),
		"norm first":     newDraft(3, 4, 4).norm("b").relu("r").conv("c", 4, noBias()).flat(3),
		"norm without scale and shift": newDraft(3, 4, 4).conv("c", 4, plain).
			add("b", models.OpBatchNorm, models.Attrs{NoScale: true, Eps: 0.01}).conv("d", 4, plain).
			add("e", models.OpBatchNorm, models.Attrs{NoShift: true, Momentum: 0.5}).relu("r").conv("f", 4, plain).
			add("g", models.OpBatchNorm, models.Attrs{NoScale: true, NoShift: true}).flat(3),
		"flat norm": newDraft(7).add("a", models.OpLinear, models.Attrs{Out: 6, NoBias: true}).norm("b").relu("r").
			add("c", models.OpLinear, models.Attrs{Out: 5}).norm("d").add("f", models.OpLinear, models.Attrs{Out: 3}).done(),
		"residual": newDraft(3, 6, 6).conv("c", 6, noBias()).norm("b").relu("r").
			conv("c1", 6, noBias()).norm("b1").relu("r1").conv("c2", 6, noBias()).norm("b2").
			add("sum", models.OpAdd, plain, "b2", "r").relu("r2").
			conv("c3", 9, models.Attrs{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: pad1, NoBias: true}).norm("b3").relu("r3").
			conv("c4", 9, noBias()).norm("b4").
			conv("short", 9, models.Attrs{Kernel: [2]int{1, 1}, Stride: [2]int{2, 2}, NoBias: true}, "r2").norm("bshort").
			add("sum2", models.OpAdd, plain, "b4", "bshort").relu("r4").flat(3),
		"pre-activation": newDraft(3, 5, 5).conv("c", 6, noBias()).norm("b1").relu("r1").conv("c1", 6, noBias()).
			norm("b2").relu("r2").conv("c2", 6, noBias()).add("sum", models.OpAdd, plain, "c", "c2").
			norm("b3").relu("r3").conv("c3", 6, plain).add("sum2", models.OpAdd, plain, "c3", "sum").norm("b4").relu("r4").flat(3),
		"sums": newDraft(3, 4, 4).conv("a", 4, plain).conv("b", 4, plain, "x").conv("c", 4, plain, "x").
			add("three", models.OpAdd, plain, "a", "b", "c").add("twice", models.OpAdd, plain, "three", "three").
			relu("r").add("with", models.OpAdd, plain, "r", "a").flat(3),
		"input like a parameter": likeAParameter(),
		"names alike": newDraft(3, 4, 4).conv("a", 4, plain).conv("b", 4, plain, "x").add("s", models.OpAdd, plain, "a", "b").relu("r").
			add("s+relu", models.OpAdd, plain, "a", "b").add("all", models.OpConcat, plain, "r", "s+relu").flat(3),
		"a branch to nowhere": newDraft(3, 4, 4).conv("a", 4, noBias()).norm("b").conv("dead", 4, plain, "b").relu("r", "b").flat(3),
	}
}

func openWith(tb testing.TB, threads int, net *models.Network, o engine.Options) engine.Session {
	tb.Helper()
	e, err := gorgonia.New(gorgonia.Options{Threads: threads, BLAS: blas.Open()})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := e.Open(net, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// Every gradient is the numeric derivative of the loss, in float64.
func TestImageGradientsAgreeWithNumericOnes(t *testing.T) {
	t.Parallel()
	for name, net := range imageNetworks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n, step = 5, 3
			x, labels := samples(2, n, net.Input.Size(), classes(net))
			s := openWith(t, 2, net, engine.Options{Batch: n + 2, Seed: 5})
			gradientsAgree(t, net, s, x, labels, step, 3e-4, 15)
		})
	}
}

// Inference uses the running statistics, folded into the weights where there
// are some, in training and in inference sessions.
func TestImageForwardAgreesWithReference(t *testing.T) {
	t.Parallel()
	for name, net := range imageNetworks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := newReference(net)
			for _, inference := range []bool{false, true} {
				s := openWith(t, 2, net, engine.Options{Batch: 9, Inference: inference})
				for _, n := range []int{9, 2, 1} {
					x, _ := samples(2, n, net.Input.Size(), 2)
					got, err := s.Forward(x, n)
					if err != nil {
						t.Fatal(err)
					}
					for i, want := range ref.logits(x, n) {
						if !near(float64(got[i]), want, 2e-5) {
							t.Fatalf("inference %v, %d samples: logit %d = %g, want %g", inference, n, i, got[i], want)
						}
					}
				}
			}
		})
	}
}
