package gorgonia

import (
	"errors"
	"fmt"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine"
	"espalier/models/engine/kernel"
)

// distill is crossEntropy with a teacher. Operands: logits (batch x classes),
// labels (batch, class numbers), the teacher's logits (batch x classes).
type distill struct {
	signature
	classes   int
	smoothing float64
	from      engine.Distillation
	correct   []bool // beside the result: whether the sample's prediction is right
}

func newDistill(batch, classes int, smoothing float64, from engine.Distillation) *distill {
	return &distill{
		signature: signature{name: "distillation", in: []hm.Type{matrix(), G.TensorType{Dims: 1, Of: tensor.Int32}, matrix()}, out: vector(), size: tensor.Shape{batch}},
		classes:   classes, smoothing: smoothing, from: from, correct: make([]bool, batch),
	}
}

func (o *distill) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *distill) task(in []*buffer, out *buffer) task {
	logits, labels, teacher, c := in[0], in[1], in[2], o.classes
	return task{axis: overSamples, run: func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			out.data[i], o.correct[out.first+i] = kernel.Distill(logits.data[i*c:(i+1)*c], teacher.data[i*c:(i+1)*c],
				labels.labels[i], o.smoothing, o.from.Weight, o.from.Temperature)
		}
	}}
}

func (o *distill) DiffWRT(int) []bool { return []bool{true, false, false} }

func (o *distill) SymDiff(inputs G.Nodes, _, g *G.Node) (G.Nodes, error) {
	in := []hm.Type{matrix(), G.TensorType{Dims: 1, Of: tensor.Int32}, matrix(), vector()}
	grad := &distillGrad{signature{name: "grad of " + o.name, in: in, out: matrix(), size: tensor.Shape{o.size[0], o.classes}}, o}
	dx, err := G.ApplyOp(grad, inputs[0], inputs[1], inputs[2], g)
	return G.Nodes{dx, nil, nil}, err
}

// distillGrad computes the gradient by the logits. Operands: those of distill,
// and g (batch).
type distillGrad struct {
	signature
	of *distill
}

func (o *distillGrad) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }

func (o *distillGrad) task(in []*buffer, out *buffer) task {
	logits, labels, teacher, g, c := in[0], in[1], in[2], in[3], o.of.classes
	return task{axis: overSamples, run: func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			kernel.DistillGrad(out.data[i*c:(i+1)*c], logits.data[i*c:(i+1)*c], teacher.data[i*c:(i+1)*c],
				labels.labels[i], o.of.smoothing, o.of.from.Weight, o.of.from.Temperature, g.data[i])
		}
	}}
}

// lesson is what the teacher says about the next batch.
type lesson struct {
	logits  *buffer   // as the program reads them, during a step; nil without distillation
	memory  []float32 // for a whole batch
	samples int       // taught since the last step
}

func newLesson(batch, classes int) lesson {
	return lesson{logits: &buffer{batch: true, width: classes}, memory: make([]float32, batch*classes)}
}

// Teach implements [engine.Session].
func (s *session) Teach(logits []float32) error {
	l := &s.lesson
	switch {
	case s.infer == nil:
		return errClosed
	case l.logits == nil:
		return errUntaught
	case len(logits) == 0 || len(logits)%s.classes != 0 || len(logits) > len(l.memory):
		return fmt.Errorf("engine gorgonia: %d logits of a teacher, want %d for each of 1 to %d samples", len(logits), s.classes, s.batch)
	}
	l.samples = copy(l.memory, logits) / s.classes
	return nil
}

// errUntaught is what a session without distillation answers to Teach.
var errUntaught = errors.New("engine gorgonia: the session was opened without distillation and takes no teacher")

// begin hands what was taught to a step of n samples.
func (l *lesson) begin(n int) error {
	if l.logits == nil {
		return nil
	}
	if l.samples != n {
		return fmt.Errorf("engine gorgonia: the session was taught %d samples for a step of %d: distillation wants Teach of the same batch before each Backward", l.samples, n)
	}
	l.logits.data, l.samples = l.memory, 0
	return nil
}
