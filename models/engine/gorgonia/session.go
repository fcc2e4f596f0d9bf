package gorgonia

import (
	"errors"
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
)

// errClosed is what a session answers after Close.
var errClosed = errors.New("engine gorgonia: session is closed")

// session is a network with its two programs. They share their memory: a
// forward pass overwrites what a backward pass left, and the other way round.
type session struct {
	batch, width, classes int
	threads               int
	inference             bool
	params                []engine.Param

	draw    *draw
	x       *buffer
	labels  *buffer
	lesson  lesson
	train   *program // nil in inference sessions
	cost    *buffer
	correct []bool
	running []running

	infer  *program
	logits *buffer
}

func open(net *models.Network, o engine.Options, lib blas.Library, threads int) (*session, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	out := shapes[net.Output()]
	if len(out) != 1 {
		return nil, fmt.Errorf("network %s: output %s has shape %v, want a flat one: the logits", net.Name, net.Output(), out)
	}
	if err := check(net, shapes, o.Batch); err != nil {
		return nil, err
	}
	s := &session{
		batch: o.Batch, width: net.Input.Size(), classes: out[0], threads: threads, inference: o.Inference,
		draw: &draw{seed: o.Seed},
		x:    &buffer{batch: true, width: net.Input.Size()}, labels: &buffer{batch: true, width: 1, labels: []int32{}},
	}
	s.copyParams(net)
	if o.Distill.On() && !o.Inference {
		s.lesson = newLesson(o.Batch, s.classes)
	}
	m := mode{batch: o.Batch, lib: lib, draw: s.draw, smoothing: o.LabelSmoothing, distill: o.Distill, fold: true, fixed: o.Inference, forms: o.Forms}
	if err := s.compileInference(net, m); err != nil {
		return nil, err
	}
	memory := s.infer.memory()
	if !s.inference {
		if err := s.compileTraining(net, m); err != nil {
			return nil, err
		}
		memory = max(memory, s.train.memory())
	}
	arena := newArena(memory)
	s.infer.place(arena)
	if s.inference {
		s.infer.prepare()
	} else {
		s.train.place(arena)
	}
	return s, nil
}

// copyParams gives values and gradients one piece of memory each.
func (s *session) copyParams(net *models.Network) {
	total, trained := 0, 0
	for _, p := range net.Params {
		total += aligned(len(p.Data))
		if p.Role.Trained() && !s.inference {
			trained += aligned(len(p.Data))
		}
	}
	values, grads := newArena(total), newArena(trained)
	for _, p := range net.Params {
		n := len(p.Data)
		q := engine.Param{Name: p.Name, Role: p.Role, Value: values[:n:n], Mask: slices.Clone(p.Mask)}
		copy(q.Value, p.Data)
		values = values[aligned(n):]
		if p.Role.Trained() && !s.inference {
			q.Grad, grads = grads[:n:n], grads[aligned(n):]
		}
		s.params = append(s.params, q)
	}
}

func (s *session) compileTraining(net *models.Network, m mode) error {
	g, err := buildTraining(net, m)
	if err != nil {
		return err
	}
	if s.train, err = compile(s.trainingSource(g, net)); err != nil {
		return err
	}
	s.cost, s.correct = s.train.result(g.cost), g.correct
	for _, n := range g.norms {
		s.running = append(s.running, s.newRunning(n, s.train.result(n.moments)))
	}
	return nil
}

func (s *session) compileInference(net *models.Network, m mode) error {
	g, err := buildInference(net, m)
	if err != nil {
		return err
	}
	if s.infer, err = compile(s.inferenceSource(g, net)); err != nil {
		return err
	}
	s.logits = s.infer.result(g.logits)
	return nil
}

func (s *session) trainingSource(g *graph, net *models.Network) source {
	src := s.source(g, net)
	src.given[g.labels] = s.labels
	if g.teacher != nil {
		src.given[g.teacher] = s.lesson.logits
	}
	src.results = []*G.Node{g.cost}
	for _, p := range s.params {
		if n := g.grads[p.Name]; n != nil {
			src.results = append(src.results, n)
			src.into[n] = p.Grad
		}
	}
	return src
}

func (s *session) inferenceSource(g *graph, net *models.Network) source {
	src := s.source(g, net)
	src.results, src.prelude = []*G.Node{g.logits}, true
	return src
}

// source is a graph with the session's own values of its input nodes.
func (s *session) source(g *graph, net *models.Network) source {
	given := map[*G.Node]*buffer{g.input: s.x}
	for _, p := range s.params {
		if n := g.params[p.Name]; n != nil {
			given[n] = &buffer{data: p.Value, width: len(p.Value)}
		}
	}
	src := source{graph: g.g, batch: s.batch, threads: s.threads, given: given, into: make(map[*G.Node][]float32)}
	src.grain, src.least = division(net)
	return src
}

// division says in what multiples samples are divided among the parts, and how
// few are worth a part. A matrix product of few rows costs as much for reading
// the weights, and vectors want whole ones; of images each is work enough.
func division(net *models.Network) (grain, least int) {
	for _, node := range net.Nodes {
		if node.Op == models.OpConv2D {
			return 1, 1
		}
	}
	return 8, 16
}

// Backward implements [engine.Session].
func (s *session) Backward(x []float32, labels []int32, step int64) (engine.Loss, error) {
	n := len(labels)
	if err := s.check(x, n); err != nil {
		return engine.Loss{}, err
	}
	if s.inference {
		return engine.Loss{}, errInference
	}
	for i, l := range labels {
		if l < 0 || int(l) >= s.classes {
			return engine.Loss{}, fmt.Errorf("engine gorgonia: label %d of the batch is %d, want 0 to %d", i, l, s.classes-1)
		}
	}
	if err := s.checkMoments(n); err != nil {
		return engine.Loss{}, err
	}
	if err := s.lesson.begin(n); err != nil {
		return engine.Loss{}, err
	}
	s.draw.step = step
	s.x.data, s.labels.labels = x, labels
	s.train.run(n)
	s.x.data, s.labels.labels = nil, nil
	for i := range s.running {
		s.running[i].move(n)
	}
	loss := engine.Loss{Mean: float64(s.cost.data[0])}
	for _, correct := range s.correct[:n] {
		if correct {
			loss.Correct++
		}
	}
	return loss, nil
}

// errInference is what an inference session answers to Backward.
var errInference = errors.New("engine gorgonia: the session was opened for inference and has no gradients")

// Forward implements [engine.Session].
func (s *session) Forward(x []float32, n int) ([]float32, error) {
	if err := s.check(x, n); err != nil {
		return nil, err
	}
	if !s.inference {
		s.infer.prepare()
	}
	s.x.data = x
	s.infer.run(n)
	s.x.data = nil
	if s.logits == s.x {
		return x[:n*s.classes], nil
	}
	return s.logits.data[:n*s.classes], nil
}

func (s *session) check(x []float32, n int) error {
	if s.infer == nil {
		return errClosed
	}
	if n < 1 || n > s.batch {
		return fmt.Errorf("engine gorgonia: %d samples, want 1 to %d, the session's batch", n, s.batch)
	}
	if len(x) != n*s.width {
		return fmt.Errorf("engine gorgonia: %d input values for %d samples, want %d: %d a sample", len(x), n, n*s.width, s.width)
	}
	return nil
}

// Params implements [engine.Session].
func (s *session) Params() []engine.Param { return s.params }

// Close implements [engine.Session].
func (s *session) Close() error {
	*s = session{}
	return nil
}
