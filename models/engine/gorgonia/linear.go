package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/blas"
	"espalier/models/engine/kernel"
)

// linear computes y = x W^T + b, and with relu max(y, 0) in the same pass; b is
// optional. Operands: x (batch x in), W (out x in), b (out).
type linear struct {
	signature
	lib        blas.Library
	in, out    int
	bias, relu bool
}

func newLinear(lib blas.Library, name string, batch, in, out int, bias, relu bool) *linear {
	if relu {
		name += "+relu"
	}
	operands := []hm.Type{matrix(), matrix()}
	if bias {
		operands = append(operands, vector())
	}
	return &linear{
		signature: signature{name: "linear " + name, in: operands, out: matrix(), size: tensor.Shape{batch, out}},
		lib:       lib, in: in, out: out, bias: bias, relu: relu,
	}
}

func (o *linear) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *linear) task(in []*buffer, out *buffer) task {
	if !o.bias {
		return o.product(in[0], in[1], nil, out)
	}
	return o.product(in[0], in[1], in[2], out)
}

// product is the task for weights w, and the bias b if there is one.
func (o *linear) product(x, w, b, out *buffer) task {
	return task{axis: overSamples, run: func(_, lo, hi int) {
		y := out.data[lo*o.out : hi*o.out]
		o.lib.Gemm(false, true, hi-lo, o.out, o.in, 1, x.data[lo*o.in:hi*o.in], o.in, w.data, o.in, 0, y, o.out)
		switch {
		case b != nil:
			kernel.BiasReLU(y, b.data, o.relu)
		case o.relu:
			kernel.ReLU(y, y)
		}
	}}
}

func (o *linear) DiffWRT(n int) []bool { return gradients(n) }

// SymDiff gives dx = g W, dW = g^T x and db = the sum of g over the batch,
// where g is the gradient of y, after the relu's if there is one.
func (o *linear) SymDiff(inputs G.Nodes, output, g *G.Node) (G.Nodes, error) {
	x, w := inputs[0], inputs[1]
	g, err := behindReLU(o.relu, &o.signature, g, output)
	if err != nil {
		return nil, err
	}
	dx, err := G.ApplyOp(newLinearGradX(o), w, g)
	if err != nil {
		return nil, err
	}
	dw, err := G.ApplyOp(newLinearGradW(o), x, g)
	if err != nil {
		return nil, err
	}
	if !o.bias {
		return G.Nodes{dx, dw}, nil
	}
	db, err := G.ApplyOp(newSumRows(o), g)
	return G.Nodes{dx, dw, db}, err
}

// linearGradX computes dx = g W. Operands: W, g.
type linearGradX struct {
	signature
	of *linear
}

func newLinearGradX(of *linear) *linearGradX {
	return &linearGradX{signature{name: "grad x of " + of.name, in: []hm.Type{matrix(), matrix()}, out: matrix(), size: tensor.Shape{of.size[0], of.in}}, of}
}

func (o *linearGradX) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *linearGradX) task(in []*buffer, out *buffer) task {
	w, g := in[0], in[1]
	cols, k := o.of.in, o.of.out
	return task{axis: overSamples, run: func(_, lo, hi int) {
		o.of.lib.Gemm(false, false, hi-lo, cols, k, 1, g.data[lo*k:hi*k], k, w.data, cols, 0, out.data[lo*cols:hi*cols], cols)
	}}
}

// linearGradW computes dW = g^T x. Operands: x, g.
type linearGradW struct {
	signature
	of *linear
}

func newLinearGradW(of *linear) *linearGradW {
	return &linearGradW{signature{name: "grad W of " + of.name, in: []hm.Type{matrix(), matrix()}, out: matrix(), size: tensor.Shape{of.out, of.in}}, of}
}

func (o *linearGradW) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *linearGradW) task(in []*buffer, out *buffer) task {
	x, g := in[0], in[1]
	rows, cols := o.of.out, o.of.in
	return task{axis: overFeatures, features: cols, run: func(n, lo, hi int) {
		o.of.lib.Gemm(true, false, rows, hi-lo, n, 1, g.data[:n*rows], rows, x.data[lo:n*cols], cols, 0, out.data[lo:], cols)
	}}
}

// sumRows computes the bias's gradient: the sum of g over the batch.
type sumRows struct {
	signature
	width int
}

func newSumRows(of *linear) *sumRows {
	return &sumRows{signature{name: "grad b of " + of.name, in: []hm.Type{matrix()}, out: vector(), size: tensor.Shape{of.out}}, of.out}
}

func (o *sumRows) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *sumRows) task(in []*buffer, out *buffer) task {
	g := in[0]
	return task{axis: overFeatures, features: o.width, run: func(n, lo, hi int) {
		kernel.SumRows(out.data[lo:hi], g.data[lo:n*o.width], n, o.width)
	}}
}
