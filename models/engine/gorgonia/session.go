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
	params                []engine.Param

	draw    *draw
	x       *buffer
	labels  *buffer
	train   *program
	cost    *buffer
	correct []bool

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
	s := &session{
		batch: o.Batch, width: net.Input.Size(), classes: out[0], threads: threads,
		draw: &draw{seed: o.Seed},
		x:    &buffer{batch: true, width: net.Input.Size()}, labels: &buffer{batch: true, width: 1},
	}
	s.copyParams(net)
	if err := s.compileTraining(net, lib); err != nil {
		return nil, err
	}
	if err := s.compileInference(net, lib); err != nil {
		return nil, err
	}
	arena := newArena(max(s.train.memory(), s.infer.memory()))
	s.train.place(arena)
	s.infer.place(arena)
	return s, nil
}

// copyParams gives values and gradients one piece of memory each.
func (s *session) copyParams(net *models.Network) {
	total := 0
	for _, p := range net.Params {
		total += aligned(len(p.Data))
	}
	values, grads := newArena(total), newArena(total)
	for _, p := range net.Params {
		n := len(p.Data)
		q := engine.Param{Name: p.Name, Role: p.Role, Value: values[:n:n], Grad: grads[:n:n], Mask: slices.Clone(p.Mask)}
		copy(q.Value, p.Data)
		values, grads = values[aligned(n):], grads[aligned(n):]
		s.params = append(s.params, q)
	}
}

func (s *session) compileTraining(net *models.Network, lib blas.Library) error {
	g, err := buildTraining(net, s.batch, lib, s.draw)
	if err != nil {
		return err
	}
	given := s.given(g)
	given[g.labels] = s.labels
	outputs := []*G.Node{g.cost}
	for _, p := range s.params {
		if n := g.grads[p.Name]; n != nil {
			outputs = append(outputs, n)
		}
	}
	if s.train, err = compile(g.g, s.batch, given, outputs...); err != nil {
		return err
	}
	for _, p := range s.params {
		if n := g.grads[p.Name]; n != nil {
			given[n].data = p.Grad
		}
	}
	s.cost, s.correct = given[g.cost], g.correct
	return nil
}

func (s *session) compileInference(net *models.Network, lib blas.Library) error {
	g, err := buildInference(net, s.batch, lib)
	if err != nil {
		return err
	}
	given := s.given(g)
	s.infer, err = compile(g.g, s.batch, given, g.logits)
	s.logits = given[g.logits]
	return err
}

// given are the buffers of a graph's input nodes.
func (s *session) given(g *graph) map[*G.Node]*buffer {
	given := map[*G.Node]*buffer{g.input: s.x}
	for _, p := range s.params {
		if n := g.params[p.Name]; n != nil {
			given[n] = &buffer{data: p.Value, width: len(p.Value)}
		}
	}
	return given
}

// Backward implements [engine.Session].
func (s *session) Backward(x []float32, labels []int32, step int64) (engine.Loss, error) {
	n := len(labels)
	if err := s.check(x, n); err != nil {
		return engine.Loss{}, err
	}
	for i, l := range labels {
		if l < 0 || int(l) >= s.classes {
			return engine.Loss{}, fmt.Errorf("engine gorgonia: label %d of the batch is %d, want 0 to %d", i, l, s.classes-1)
		}
	}
	s.draw.step = step
	s.x.data, s.labels.labels = x, labels
	s.train.run(n, s.threads)
	s.x.data, s.labels.labels = nil, nil
	loss := engine.Loss{Mean: float64(s.cost.data[0])}
	for _, correct := range s.correct[:n] {
		if correct {
			loss.Correct++
		}
	}
	return loss, nil
}

// Forward implements [engine.Session].
func (s *session) Forward(x []float32, n int) ([]float32, error) {
	if err := s.check(x, n); err != nil {
		return nil, err
	}
	s.x.data = x
	s.infer.run(n, s.threads)
	s.x.data = nil
	if s.logits == s.x {
		return x[:n*s.classes], nil
	}
	return s.logits.data[:n*s.classes], nil
}

func (s *session) check(x []float32, n int) error {
	if s.train == nil {
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
