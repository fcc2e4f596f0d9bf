package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
)

// In inference batch normalization is a line for each channel. Behind a layer
// with weights it becomes part of them; elsewhere it is an operation of its
// own.

// fold scales the weights of a layer and shifts its bias as the batch
// normalization behind it would scale and shift its result.
type fold struct {
	*normAttrs
	bias, weight, gamma, beta, mean, variance *buffer
	outputs                                   int
}

// newFold takes the layer's operands (bias may be nil) and those of the
// normalization: gamma, beta, mean, variance.
func newFold(a *normAttrs, bias, weight *buffer, norm []*buffer, outputs int) *fold {
	f := &fold{normAttrs: a, bias: bias, weight: weight, outputs: outputs}
	f.gamma, f.beta = a.parameters(norm)
	norm = norm[a.count()-2:]
	f.mean, f.variance = norm[0], norm[1]
	return f
}

// count is how many operands a normalization by running statistics has.
func (a *normAttrs) count() int {
	n := 2
	if a.scale {
		n++
	}
	if a.shift {
		n++
	}
	return n
}

// run writes the part's share of the scaled weights and of the bias.
func (f *fold) run(weights, bias []float32, part, parts int) {
	width := len(weights) / f.outputs
	for o := f.outputs * part / parts; o < f.outputs*(part+1)/parts; o++ {
		scale, shift := f.line(f.gamma, f.beta, f.mean.data[o], f.variance.data[o], o)
		if f.bias != nil {
			shift += float32(f.bias.data[o] * scale)
		}
		bias[o] = shift
		row := weights[o*width : (o+1)*width]
		for i, w := range f.weight.data[o*width : (o+1)*width] {
			row[i] = w * scale
		}
	}
}

// scaleShift is batch normalization by running statistics, with what follows
// it as in normalize. Operands: x, gamma, beta, mean, variance, residual.
type scaleShift struct{ affine }

func newScaleShift(a normAttrs, x *G.Node, residual, relu bool, in []hm.Type) *scaleShift {
	return &scaleShift{newAffine("scale and shift", a, x, residual, relu, in)}
}

func (o *scaleShift) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *scaleShift) inPlace() int                     { return 0 }

func (o *scaleShift) task(in []*buffer, out *buffer) task {
	gamma, beta := o.parameters(in[1:])
	mean, variance := in[o.count()-1], in[o.count()]
	return o.lines(in, out, func(i int) (scale, shift float32) {
		return o.line(gamma, beta, mean.data[i], variance.data[i], i)
	})
}
