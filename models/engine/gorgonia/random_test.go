package gorgonia_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/engine"
)

// randomNetwork draws a small graph: each node reads earlier values anywhere,
// the same one more than once, and some values nobody reads.
type randomNetwork struct {
	*draft
	*rand.Rand
}

func drawNetwork(seed uint64) *models.Network {
	r := rand.New(rand.NewPCG(seed, 71))
	d := &randomNetwork{newDraft(1+r.IntN(4), 1+r.IntN(6), 1+r.IntN(6)), r}
	for range 3 + r.IntN(9) {
		d.node()
	}
	d.add("flat", models.OpFlatten, plain)
	if size := d.size("flat"); size > 20 || r.IntN(2) > 0 {
		d.add("fc", models.OpLinear, models.Attrs{Out: 1 + r.IntN(5), NoBias: r.IntN(2) > 0})
	}
	switch r.IntN(4) {
	case 0:
		d.add("last", models.OpBatchNorm, models.Attrs{Eps: 0.1})
	case 1:
		d.add("last", models.OpDropout, models.Attrs{Rate: 0.4}).add("residual", models.OpAdd, plain, "last", "last")
	}
	return d.done()
}

// try adds a node unless its inputs do not suit it.
func (d *randomNetwork) try(op models.Op, a models.Attrs, inputs ...string) {
	was := d.net.Nodes
	d.add(fmt.Sprintf("%s%d", op, len(was)), op, a, inputs...)
	if shapes, err := d.net.Shapes(); err != nil || shapes[d.net.Output()].Size() > 400 {
		d.net.Nodes = was
	}
}

func (d *randomNetwork) size(name string) int {
	shapes, err := d.net.Shapes()
	if err != nil {
		panic(err)
	}
	return shapes[name].Size()
}

// value is one of the values so far, often the last.
func (d *randomNetwork) value() string {
	if d.IntN(2) > 0 {
		return d.net.Output()
	}
	return d.net.Nodes[d.IntN(len(d.net.Nodes))].Name
}

// alike is a value of the same shape.
func (d *randomNetwork) alike(name string) string {
	shapes, err := d.net.Shapes()
	if err != nil {
		panic(err)
	}
	for {
		other := d.net.Nodes[d.IntN(len(d.net.Nodes))].Name
		if fmt.Sprint(shapes[other]) == fmt.Sprint(shapes[name]) {
			return other
		}
	}
}

func (d *randomNetwork) node() {
	x := d.value()
	switch d.IntN(12) {
	case 0, 1, 2:
		d.filters(x)
	case 3:
		d.try(models.OpBatchNorm, models.Attrs{Eps: 0.1, NoScale: d.IntN(3) == 0, NoShift: d.IntN(3) == 0}, x)
	case 4:
		d.try(models.OpReLU, plain, x)
	case 5:
		ops := []models.Op{models.OpReLU6, models.OpSigmoid, models.OpTanh, models.OpHardSwish, models.OpSiLU, models.OpLeakyReLU}
		d.try(ops[d.IntN(len(ops))], models.Attrs{Slope: 0.1}, x)
	case 6, 7:
		inputs := []string{x, d.alike(x), d.alike(x), d.alike(x)}
		d.try(models.OpAdd, plain, inputs[:2+d.IntN(3)]...)
	case 8:
		d.try(models.OpConcat, plain, x, d.value(), x)
	case 9:
		d.try(models.OpMul, plain, x, d.value())
	case 10:
		d.try(models.OpChannelSelect, models.Attrs{Channels: []int{d.IntN(3), -1, d.IntN(3), 0}}, x)
	case 11:
		d.pool(x)
	}
}

// filters adds a convolution, often one that keeps the shape.
func (d *randomNetwork) filters(x string) {
	shapes, _ := d.net.Shapes()
	a := models.Attrs{Out: shapes[x][0], NoBias: d.IntN(2) > 0, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}}
	if d.IntN(2) > 0 {
		a.Out, a.Kernel, a.Stride = 1+d.IntN(18), [2]int{1 + d.IntN(3), 1 + d.IntN(3)}, [2]int{1 + d.IntN(2), 1 + d.IntN(3)}
	}
	if d.IntN(3) == 0 {
		a.Groups = shapes[x][0]
		a.Out = a.Groups * (1 + d.IntN(9))
	}
	d.try(models.OpConv2D, a, x)
}

func (d *randomNetwork) pool(x string) {
	a := models.Attrs{
		Kernel: [2]int{1 + d.IntN(3), 1 + d.IntN(3)}, Stride: [2]int{1 + d.IntN(2), 1 + d.IntN(2)}, Ceil: d.IntN(2) > 0, CountPad: d.IntN(2) > 0,
	}
	for i := range a.Pad {
		a.Pad[i] = d.IntN(a.Kernel[i%2])
	}
	ops := []models.Op{models.OpMaxPool, models.OpAvgPool, models.OpGlobalAvgPool}
	d.try(ops[d.IntN(len(ops))], a, x)
}

// Whatever the graph, the part of a batch and the number of threads: loss,
// gradients and logits are those of the definitions.
func TestRandomNetworks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			net := drawNetwork(seed)
			n, threads := 1+int(seed%5), []int{1, 2, 3, 16}[seed%4]
			checkNetwork(t, net, n, threads)
		})
	}
}

func checkNetwork(t *testing.T, net *models.Network, n, threads int) {
	defer func() {
		if t.Failed() {
			for _, node := range net.Nodes {
				text, _ := json.Marshal(node)
				t.Logf("%s", text)
			}
		}
	}()
	x, labels := samples(2, n, net.Input.Size(), classes(net))
	ref := newReference(net)
	wantLogits := ref.logits(x, n)
	for _, inference := range []bool{false, true} {
		s := openWith(t, threads, net, engine.Options{Batch: n + 2, Inference: inference})
		got, err := s.Forward(x, n)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range wantLogits {
			if !near(float64(got[i]), want, 1e-4) {
				t.Fatalf("inference %v: logit %d = %g, want %g", inference, i, got[i], want)
			}
		}
	}
	ref.seed, ref.step, ref.train = 5, 3, true
	if loss := ref.loss(x, labels); math.IsNaN(loss) || loss > 50 {
		t.Skip("logits too far apart for a numeric gradient")
	}
	s := openWith(t, threads, net, engine.Options{Batch: n + 2, Seed: 5})
	if _, err := s.Backward(x, labels, 3); err != nil {
		t.Skip(err) // one value has no variance
	}
	gradientsAgree(t, net, s, x, labels, 3, 2e-3, 4)
}
