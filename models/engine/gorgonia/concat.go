package gorgonia

import (
	"fmt"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// channels is the extent of the innermost axis.
func channels(s tensor.Shape) int { return s[len(s)-1] }

// withChannels is the shape with another innermost extent.
func withChannels(s tensor.Shape, c int) tensor.Shape {
	s = slices.Clone(s)
	s[len(s)-1] = c
	return s
}

// concat joins its operands along the channels, the innermost axis, in which
// alone they differ.
type concat struct {
	signature
	parts []int // channels of each operand
}

// newConcat joins operands of these shapes.
func newConcat(name string, operands ...tensor.Shape) *concat {
	o := &concat{signature: signature{name: "concat " + name, out: tensorOf(len(operands[0]))}}
	total := 0
	for _, s := range operands {
		o.in, o.parts = append(o.in, o.out), append(o.parts, channels(s))
		total += channels(s)
	}
	o.size = withChannels(operands[0], total)
	return o
}

func (o *concat) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *concat) task(in []*buffer, out *buffer) task {
	c, width := channels(o.size), sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		y, first, rows := out.data[lo*width:hi*width], 0, width/c
		for i, n := range o.parts {
			if hi > lo {
				kernel.CopyChannels(y[first:], in[i].data[lo*rows*n:hi*rows*n], (hi-lo)*rows, n, c, n)
			}
			first += n
		}
	}}
}

func (o *concat) DiffWRT(inputs int) []bool { return slices.Repeat([]bool{true}, inputs) }

func (o *concat) SymDiff(_ G.Nodes, _, g *G.Node) (G.Nodes, error) {
	var grads G.Nodes
	first := 0
	for _, n := range o.parts {
		dx, err := G.ApplyOp(newPart("grad of "+o.name, o.size, first, n), g)
		if err != nil {
			return nil, err
		}
		grads = append(grads, dx)
		first += n
	}
	return grads, nil
}

// part copies n channels out of all, from first on: what a concatenation's
// operand gets of the gradient.
type part struct {
	signature
	from  tensor.Shape
	first int
}

func newPart(name string, from tensor.Shape, first, n int) *part {
	t := tensorOf(len(from))
	return &part{signature{name: fmt.Sprintf("channels %d to %d of %s", first, first+n, name), in: []hm.Type{t}, out: t, size: withChannels(from, n)}, from, first}
}

func (o *part) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *part) task(in []*buffer, out *buffer) task {
	x, n, c := in[0], channels(o.size), channels(o.from)
	from, to := sampleSize(o.from), sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		if hi > lo {
			kernel.CopyChannels(out.data[lo*to:hi*to], x.data[lo*from+o.first:hi*from], (hi-lo)*(to/n), n, n, c)
		}
	}}
}
