package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// flatten gives a batch another shape and leaves every element where it is.
// For the executor operand and result are one value.
type flatten struct {
	signature
	from tensor.Shape
}

func newFlatten(name string, from, to tensor.Shape) *flatten {
	return &flatten{signature{name: "flatten " + name, in: []hm.Type{tensorOf(len(from))}, out: tensorOf(len(to)), size: to}, from}
}

func (o *flatten) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *flatten) task(in []*buffer, out *buffer) task {
	x, width := in[0], sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		copy(out.data[lo*width:hi*width], x.data[lo*width:hi*width])
	}}
}

func (o *flatten) DiffWRT(int) []bool { return []bool{true} }

func (o *flatten) SymDiff(_ G.Nodes, _, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newFlatten("grad of "+o.name, o.size, o.from), g)
	return G.Nodes{dx}, err
}

// transpose changes between the layouts of images: planes of one channel each
// (NCHW), as the world outside and flattened activations have them, and pixels
// of all channels (NHWC), as this engine computes.
type transpose struct {
	signature
	from             tensor.Shape
	channels, pixels int
	toNHWC           bool
}

func newTranspose(name string, from, to tensor.Shape, channels, pixels int, toNHWC bool) *transpose {
	return &transpose{
		signature{name: "transpose " + name, in: []hm.Type{tensorOf(len(from))}, out: tensorOf(len(to)), size: to},
		from, channels, pixels, toNHWC,
	}
}

func (o *transpose) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

// cheap where images become pixels: what it reads, the network's input or the
// gradient of flattened activations, is kept.
func (o *transpose) cheap() bool { return o.toNHWC }

func (o *transpose) task(in []*buffer, out *buffer) task {
	x, width := in[0], o.channels*o.pixels
	move := kernel.ToNCHW
	if o.toNHWC {
		move = kernel.ToNHWC
	}
	return task{axis: overSamples, run: func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			move(out.data[i*width:(i+1)*width], x.data[i*width:(i+1)*width], o.channels, o.pixels)
		}
	}}
}

func (o *transpose) DiffWRT(int) []bool { return []bool{true} }

func (o *transpose) SymDiff(_ G.Nodes, _, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newTranspose("grad of "+o.name, o.size, o.from, o.channels, o.pixels, !o.toNHWC), g)
	return G.Nodes{dx}, err
}
