package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// crossEntropy computes the softmax cross-entropy of every sample, with that
// share of the target spread over all classes. Operands: logits (batch x
// classes), labels (batch, class numbers).
type crossEntropy struct {
	signature
	classes   int
	smoothing float64
	correct   []bool // beside the result: whether the sample's prediction is right
}

func newCrossEntropy(batch, classes int, smoothing float64) *crossEntropy {
	return &crossEntropy{
		signature: signature{name: "cross entropy", in: []hm.Type{matrix(), G.TensorType{Dims: 1, Of: tensor.Int32}}, out: vector(), size: tensor.Shape{batch}},
		classes:   classes, smoothing: smoothing, correct: make([]bool, batch),
	}
}

func (o *crossEntropy) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *crossEntropy) task(in []*buffer, out *buffer) task {
	logits, labels, c := in[0], in[1], o.classes
	return task{axis: overSamples, run: func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			out.data[i], o.correct[out.first+i] = kernel.CrossEntropy(logits.data[i*c:(i+1)*c], labels.labels[i], o.smoothing)
		}
	}}
}

func (o *crossEntropy) DiffWRT(int) []bool { return []bool{true, false} }

func (o *crossEntropy) SymDiff(inputs G.Nodes, _, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newCrossEntropyGrad(o), inputs[0], inputs[1], g)
	return G.Nodes{dx, nil}, err
}

// crossEntropyGrad computes (softmax - target) times the gradient of the
// sample's loss. Operands: logits, labels, g (batch).
type crossEntropyGrad struct {
	signature
	classes   int
	smoothing float64
}

func newCrossEntropyGrad(of *crossEntropy) *crossEntropyGrad {
	in := []hm.Type{matrix(), G.TensorType{Dims: 1, Of: tensor.Int32}, vector()}
	return &crossEntropyGrad{signature{name: "grad of " + of.name, in: in, out: matrix(), size: tensor.Shape{of.size[0], of.classes}}, of.classes, of.smoothing}
}

func (o *crossEntropyGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *crossEntropyGrad) task(in []*buffer, out *buffer) task {
	logits, labels, g, c := in[0], in[1], in[2], o.classes
	return task{axis: overSamples, run: func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			kernel.CrossEntropyGrad(out.data[i*c:(i+1)*c], logits.data[i*c:(i+1)*c], labels.labels[i], o.smoothing, g.data[i])
		}
	}}
}

// mean averages the samples' losses: the cost.
type mean struct{ signature }

func newMean() *mean {
	return &mean{signature{name: "mean", in: []hm.Type{vector()}, out: tensor.Float32, size: tensor.Shape{}}}
}

func (o *mean) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *mean) task(in []*buffer, out *buffer) task {
	x := in[0]
	return task{axis: overNothing, run: func(n, _, _ int) {
		sum := 0.0
		for _, v := range x.data[:n] {
			sum += float64(v)
		}
		out.data[0] = float32(sum / float64(n))
	}}
}

func (o *mean) DiffWRT(int) []bool { return []bool{true} }

func (o *mean) SymDiff(inputs G.Nodes, _, g *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newMeanGrad(inputs[0].Shape()), g)
	return G.Nodes{dx}, err
}

// meanGrad spreads the cost's gradient evenly over the samples.
type meanGrad struct{ signature }

func newMeanGrad(size tensor.Shape) *meanGrad {
	return &meanGrad{signature{name: "grad of mean", in: []hm.Type{tensor.Float32}, out: vector(), size: size}}
}

func (o *meanGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *meanGrad) task(in []*buffer, out *buffer) task {
	g := in[0]
	return task{axis: overSamples, run: func(n, lo, hi int) {
		share := g.data[0] / float32(n)
		for i := lo; i < hi; i++ {
			out.data[i] = share
		}
	}}
}
