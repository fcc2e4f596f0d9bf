package gorgonia

import (
	"fmt"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models"
	"espalier/models/engine/kernel"
)

// activationOf is the kernel of an element-wise operation of the graph.
func activationOf(op models.Op) (a kernel.Activation, ok bool) {
	switch op {
	case models.OpReLU6:
		return kernel.ReLU6, true
	case models.OpLeakyReLU:
		return kernel.LeakyReLU, true
	case models.OpSigmoid:
		return kernel.Sigmoid, true
	case models.OpTanh:
		return kernel.Tanh, true
	case models.OpHardSigmoid:
		return kernel.HardSigmoid, true
	case models.OpHardSwish:
		return kernel.HardSwish, true
	case models.OpSiLU:
		return kernel.SiLU, true
	default:
		return 0, false
	}
}

// activation computes an element-wise function other than relu.
type activation struct {
	signature
	kind  kernel.Activation
	slope float32 // of leaky relu
}

func newActivation(name string, size tensor.Shape, kind kernel.Activation, slope float64) *activation {
	t := tensorOf(len(size))
	return &activation{signature{name: fmt.Sprintf("activation %d %s", kind, name), in: []hm.Type{t}, out: t, size: size}, kind, float32(slope)}
}

func (o *activation) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *activation) inPlace() int                     { return 0 }

func (o *activation) task(in []*buffer, out *buffer) task {
	x, width := in[0], sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		lo, hi = lo*width, hi*width
		kernel.Activate(out.data[lo:hi], x.data[lo:hi], o.kind, o.slope)
	}}
}

func (o *activation) DiffWRT(int) []bool { return []bool{true} }

func (o *activation) SymDiff(inputs G.Nodes, output, g *G.Node) (G.Nodes, error) {
	if o.kind.GradOfInput() {
		output = inputs[0]
	}
	dx, err := G.ApplyOp(newActivationGrad(o), g, output)
	return G.Nodes{dx}, err
}

// activationGrad computes the gradient by the input or the output, as the kind
// has it. Operands: g, and the one or the other.
type activationGrad struct {
	signature
	kind  kernel.Activation
	slope float32
}

func newActivationGrad(of *activation) *activationGrad {
	t := tensorOf(len(of.size))
	return &activationGrad{signature{name: "grad of " + of.name, in: []hm.Type{t, t}, out: t, size: of.size}, of.kind, of.slope}
}

func (o *activationGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *activationGrad) inPlace() int                     { return 0 }

func (o *activationGrad) task(in []*buffer, out *buffer) task {
	g, v, width := in[0], in[1], sampleSize(o.size)
	return task{axis: overSamples, run: func(_, lo, hi int) {
		lo, hi = lo*width, hi*width
		kernel.ActivateGrad(out.data[lo:hi], g.data[lo:hi], v.data[lo:hi], o.kind, o.slope)
	}}
}
