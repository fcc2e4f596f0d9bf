package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/conv"
)

// conv2d computes y = relu(conv(x, w) + b + residual), of which bias, residual
// and relu are optional. Operands: x, w, b, residual. Images are NHWC, w is
// OIHW.
type conv2d struct {
	signature
	layer                *conv.Conv
	x, y                 int // elements of a sample
	channels, filters    int
	weights              tensor.Shape
	bias, residual, relu bool
	norm                 *normAttrs // of a batch normalization folded into w and b
}

// epilogue says what a convolution does to its sums before it stores them.
type epilogue struct {
	bias, residual, relu bool
}

func newConv2D(name string, s conv.Shape, layer *conv.Conv, batch int, e epilogue, in []hm.Type) *conv2d {
	h, w := s.Out()
	name = "conv2d " + name
	for _, part := range []struct {
		on   bool
		name string
	}{{e.bias, "+bias"}, {e.residual, "+residual"}, {e.relu, "+relu"}} {
		if part.on {
			name += part.name
		}
	}
	return &conv2d{
		signature: signature{name: name, in: in, out: tensorOf(4), size: tensor.Shape{batch, h, w, s.K}},
		layer:     layer, x: s.H * s.W * s.C, y: h * w * s.K, channels: s.C, filters: s.K,
		weights: tensor.Shape{s.K, s.C / s.Groups, s.Kernel[0], s.Kernel[1]},
		bias:    e.bias, residual: e.residual, relu: e.relu,
	}
}

func (o *conv2d) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *conv2d) workspace() int                   { return o.layer.Workspace() }

// packed is the packed form of the weights and, behind it, the bias of a
// folded batch normalization.
func (o *conv2d) packed() int {
	if o.norm != nil {
		return o.layer.PackedLen() + o.filters
	}
	return o.layer.PackedLen()
}

func (o *conv2d) scratch() int {
	if o.norm != nil {
		return o.weights.TotalSize()
	}
	return 0
}

func (o *conv2d) pack(in []*buffer, packed, scratch *buffer) []share {
	w, at := in[1], o.layer.PackedLen()
	if o.norm == nil {
		return []share{func(_, part, parts int) { o.layer.Pack(packed.data, w.data, part, parts) }}
	}
	fold := newFold(o.norm, o.operand(in, o.bias, 2), w, in[o.normAt():], o.weights[0])
	return []share{
		func(_, part, parts int) { fold.run(scratch.data, packed.data[at:], part, parts) },
		func(_, part, parts int) { o.layer.Pack(packed.data[:at], scratch.data, part, parts) },
	}
}

// operand is in[i] if it is there, otherwise nil.
func (o *conv2d) operand(in []*buffer, there bool, i int) *buffer {
	if !there {
		return nil
	}
	return in[i]
}

// normAt is where the operands of the folded batch normalization begin.
func (o *conv2d) normAt() int {
	at := 2
	if o.bias {
		at++
	}
	return at
}

func (o *conv2d) bind(in []*buffer, out, packed, workspace *buffer) task {
	x, b, r := in[0], o.operand(in, o.bias, 2), o.operand(in, o.residual, len(in)-1)
	at := o.layer.PackedLen()
	filters := func(lo, hi, from, to int) {
		e := conv.Epilogue{ReLU: o.relu}
		switch {
		case o.norm != nil:
			e.Bias = packed.data[at:]
		case o.bias:
			e.Bias = b.data
		}
		if o.residual {
			e.Residual = r.data[lo*o.y : hi*o.y]
		}
		o.layer.Forward(out.data[lo*o.y:hi*o.y], x.data[lo*o.x:hi*o.x], hi-lo, packed.data[:at], from, to, e, workspace.data)
	}
	return task{
		axis: overSamples,
		run:  func(_, lo, hi int) { filters(lo, hi, 0, o.filters) },
		columns: func(lo, hi, part, parts int) {
			if from, to := panels(o.filters, part, parts); from < to {
				filters(lo, hi, from, to)
			}
		},
		work: o.y * o.weights[1:].TotalSize(),
	}
}

func (o *conv2d) DiffWRT(n int) []bool { return gradients(n) }

// SymDiff gives the gradients of x, w and b, which have an operation each, and
// of the residual: the gradient of y itself, after the relu's if there is one.
func (o *conv2d) SymDiff(inputs G.Nodes, output, g *G.Node) (G.Nodes, error) {
	g, err := behindReLU(o.relu, &o.signature, g, output)
	if err != nil {
		return nil, err
	}
	dx, err := G.ApplyOp(newConv2DGradX(o, inputs[0].Shape()), inputs[1], g)
	if err != nil {
		return nil, err
	}
	dw, err := G.ApplyOp(newConv2DGradW(o), inputs[0], g)
	if err != nil {
		return nil, err
	}
	grads := G.Nodes{dx, dw}
	if o.bias {
		db, err := G.ApplyOp(newChannelSum(o.name, g), g)
		if err != nil {
			return nil, err
		}
		grads = append(grads, db)
	}
	if o.residual {
		grads = append(grads, g)
	}
	return grads, nil
}

// conv2dGradX computes the gradient of x. Operands: w, g.
type conv2dGradX struct {
	signature
	of *conv2d
}

func newConv2DGradX(of *conv2d, x tensor.Shape) *conv2dGradX {
	return &conv2dGradX{signature{name: "grad x of " + of.name, in: []hm.Type{tensorOf(4), tensorOf(4)}, out: tensorOf(4), size: x.Clone()}, of}
}

func (o *conv2dGradX) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *conv2dGradX) packed() int                      { return o.of.layer.PackedGradLen() }
func (o *conv2dGradX) scratch() int                     { return 0 }
func (o *conv2dGradX) workspace() int                   { return o.of.layer.Workspace() }

func (o *conv2dGradX) pack(in []*buffer, packed, _ *buffer) []share {
	w := in[0]
	return []share{func(_, part, parts int) { o.of.layer.PackGrad(packed.data, w.data, part, parts) }}
}

func (o *conv2dGradX) bind(in []*buffer, out, packed, workspace *buffer) task {
	return o.addTo(nil, in, out, packed, workspace)
}

// addTo is the task that adds the gradient to another one.
func (o *conv2dGradX) addTo(other *buffer, in []*buffer, out, packed, workspace *buffer) task {
	g, x, y := in[1], o.of.x, o.of.y
	return task{axis: overSamples, run: func(_, lo, hi int) {
		dx := out.data[lo*x : hi*x]
		if other != nil && &other.data[0] != &out.data[0] {
			copy(dx, other.data[lo*x:hi*x])
		}
		o.of.layer.GradX(dx, g.data[lo*y:hi*y], hi-lo, packed.data, other != nil, workspace.data)
	}}
}

// conv2dGradW computes the gradient of w, a sum over samples. Operands: x, g.
type conv2dGradW struct {
	signature
	of *conv2d
}

func newConv2DGradW(of *conv2d) *conv2dGradW {
	return &conv2dGradW{signature{name: "grad W of " + of.name, in: []hm.Type{tensorOf(4), tensorOf(4)}, out: tensorOf(4), size: of.weights.Clone()}, of}
}

func (o *conv2dGradW) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *conv2dGradW) sums() (singles, doubles int)     { return o.of.layer.GradWLen(), 0 }
func (o *conv2dGradW) workspace() int                   { return o.of.layer.Workspace() }
func (o *conv2dGradW) replicated() bool                 { return false }

func (o *conv2dGradW) accumulate(in []*buffer, sum, workspace *buffer) task {
	x, g := in[0], in[1]
	return task{
		axis:  overSamples,
		begin: func(int) { clear(sum.data) },
		run: func(_, lo, hi int) {
			o.of.layer.GradW(sum.data, x.data[lo*o.of.x:hi*o.of.x], g.data[lo*o.of.y:hi*o.of.y], hi-lo, workspace.data)
		},
	}
}

func (o *conv2dGradW) merge(sums []*buffer, out *buffer) share {
	data := make([][]float32, len(sums))
	return func(_, part, parts int) {
		for i, s := range sums[:parts] {
			data[i] = s.data
		}
		o.of.layer.FinishGradW(out.data, data[:parts], part, parts)
	}
}
