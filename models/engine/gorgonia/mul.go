package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// mul computes the product of two operands. The second has the shape of the
// first, or with spread one pixel for each image (batch x 1 x 1 x channels).
type mul struct {
	signature
	spread bool
}

func newMul(name string, size tensor.Shape, spread bool) *mul {
	t := tensorOf(len(size))
	return &mul{signature{name: "mul " + name, in: []hm.Type{t, t}, out: t, size: size}, spread}
}

func (o *mul) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *mul) inPlace() int                     { return 0 }

func (o *mul) task(in []*buffer, out *buffer) task {
	x, y, width, c := in[0], in[1], sampleSize(o.size), channels(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		to, from := out.data[lo*width:hi*width], x.data[lo*width:hi*width]
		if o.spread {
			kernel.MulSpread(to, from, y.data[lo*c:hi*c], c, width/c)
			return
		}
		kernel.Mul(to, from, y.data[lo*width:hi*width])
	}}
}

func (o *mul) DiffWRT(int) []bool { return []bool{true, true} }

// SymDiff gives g times the other operand, summed over the pixels where that
// one is spread.
func (o *mul) SymDiff(inputs G.Nodes, _, g *G.Node) (G.Nodes, error) {
	x, y := inputs[0], inputs[1]
	dx, err := G.ApplyOp(newMul("grad of the first of "+o.name, o.size, o.spread), g, y)
	if err != nil {
		return nil, err
	}
	if o.spread {
		dy, err := G.ApplyOp(newMulSpreadGrad(o), g, x)
		return G.Nodes{dx, dy}, err
	}
	dy, err := G.ApplyOp(newMul("grad of the second of "+o.name, o.size, false), g, x)
	return G.Nodes{dx, dy}, err
}

// mulSpreadGrad computes the gradient of what was spread. Operands: g, x.
type mulSpreadGrad struct {
	signature
	pixels int
}

func newMulSpreadGrad(of *mul) *mulSpreadGrad {
	t, c := tensorOf(4), channels(of.size)
	return &mulSpreadGrad{
		signature: signature{name: "grad of what is spread of " + of.name, in: []hm.Type{t, t}, out: t, size: tensor.Shape{of.size[0], 1, 1, c}},
		pixels:    sampleSize(of.size) / c,
	}
}

func (o *mulSpreadGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *mulSpreadGrad) task(in []*buffer, out *buffer) task {
	g, x, c := in[0], in[1], channels(o.size)
	width := c * o.pixels
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.MulSpreadGrad(out.data[lo*c:hi*c], g.data[lo*width:hi*width], x.data[lo*width:hi*width], c, o.pixels)
	}}
}
