package channel_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/zoo/zootest"
)

// drawer draws random graphs, node by node; where what it draws does not fit,
// it draws again.
type drawer struct {
	*rand.Rand
	net    *models.Network
	shapes map[string]models.Shape
}

// randomNetwork is a graph of the operations that channels flow through, ending
// in a linear layer, a convolution or whatever comes.
func randomNetwork(t testing.TB, seed uint64) *models.Network {
	t.Helper()
	d := &drawer{Rand: rand.New(rand.NewPCG(seed, 99)), net: &models.Network{Name: fmt.Sprint("random ", seed)}}
	d.net.Input = models.Shape{1 + d.IntN(4), 6 + d.IntN(3), 6 + d.IntN(3)}
	d.add(models.OpInput, models.Attrs{})
	d.conv(d.net.Nodes[0].Name, 2+d.IntN(7))
	for range 8 + d.IntN(12) {
		d.step()
	}
	d.finish()
	zootest.Lay(t, d.net)
	zootest.Draw(d.net, seed)
	return d.net
}

// add appends a node if the graph stays valid, and says whether it has.
func (d *drawer) add(op models.Op, a models.Attrs, inputs ...string) (string, bool) {
	name := fmt.Sprintf("%s%d", op, len(d.net.Nodes))
	d.net.Nodes = append(d.net.Nodes, models.Node{Name: name, Op: op, Attrs: a, Inputs: inputs})
	shapes, err := d.net.Shapes()
	if err != nil {
		d.net.Nodes = d.net.Nodes[:len(d.net.Nodes)-1]
		return inputs[0], false
	}
	d.shapes = shapes
	return name, true
}

// any is one of the nodes, rather a late one, but not the input.
func (d *drawer) any() string {
	n := len(d.net.Nodes)
	return d.net.Nodes[max(1, n-1-d.IntN(min(n, 6)))].Name
}

func (d *drawer) conv(input string, out int) string {
	a := models.Attrs{Out: out, NoBias: d.IntN(2) == 0, Kernel: [2]int{1, 1}}
	switch d.IntN(3) {
	case 0:
		a.Kernel, a.Pad = [2]int{3, 3}, [4]int{1, 1, 1, 1}
	case 1:
		a.Kernel, a.Stride = [2]int{3, 2}, [2]int{1 + d.IntN(2), 1}
	}
	channels := d.shapes[input][0]
	for _, groups := range []int{channels, 2, 3} {
		if d.IntN(3) == 0 && channels%groups == 0 && groups > 1 {
			a.Groups, a.Out = groups, groups*(1+(out-1)/groups)
			break
		}
	}
	name, _ := d.add(models.OpConv2D, a, input)
	return name
}

// fitting is a convolution that makes another node's channels of its own input.
func (d *drawer) fitting(input, like string) string {
	name, _ := d.add(models.OpConv2D, models.Attrs{Out: d.shapes[like][0], NoBias: true}, input)
	return name
}

func (d *drawer) step() {
	x := d.any()
	switch d.IntN(10) {
	case 0, 1:
		d.conv(x, 2+d.IntN(7))
	case 2, 3:
		d.add(models.OpBatchNorm, models.Attrs{NoScale: d.IntN(4) == 0, NoShift: d.IntN(4) == 0}, x)
	case 4:
		ops := []models.Op{models.OpReLU, models.OpReLU, models.OpReLU6, models.OpLeakyReLU, models.OpSigmoid, models.OpTanh,
			models.OpHardSigmoid, models.OpHardSwish, models.OpSiLU, models.OpDropout}
		d.add(ops[d.IntN(len(ops))], models.Attrs{Slope: 0.1}, x)
	case 5:
		d.add(models.OpAdd, models.Attrs{}, x, d.partner(x))
	case 6:
		if d.IntN(2) == 0 {
			d.add(models.OpMul, models.Attrs{}, x, d.partner(x))
			return
		}
		pooled, _ := d.add(models.OpGlobalAvgPool, models.Attrs{}, x)
		gate, _ := d.add(models.OpSigmoid, models.Attrs{}, d.fitting(d.fitting(pooled, d.any()), x))
		d.add(models.OpMul, models.Attrs{}, x, gate)
	case 7:
		d.add(models.OpConcat, models.Attrs{}, x, d.any())
	case 8:
		d.selection(x)
	case 9:
		op, a := models.OpMaxPool, models.Attrs{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}}
		if d.IntN(2) == 0 {
			op, a = models.OpAvgPool, models.Attrs{Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, CountPad: d.IntN(2) == 0}
		}
		d.add(op, a, x)
	}
}

// partner is a node that x can be added to: another of its shape, if there is
// one, or a convolution of x.
func (d *drawer) partner(x string) string {
	for _, i := range d.Perm(len(d.net.Nodes)) {
		name := d.net.Nodes[i].Name
		if name != x && i > 0 && slices.Equal(d.shapes[name], d.shapes[x]) {
			return name
		}
	}
	return d.fitting(x, x)
}

func (d *drawer) selection(x string) {
	channels := make([]int, 1+d.IntN(d.shapes[x][0]+2))
	for i := range channels {
		channels[i] = d.IntN(d.shapes[x][0]+1) - 1
	}
	d.add(models.OpChannelSelect, models.Attrs{Channels: channels}, x)
}

// finish ends the graph.
func (d *drawer) finish() {
	x := d.net.Output()
	switch d.IntN(4) {
	case 0:
		x, _ = d.add(models.OpGlobalAvgPool, models.Attrs{}, x)
	case 1:
		d.add(models.OpFlatten, models.Attrs{}, d.conv(x, 4))
		return
	}
	x, _ = d.add(models.OpFlatten, models.Attrs{}, x)
	for range d.IntN(3) {
		x, _ = d.add(models.OpLinear, models.Attrs{Out: 2 + d.IntN(6), NoBias: d.IntN(2) == 0}, x)
		x, _ = d.add(models.OpBatchNorm, models.Attrs{}, x)
		x, _ = d.add(models.OpReLU, models.Attrs{}, x)
	}
	d.add(models.OpLinear, models.Attrs{Out: 3}, x)
}

// randomNetworks are 300 of them by their seeds, every second one with branches,
// but for those whose outputs are not finite.
func randomNetworks(t *testing.T) iter.Seq2[uint64, *models.Network] {
	return func(yield func(uint64, *models.Network) bool) {
		for seed := range uint64(300) {
			net := randomNetwork(t, seed)
			if seed%2 == 1 {
				net = branch(t, net)
			}
			if finite(net, t) && !yield(seed, net) {
				return
			}
		}
	}
}
