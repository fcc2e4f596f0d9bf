package gorgonia

import (
	"math"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// Batch normalization (Ioffe and Szegedy 2015) is two operations: one takes
// the batch's moments, a reduction over samples; one applies them, sample by
// sample, and adds what follows it in the network: a residual and a relu.
// Differentiating the second accounts for the first.

// normAttrs are what a batch normalization is besides its operands.
type normAttrs struct {
	node         string
	channels     int
	eps          float64
	scale, shift bool // has a gamma, a beta
}

// inverse is 1 / standard deviation.
func (a *normAttrs) inverse(variance float32) float64 {
	return 1 / math.Sqrt(float64(variance)+a.eps)
}

// moments computes the mean and the biased variance of every channel: a vector
// of all means and then all variances. Operand: x.
type moments struct {
	signature
	width, channels int
}

func newMoments(node string, x *G.Node) *moments {
	size := x.Shape()
	c := size[len(size)-1]
	return &moments{signature{name: "moments " + node, in: types(x), out: vector(), size: tensor.Shape{2 * c}}, sampleSize(size), c}
}

func (o *moments) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *moments) sums() (singles, doubles int)     { return 0, 2*o.channels + 1 }
func (o *moments) workspace() int                   { return 0 }
func (o *moments) replicated() bool                 { return true }

// accumulate keeps means, sums of squared deviations and, last, the number of
// pixels.
func (o *moments) accumulate(in []*buffer, sum, _ *buffer) task {
	x, c := in[0], o.channels
	return task{
		axis:  overSamples,
		begin: func(int) { clear(sum.sums) },
		run: func(_, lo, hi int) {
			rows := (hi - lo) * o.width / c
			kernel.ChannelMoments(sum.sums[:c], sum.sums[c:2*c], int(sum.sums[2*c]), x.data[lo*o.width:hi*o.width], rows)
			sum.sums[2*c] += float64(rows)
		},
	}
}

func (o *moments) merge(sums []*buffer, out *buffer) share {
	c := o.channels
	all := make([]float64, 2*c)
	return func(_, _, parts int) {
		count := 0
		clear(all)
		for _, s := range sums[:parts] {
			rows := int(s.sums[2*c])
			kernel.MergeMoments(all[:c], all[c:], count, s.sums[:c], s.sums[c:2*c], rows)
			count += rows
		}
		for i := range c {
			out.data[i], out.data[c+i] = float32(all[i]), float32(all[c+i]/float64(count))
		}
	}
}

// DiffWRT is false: the gradient of the operation that reads the moments goes
// through them to x.
func (o *moments) DiffWRT(int) []bool { return []bool{false} }

func (o *moments) SymDiff(G.Nodes, *G.Node, *G.Node) (G.Nodes, error) { return G.Nodes{nil}, nil }

// affine computes y = relu(x*scale + shift + residual) with a scale and a shift
// for each channel; residual and relu are optional. Operands: x first, residual
// last.
type affine struct {
	signature
	normAttrs
	width          int
	residual, relu bool
}

func newAffine(name string, a normAttrs, x *G.Node, residual, relu bool, in []hm.Type) affine {
	name += " " + a.node
	if residual {
		name += "+residual"
	}
	if relu {
		name += "+relu"
	}
	return affine{
		signature: signature{name: name, in: in, out: in[0], size: x.Shape().Clone()},
		normAttrs: a, width: sampleSize(x.Shape()), residual: residual, relu: relu,
	}
}

// lines is the task, given the scale and the shift of each channel.
func (o *affine) lines(in []*buffer, out *buffer, line func(i int) (scale, shift float32)) task {
	x, c := in[0], o.channels
	coefficients := make([]float32, 2*c)
	scale, shift := coefficients[:c], coefficients[c:]
	return task{
		axis: overSamples,
		begin: func(int) {
			for i := range c {
				scale[i], shift[i] = line(i)
			}
		},
		run: func(_, lo, hi int) {
			lo, hi = lo*o.width, hi*o.width
			var residual []float32
			if o.residual {
				residual = in[len(in)-1].data[lo:hi]
			}
			kernel.ScaleShift(out.data[lo:hi], x.data[lo:hi], scale, shift, residual, o.relu)
		},
	}
}

// normalize is batch normalization by the moments of the batch,
//
//	y = relu((x - mean) / sqrt(variance + eps) * gamma + beta + residual),
//
// of which gamma, beta, residual and relu are optional. Operands: x, moments,
// gamma, beta, residual.
type normalize struct{ affine }

func newNormalize(a normAttrs, x *G.Node, residual, relu bool, in []hm.Type) *normalize {
	return &normalize{newAffine("normalize", a, x, residual, relu, in)}
}

func (o *normalize) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

// cheap where nothing but x is read, which the backward pass needs too.
func (o *normalize) cheap() bool { return !o.residual }

func (o *normalize) task(in []*buffer, out *buffer) task {
	stats, c := in[1], o.channels
	gamma, beta := o.parameters(in[2:])
	return o.lines(in, out, func(i int) (scale, shift float32) {
		return o.line(gamma, beta, stats.data[i], stats.data[c+i], i)
	})
}

// parameters are gamma and beta, nil where there is none.
func (a *normAttrs) parameters(in []*buffer) (gamma, beta *buffer) {
	if a.scale {
		gamma, in = in[0], in[1:]
	}
	if a.shift {
		beta = in[0]
	}
	return gamma, beta
}

// line is channel i's normalization as a line: x*scale + shift.
func (a *normAttrs) line(gamma, beta *buffer, mean, variance float32, i int) (scale, shift float32) {
	s, t := a.inverse(variance), 0.0
	if gamma != nil {
		s *= float64(gamma.data[i])
	}
	if beta != nil {
		t = float64(beta.data[i])
	}
	return float32(s), float32(t - float64(mean)*s)
}

// DiffWRT leaves out the moments, whose part SymDiff gives to x.
func (o *normalize) DiffWRT(n int) []bool {
	all := gradients(n)
	all[1] = false
	return all
}

// SymDiff needs two sums over the batch before it can give the gradient of x.
func (o *normalize) SymDiff(inputs G.Nodes, output, g *G.Node) (G.Nodes, error) {
	x, stats := inputs[0], inputs[1]
	g, err := behindReLU(o.relu, &o.signature, g, output)
	if err != nil {
		return nil, err
	}
	sums, err := G.ApplyOp(newNormSums(o), g, x, stats)
	if err != nil {
		return nil, err
	}
	operands := G.Nodes{g, x, stats, sums}
	if o.scale {
		operands = append(operands, inputs[2])
	}
	dx, err := G.ApplyOp(newNormGradX(o, types(operands...)), operands...)
	if err != nil {
		return nil, err
	}
	grads := G.Nodes{dx, nil}
	if o.scale {
		dgamma, err := G.ApplyOp(newNormGradGamma(o), sums, stats)
		if err != nil {
			return nil, err
		}
		grads = append(grads, dgamma)
	}
	if o.shift {
		dbeta, err := G.ApplyOp(newNormGradBeta(o), sums)
		if err != nil {
			return nil, err
		}
		grads = append(grads, dbeta)
	}
	if o.residual {
		grads = append(grads, g)
	}
	return grads, nil
}
