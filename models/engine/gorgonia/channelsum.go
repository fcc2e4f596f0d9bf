package gorgonia

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// channelSum computes the gradient of a convolution's bias: the sum of g over
// samples and pixels, merged in float64.
type channelSum struct {
	signature
	width, channels int
}

func newChannelSum(of string, g *G.Node) *channelSum {
	size := g.Shape()
	c := size[len(size)-1]
	return &channelSum{
		signature{name: "grad b of " + of, in: types(g), out: vector(), size: tensor.Shape{c}},
		sampleSize(size), c,
	}
}

func (o *channelSum) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *channelSum) sums() (singles, doubles int)     { return 0, o.channels }
func (o *channelSum) workspace() int                   { return 0 }
func (o *channelSum) replicated() bool                 { return false }

func (o *channelSum) accumulate(in []*buffer, sum, _ *buffer) task {
	g, rows := in[0], make([]float32, o.channels)
	return task{
		axis:  overSamples,
		begin: func(int) { clear(sum.sums) },
		run: func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				kernel.SumRows(rows, g.data[i*o.width:(i+1)*o.width], o.width/o.channels, o.channels)
				for c, v := range rows {
					sum.sums[c] += float64(v)
				}
			}
		},
	}
}

func (o *channelSum) merge(sums []*buffer, out *buffer) share {
	return func(_, part, parts int) {
		if part > 0 {
			return
		}
		for c := range out.data {
			total := 0.0
			for _, s := range sums[:parts] {
				total += s.sums[c]
			}
			out.data[c] = float32(total)
		}
	}
}
