package prune

import (
	"context"
	"math"

	"espalier/models"
)

// filterNorm is the pruning of filters by their norm after Li et al. 2017,
// "Pruning filters for efficient ConvNets": a filter goes if the sum of its
// absolute weights, or its 2-norm, is small. Greedy leaves out of the sum the
// weights that read channels removed before, layer by layer from the input on.
// Filters that several layers make together have the sum of their norms.
// Largest first is the paper's control (section 4.4).
type filterNorm struct{}

var _ = add(filterNorm{})

func (filterNorm) about() About {
	return About{
		Name: "filter-norm", Paper: "Li et al. 2017", Doc: "Removes the filters with the smallest norm of weights.",
		Granularities: []string{GranularityChannel}, Scopes: []string{ScopeLayer, ScopeGlobal},
		Takes: []string{OptionNorm, OptionGreedy, OptionFirst, OptionNormalize},
	}
}

func (filterNorm) check(net *models.Network, o Options) error { return checkChannels(net, o) }

func (filterNorm) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	plan, err := byScore(ctx, net, o, b, normScore(o.Norm, nil))
	if err != nil || !o.Greedy {
		return plan, err
	}
	return greedyNorms(ctx, net, o, b, plan)
}

// greedyNorms scores each layer again without the inputs that are gone by then.
// How many channels of each group go is decided by the first plan.
func greedyNorms(ctx context.Context, net *models.Network, o Options, b Basis, first *Plan) (*Plan, error) {
	s, err := shrink(net, o, b)
	if err != nil {
		return nil, err
	}
	gone := map[string]map[int]bool{} // columns of each weight that are gone
	for i, g := range s.groups {
		if g.why != "" {
			continue
		}
		if err := normScore(o.Norm, gone)(ctx, s); err != nil {
			return nil, err
		}
		if err := s.ranked(); err != nil {
			return nil, err
		}
		g.picked = append([]int{}, g.rank[:len(first.Channels.Groups[i].Removed)]...)
		g.spared = first.Channels.Groups[i].Spared
		for _, u := range g.picked {
			for _, input := range g.Units[u].Inputs {
				if gone[input.Param] == nil {
					gone[input.Param] = map[int]bool{}
				}
				for _, column := range input.Indices {
					gone[input.Param][column] = true
				}
			}
		}
	}
	return s.plan()
}

// normScore scores channels by the norm of the filters that make them or, for
// a selection's samples, of the weights that read them.
func normScore(norm string, gone map[string]map[int]bool) func(context.Context, *shrinking) error {
	return func(_ context.Context, s *shrinking) error {
		for _, g := range s.open() {
			g.scores = make([]float64, len(g.Units))
			for i, u := range g.Units {
				slices := u.Filters
				if len(slices) == 0 {
					slices = u.Inputs
				}
				for _, part := range slices {
					p, sum := s.net.Param(part.Param), 0.0
					for at, column := range part.Elements(p.Shape) {
						w := math.Abs(float64(p.Data[at]))
						switch {
						case gone[part.Param][column]:
						case norm == "l2":
							sum += float64(w * w)
						default:
							sum += w
						}
					}
					if norm == "l2" {
						sum = math.Sqrt(sum)
					}
					g.scores[i] += sum
				}
			}
		}
		return nil
	}
}
