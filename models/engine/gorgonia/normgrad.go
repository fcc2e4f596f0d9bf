package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// normSums computes the sums over samples and pixels of g and of g times
// (x - mean), for every channel: a vector of all first and then all second
// sums. Operands: g, x, moments.
type normSums struct {
	signature
	width, channels int
}

func newNormSums(of *normalize) *normSums {
	t := tensorOf(len(of.size))
	return &normSums{
		signature{name: "sums of " + of.name, in: []hm.Type{t, t, vector()}, out: vector(), size: tensor.Shape{2 * of.channels}},
		of.width, of.channels,
	}
}

func (o *normSums) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *normSums) sums() (singles, doubles int)     { return 0, 2 * o.channels }
func (o *normSums) workspace() int                   { return 0 }
func (o *normSums) replicated() bool                 { return true }

func (o *normSums) accumulate(in []*buffer, sum, _ *buffer) task {
	g, x, stats, c := in[0], in[1], in[2], o.channels
	return task{
		axis:  overSamples,
		begin: func(int) { clear(sum.sums) },
		run: func(_, lo, hi int) {
			lo, hi = lo*o.width, hi*o.width
			kernel.NormGradSums(sum.sums[:c], sum.sums[c:], g.data[lo:hi], x.data[lo:hi], stats.data[:c], (hi-lo)/c)
		},
	}
}

func (o *normSums) merge(sums []*buffer, out *buffer) share {
	return func(_, _, parts int) {
		for i := range out.data {
			total := 0.0
			for _, s := range sums[:parts] {
				total += s.sums[i]
			}
			out.data[i] = float32(total)
		}
	}
}

// normGradX computes the gradient of a batch normalization's x. With m pixels
// in the batch and r = 1 / standard deviation it is
//
//	gamma r (g - sum(g)/m - (x - mean) r^2 sum(g (x - mean))/m),
//
// a line in g and x. Operands: g, x, moments, sums, gamma.
type normGradX struct {
	signature
	of *normalize
}

func newNormGradX(of *normalize, in []hm.Type) *normGradX {
	return &normGradX{signature{name: "grad x of " + of.name, in: in, out: in[0], size: of.size}, of}
}

func (o *normGradX) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *normGradX) inPlace() int                     { return 0 }

func (o *normGradX) task(in []*buffer, out *buffer) task {
	g, x, c, width := in[0], in[1], o.of.channels, o.of.width
	coefficients := make([]float32, 3*c)
	return task{
		axis:  overSamples,
		begin: func(n int) { o.line(coefficients, in, float64(n*width/c)) },
		run: func(_, lo, hi int) {
			lo, hi = lo*width, hi*width
			kernel.NormGradX(out.data[lo:hi], g.data[lo:hi], x.data[lo:hi], coefficients[:c], coefficients[c:2*c], coefficients[2*c:])
		},
	}
}

// line computes the coefficients of g, of x and of 1 in m pixels.
func (o *normGradX) line(coefficients []float32, in []*buffer, m float64) {
	c, stats, sums := o.of.channels, in[2].data, in[3].data
	var gamma *buffer
	if o.of.scale {
		gamma = in[4]
	}
	for i := range c {
		r := o.of.inverse(stats[c+i])
		a := r
		if gamma != nil {
			a *= float64(gamma.data[i])
		}
		b := -a * r * r * float64(sums[c+i]) / m
		coefficients[i] = float32(a)
		coefficients[c+i] = float32(b)
		coefficients[2*c+i] = float32(-a*float64(sums[i])/m - b*float64(stats[i]))
	}
}

// normGradGamma computes the gradient of gamma: r sum(g (x - mean)). Operands:
// sums, moments.
type normGradGamma struct {
	signature
	of *normalize
}

func newNormGradGamma(of *normalize) *normGradGamma {
	return &normGradGamma{signature{name: "grad gamma of " + of.name, in: []hm.Type{vector(), vector()}, out: vector(), size: tensor.Shape{of.channels}}, of}
}

func (o *normGradGamma) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *normGradGamma) task(in []*buffer, out *buffer) task {
	sums, stats, c := in[0], in[1], o.of.channels
	return task{axis: overNothing, run: func(_, _, _ int) {
		for i := range c {
			out.data[i] = float32(float64(sums.data[c+i]) * o.of.inverse(stats.data[c+i]))
		}
	}}
}

// normGradBeta computes the gradient of beta: sum(g). Operand: sums.
type normGradBeta struct {
	signature
	of *normalize
}

func newNormGradBeta(of *normalize) *normGradBeta {
	return &normGradBeta{signature{name: "grad beta of " + of.name, in: []hm.Type{vector()}, out: vector(), size: tensor.Shape{of.channels}}, of}
}

func (o *normGradBeta) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *normGradBeta) task(in []*buffer, out *buffer) task {
	sums := in[0]
	return task{axis: overNothing, run: func(_, _, _ int) { copy(out.data, sums.data[:len(out.data)]) }}
}
