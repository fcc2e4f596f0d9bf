package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// pooled and unpooled are the shapes of a pool's result and operand.
func pooled(batch int, w kernel.Window) tensor.Shape { return tensor.Shape{batch, w.OH, w.OW, w.C} }
func unpooled(batch int, w kernel.Window) tensor.Shape {
	return tensor.Shape{batch, w.H, w.W, w.C}
}

// maxPool computes the maximum of each window.
type maxPool struct {
	signature
	window kernel.Window
}

func newMaxPool(name string, batch int, w kernel.Window) *maxPool {
	return &maxPool{signature{name: "max pool " + name, in: []hm.Type{tensorOf(4)}, out: tensorOf(4), size: pooled(batch, w)}, w}
}

func (o *maxPool) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *maxPool) task(in []*buffer, out *buffer) task {
	x, w := in[0], o.window
	from, to := w.H*w.W*w.C, w.OH*w.OW*w.C
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.MaxPool(out.data[lo*to:hi*to], x.data[lo*from:hi*from], w)
	}}
}

func (o *maxPool) DiffWRT(int) []bool { return []bool{true} }

func (o *maxPool) SymDiff(inputs G.Nodes, output, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newMaxPoolGrad(o), g, inputs[0], output)
	return G.Nodes{dx}, err
}

// maxPoolGrad gives each window's gradient to its first maximum. Operands: g,
// x, y.
type maxPoolGrad struct {
	signature
	window kernel.Window
}

func newMaxPoolGrad(of *maxPool) *maxPoolGrad {
	t := tensorOf(4)
	return &maxPoolGrad{signature{name: "grad of " + of.name, in: []hm.Type{t, t, t}, out: t, size: unpooled(of.size[0], of.window)}, of.window}
}

func (o *maxPoolGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *maxPoolGrad) task(in []*buffer, out *buffer) task {
	g, x, y, w := in[0], in[1], in[2], o.window
	from, to := w.H*w.W*w.C, w.OH*w.OW*w.C
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.MaxPoolGrad(out.data[lo*from:hi*from], g.data[lo*to:hi*to], x.data[lo*from:hi*from], y.data[lo*to:hi*to], w)
	}}
}

// avgPool computes the mean of each window.
type avgPool struct {
	signature
	window kernel.Window
}

func newAvgPool(name string, batch int, w kernel.Window) *avgPool {
	return &avgPool{signature{name: "avg pool " + name, in: []hm.Type{tensorOf(4)}, out: tensorOf(4), size: pooled(batch, w)}, w}
}

func (o *avgPool) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *avgPool) task(in []*buffer, out *buffer) task {
	x, w := in[0], o.window
	from, to := w.H*w.W*w.C, w.OH*w.OW*w.C
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.AvgPool(out.data[lo*to:hi*to], x.data[lo*from:hi*from], w)
	}}
}

func (o *avgPool) DiffWRT(int) []bool { return []bool{true} }

func (o *avgPool) SymDiff(_ G.Nodes, _, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newAvgPoolGrad(o), g)
	return G.Nodes{dx}, err
}

// avgPoolGrad spreads each window's gradient evenly.
type avgPoolGrad struct {
	signature
	window kernel.Window
}

func newAvgPoolGrad(of *avgPool) *avgPoolGrad {
	t := tensorOf(4)
	return &avgPoolGrad{signature{name: "grad of " + of.name, in: []hm.Type{t}, out: t, size: unpooled(of.size[0], of.window)}, of.window}
}

func (o *avgPoolGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *avgPoolGrad) task(in []*buffer, out *buffer) task {
	g, w := in[0], o.window
	from, to := w.H*w.W*w.C, w.OH*w.OW*w.C
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.AvgPoolGrad(out.data[lo*from:hi*from], g.data[lo*to:hi*to], w)
	}}
}

// globalAvgPool computes each channel's mean over the image.
type globalAvgPool struct {
	signature
	from tensor.Shape
}

// newGlobalAvgPool averages each channel over an image of h x w pixels.
func newGlobalAvgPool(name string, batch, h, w, c int) *globalAvgPool {
	return &globalAvgPool{
		signature: signature{name: "global avg pool " + name, in: []hm.Type{tensorOf(4)}, out: tensorOf(4), size: tensor.Shape{batch, 1, 1, c}},
		from:      tensor.Shape{batch, h, w, c},
	}
}

func (o *globalAvgPool) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *globalAvgPool) task(in []*buffer, out *buffer) task {
	x, c := in[0], o.size[3]
	pixels := sampleSize(o.from) / c
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.GlobalAvgPool(out.data[lo*c:hi*c], x.data[lo*c*pixels:hi*c*pixels], c, pixels)
	}}
}

func (o *globalAvgPool) DiffWRT(int) []bool { return []bool{true} }

func (o *globalAvgPool) SymDiff(_ G.Nodes, _, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newGlobalAvgPoolGrad(o), g)
	return G.Nodes{dx}, err
}

// globalAvgPoolGrad spreads each channel's gradient evenly over the image.
type globalAvgPoolGrad struct{ signature }

func newGlobalAvgPoolGrad(of *globalAvgPool) *globalAvgPoolGrad {
	t := tensorOf(4)
	return &globalAvgPoolGrad{signature{name: "grad of " + of.name, in: []hm.Type{t}, out: t, size: of.from}}
}

func (o *globalAvgPoolGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *globalAvgPoolGrad) task(in []*buffer, out *buffer) task {
	g, c := in[0], o.size[3]
	pixels := sampleSize(o.size) / c
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.GlobalAvgPoolGrad(out.data[lo*c*pixels:hi*c*pixels], g.data[lo*c:hi*c], c, pixels)
	}}
}
