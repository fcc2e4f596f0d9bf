package channel

import (
	"iter"
	"slices"

	"espalier/models"
)

// Zero returns a network of the same size in which the units of the set count
// for nothing: no consumer has a weight for them, and filters, biases, scales
// and shifts that make them are 0, and so are their running means. All that is
// trained of it is masked, so that training leaves it at 0. net is not changed.
//
// The channels are exactly zero wherever they appear, but behind an activation
// that makes something of zero, as sigmoid does; there the consumers' weights
// alone keep them out, and selections that stay give zeros for them. Zero does not mind if all units of a layer go.
func Zero(net *models.Network, set Set) (*models.Network, error) {
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	gone, err := a.named(set)
	if err != nil {
		return nil, err
	}
	zeroed := net.Clone()
	params := make(map[string]*models.Param, len(zeroed.Params))
	for _, p := range zeroed.Params {
		params[p.Name] = p
	}
	for i, u := range a.units {
		if !gone[i] {
			continue
		}
		for _, s := range u.Slices() {
			if s.Role != models.RoleVariance { // 0 divided by it is 0
				zero(params[s.Param], s)
			}
		}
	}
	for _, node := range zeroed.Nodes {
		for i, from := range node.Attrs.Channels {
			if from >= 0 && gone[a.of[node.Inputs[0]][from]] && !gone[a.of[node.Name][i]] {
				node.Attrs.Channels[i] = -1
			}
		}
	}
	return zeroed, zeroed.Validate()
}

// zero clears a slice and, if it is trained, masks it.
func zero(p *models.Param, s Slice) {
	if p.Mask == nil && p.Role.Trained() {
		p.Mask = slices.Repeat([]bool{true}, len(p.Data))
	}
	for at := range elements(p.Shape, s) {
		p.Data[at] = 0
		if p.Mask != nil {
			p.Mask[at] = false
		}
	}
}

// elements are the positions of a slice in a parameter of that shape.
func elements(shape models.Shape, s Slice) iter.Seq[int] {
	inner := shape[s.Axis+1:].Size()
	outer := shape[:s.Axis].Size()
	return func(yield func(int) bool) {
		for o := range outer {
			for _, index := range s.Indices {
				begin := (o*shape[s.Axis] + index) * inner
				for at := begin; at < begin+inner; at++ {
					if !yield(at) {
						return
					}
				}
			}
		}
	}
}

// Elements yields the positions of the slice in its parameter, of that shape,
// each with its index along axis 1: the column that a weight reads. Of a vector
// the column is 0.
func (s Slice) Elements(shape models.Shape) iter.Seq2[int, int] {
	columns, inner := 1, 1
	if len(shape) > 1 {
		columns, inner = shape[1], shape[2:].Size()
	}
	return func(yield func(int, int) bool) {
		for at := range elements(shape, s) {
			if !yield(at, at/inner%columns) {
				return
			}
		}
	}
}
