package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// relu computes max(x, 0) where it stands alone, not behind a linear node.
type relu struct{ signature }

func newReLU(name string, size tensor.Shape) *relu {
	t := tensorOf(len(size))
	return &relu{signature{name: "relu " + name, in: []hm.Type{t}, out: t, size: size}}
}

func (o *relu) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *relu) task(in []*buffer, out *buffer) task {
	x, width := in[0], sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.ReLU(out.data[lo*width:hi*width], x.data[lo*width:hi*width])
	}}
}

func (o *relu) DiffWRT(int) []bool { return []bool{true} }

func (o *relu) SymDiff(_ G.Nodes, output, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newReLUGrad(o.name, o.size), g, output)
	return G.Nodes{dx}, err
}

// reluGrad lets the gradient through where the output is positive. Operands:
// g, y.
type reluGrad struct{ signature }

func newReLUGrad(of string, size tensor.Shape) *reluGrad {
	t := tensorOf(len(size))
	return &reluGrad{signature{name: "relu grad of " + of, in: []hm.Type{t, t}, out: t, size: size}}
}

func (o *reluGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *reluGrad) inPlace() int                     { return 0 }

func (o *reluGrad) task(in []*buffer, out *buffer) task {
	g, y, width := in[0], in[1], sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		lo, hi = lo*width, hi*width
		kernel.ReLUGrad(out.data[lo:hi], g.data[lo:hi], y.data[lo:hi])
	}}
}

// behindReLU is the gradient of an operation's result before its relu, if it
// has one, given that of the result.
func behindReLU(relu bool, of *signature, g, output *G.Node) (*G.Node, error) {
	if !relu {
		return g, nil
	}
	return G.ApplyOp(newReLUGrad(of.name, of.size), g, output)
}

// draw is what a session's dropout masks depend on besides the node's name.
type draw struct {
	seed uint64
	step int64
}

// dropout zeroes a share of x and scales up the rest. The same operation with
// the same mask is its own gradient.
type dropout struct {
	signature
	node string
	rate float64
	draw *draw
}

func newDropout(node, name string, size tensor.Shape, rate float64, d *draw) *dropout {
	t := tensorOf(len(size))
	return &dropout{signature{name: name, in: []hm.Type{t}, out: t, size: size}, node, rate, d}
}

func (o *dropout) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *dropout) inPlace() int                     { return 0 }

func (o *dropout) task(in []*buffer, out *buffer) task {
	x, width := in[0], sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		lo, hi = lo*width, hi*width
		key := kernel.NewDropoutKey(o.draw.seed, o.node, o.draw.step)
		kernel.Dropout(out.data[lo:hi], x.data[lo:hi], key, x.first*width+lo, o.rate)
	}}
}

func (o *dropout) DiffWRT(int) []bool { return []bool{true} }

func (o *dropout) SymDiff(_ G.Nodes, _, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newDropout(o.node, "grad of "+o.name, o.size, o.rate, o.draw), g)
	return G.Nodes{dx}, err
}
