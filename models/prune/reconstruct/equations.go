package reconstruct

import (
	"context"
	"math"

	"gonum.org/v1/gonum/mat"

	"espalier/models"
)

// faint is the share of the largest scale of a normalization below which a
// filter's targets are left as they are: to say what it says to the sum it would
// have to shout.
const faint = 1e-3

// system is the equations of all readers of a group.
type system struct {
	Problem
	readers []*reader
	all     *quadratic
}

func newSystem(ctx context.Context, p Problem) (*system, error) {
	shapes, err := p.Current.Shapes()
	if err != nil {
		return nil, err
	}
	s := &system{Problem: p}
	for _, name := range p.Group.Consumers {
		r, err := newReader(p, shapes, name)
		if err != nil {
			return nil, err
		}
		s.readers = append(s.readers, r)
	}
	if err := s.aim(ctx); err != nil {
		return nil, err
	}
	if err := s.sum(ctx); err != nil {
		return nil, err
	}
	s.all = s.quadratic()
	return s, nil
}

// aim computes the targets from the original network.
func (s *system) aim(ctx context.Context) error {
	var nodes []string
	for _, r := range s.readers {
		nodes = append(append(nodes, r.node.Name), r.side...)
		r.targets = make([]float32, 0, len(r.points)*r.filters())
	}
	return Outputs(ctx, s.Engine, s.Original, nodes, s.X, s.N, func(first, n int, outputs map[string][]float32) error {
		for _, r := range s.readers {
			r.aim(s.Problem, first, n, outputs)
		}
		return nil
	})
}

// aim adds the targets of a batch.
func (r *reader) aim(p Problem, first, n int, outputs map[string][]float32) {
	shift := r.shift(p)
	side := r.fromSide(outputs)
	r.each(first, n, func(image, position int) {
		for f, scale := range r.scale {
			y := 0.0
			if at := r.at(image, f, position); scale != 0 {
				y = float64(outputs[r.node.Name][at]) + shift[f] + side(at, f)
			}
			r.targets = append(r.targets, float32(y))
		}
	})
}

// each calls do for the positions of a batch's images, image by image.
func (r *reader) each(first, n int, do func(image, position int)) {
	for image := range n {
		for _, position := range r.points[(first+image)*r.perImage:][:r.perImage] {
			do(image, int(position))
		}
	}
}

// at is where in a batch's outputs a filter's pixel is.
func (r *reader) at(image, filter, position int) int {
	return (image*r.filters()+filter)*r.out[1]*r.out[2] + position
}

// shift is what turns the original's outputs into targets: without bias, but
// with what the current bias or running mean has moved away from the original.
func (r *reader) shift(p Problem) []float64 {
	shift := make([]float64, r.filters())
	add := func(net *models.Network, node string, role models.Role, factor float64) {
		if param := net.Param(node + "." + string(role)); param != nil {
			for f, v := range param.Data {
				shift[f] += factor * float64(v)
			}
		}
	}
	add(p.Current, r.node.Name, models.RoleBias, -1)
	if r.behind != nil {
		add(p.Original, r.behind.Name, models.RoleMean, -1)
		add(p.Current, r.behind.Name, models.RoleMean, 1)
	}
	return shift
}

// fromSide gives the sum of the other branches, as it would be in front of the
// normalization behind the layer.
func (r *reader) fromSide(outputs map[string][]float32) func(at, filter int) float64 {
	loudest := 0.0
	for _, s := range r.scale {
		loudest = max(loudest, math.Abs(s))
	}
	return func(at, filter int) float64 {
		if math.Abs(r.scale[filter]) <= faint*loudest {
			return 0
		}
		sum := 0.0
		for _, node := range r.side {
			sum += float64(outputs[node][at])
		}
		return sum / r.scale[filter]
	}
}

// sum goes through what the readers read in the current network and adds up the
// products of the equations.
func (s *system) sum(ctx context.Context) error {
	var nodes []string
	for _, r := range s.readers {
		nodes = append(append(nodes, r.node.Inputs[0]), r.side...)
		r.gram = mat.NewDense(r.columns()+1, r.columns()+1, nil)
		r.cov = mat.NewDense(r.columns()+1, r.filters(), nil)
		r.energy = make([]float64, r.filters())
	}
	err := Outputs(ctx, s.Engine, s.Current, nodes, s.X, s.N, func(first, n int, outputs map[string][]float32) error {
		for _, r := range s.readers {
			if err := r.sum(ctx, first, n, outputs); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range s.readers {
		mirror(r.gram)
		if err := r.finite(); err != nil {
			return err
		}
	}
	return nil
}
