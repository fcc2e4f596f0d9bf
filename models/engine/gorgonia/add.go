package gorgonia

import (
	"fmt"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// add computes the sum of its operands, in their order, and with relu what is
// positive of it.
type add struct {
	signature
	relu bool
}

func newAdd(name string, size tensor.Shape, relu bool, in []hm.Type) *add {
	return &add{signature{name: fmt.Sprintf("add %d, relu %t: %s", len(in), relu, name), in: in, out: in[0], size: size.Clone()}, relu}
}

func (o *add) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *add) inPlace() int                     { return 0 }

func (o *add) task(in []*buffer, out *buffer) task {
	width := sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		lo, hi = lo*width, hi*width
		y := out.data[lo:hi]
		kernel.Add(y, in[0].data[lo:hi], in[1].data[lo:hi])
		for _, x := range in[2:] {
			kernel.Add(y, y, x.data[lo:hi])
		}
		if o.relu {
			kernel.ReLU(y, y)
		}
	}}
}

func (o *add) DiffWRT(n int) []bool { return gradients(n) }

func (o *add) SymDiff(inputs G.Nodes, output, g *G.Node) (G.Nodes, error) {
	g, err := behindReLU(o.relu, &o.signature, g, output)
	if err != nil {
		return nil, err
	}
	grads := make(G.Nodes, len(inputs))
	for i := range grads {
		grads[i] = g
	}
	return grads, nil
}
