package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// channelSelect gathers channels, the innermost axis: -1 gives one of zeros.
type channelSelect struct {
	signature
	from tensor.Shape
	list []int32
}

// newChannelSelect selects from operands of shape from.
func newChannelSelect(name string, from tensor.Shape, list []int) *channelSelect {
	t := tensorOf(len(from))
	o := &channelSelect{signature{name: "channel select " + name, in: []hm.Type{t}, out: t, size: withChannels(from, len(list))}, from, nil}
	for _, c := range list {
		o.list = append(o.list, int32(c))
	}
	return o
}

func (o *channelSelect) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *channelSelect) task(in []*buffer, out *buffer) task {
	x, c := in[0], channels(o.from)
	from, to := sampleSize(o.from), sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.SelectChannels(out.data[lo*to:hi*to], x.data[lo*from:hi*from], (hi-lo)*(from/c), c, o.list)
	}}
}

func (o *channelSelect) DiffWRT(int) []bool { return []bool{true} }

func (o *channelSelect) SymDiff(_ G.Nodes, _, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newChannelSelectGrad(o), g)
	return G.Nodes{dx}, err
}

// channelSelectGrad adds each channel's gradient to where it came from.
type channelSelectGrad struct {
	signature
	of *channelSelect
}

func newChannelSelectGrad(of *channelSelect) *channelSelectGrad {
	t := tensorOf(len(of.size))
	return &channelSelectGrad{signature{name: "grad of " + of.name, in: []hm.Type{t}, out: t, size: of.from}, of}
}

func (o *channelSelectGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *channelSelectGrad) task(in []*buffer, out *buffer) task {
	g, c := in[0], channels(o.size)
	from, to := sampleSize(o.size), sampleSize(o.of.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		kernel.SelectChannelsGrad(out.data[lo*from:hi*from], g.data[lo*to:hi*to], (hi-lo)*(from/c), c, o.of.list)
	}}
}
