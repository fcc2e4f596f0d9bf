package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// lrn computes local response normalization across channels.
type lrn struct {
	signature
	kernel.LRN
}

func newLRN(name string, size tensor.Shape, l kernel.LRN) *lrn {
	return &lrn{signature{name: "lrn " + name, in: []hm.Type{tensorOf(4)}, out: tensorOf(4), size: size}, l}
}

func (o *lrn) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *lrn) task(in []*buffer, out *buffer) task {
	x, width := in[0], sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		lo, hi = lo*width, hi*width
		o.Forward(out.data[lo:hi], x.data[lo:hi], channels(o.size))
	}}
}

func (o *lrn) DiffWRT(int) []bool { return []bool{true} }

func (o *lrn) SymDiff(inputs G.Nodes, output, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newLRNGrad(o), g, inputs[0], output)
	return G.Nodes{dx}, err
}

// lrnGrad computes its gradient. Operands: g, x, y.
type lrnGrad struct {
	signature
	kernel.LRN
}

func newLRNGrad(of *lrn) *lrnGrad {
	t := tensorOf(4)
	return &lrnGrad{signature{name: "grad of " + of.name, in: []hm.Type{t, t, t}, out: t, size: of.size}, of.LRN}
}

func (o *lrnGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *lrnGrad) task(in []*buffer, out *buffer) task {
	g, x, y, width := in[0], in[1], in[2], sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		lo, hi = lo*width, hi*width
		o.Grad(out.data[lo:hi], g.data[lo:hi], x.data[lo:hi], y.data[lo:hi], channels(o.size))
	}}
}
