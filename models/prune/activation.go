package prune

import (
	"context"
	"errors"
	"math"
	"slices"

	"espalier/models"
	"espalier/models/prune/reconstruct"
)

// apoz is network trimming after Hu et al. 2016: a channel goes if its outputs
// behind the activation are zero on most samples, the average percentage of
// zeros. Without a target, those go whose share of zeros exceeds the layer's
// mean by so many standard deviations (section 3.2: one).
type apoz struct{}

// meanActivation removes the channels with the smallest mean magnitude of
// outputs: one that is near zero is redundant.
type meanActivation struct{}

var (
	_ = add(apoz{})
	_ = add(meanActivation{})
)

// activationSamples are looked at if a spec does not say how many.
const activationSamples = 2048

func (apoz) about() About {
	return About{
		Name: "apoz", Paper: "Hu et al. 2016", Doc: "Removes the channels that are zero on most samples.",
		Granularities: []string{GranularityChannel}, Scopes: []string{ScopeLayer, ScopeGlobal},
		Open: true, Data: activationSamples, Takes: []string{OptionDeviations},
	}
}

func (meanActivation) about() About {
	return About{
		Name: "mean-activation", Paper: "Hu et al. 2016", Doc: "Removes the channels whose outputs are the smallest on average.",
		Granularities: []string{GranularityChannel}, Scopes: []string{ScopeLayer, ScopeGlobal},
		Data: activationSamples, Takes: []string{OptionNormalize},
	}
}

func (apoz) check(net *models.Network, o Options) error {
	if goal, _ := o.goal(); goal != goalNone && o.Deviations != 0 {
		return errors.New("deviations are given together with a target; want one of the two")
	}
	return checkChannels(net, o)
}

func (meanActivation) check(net *models.Network, o Options) error { return checkChannels(net, o) }

func (apoz) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	score := func(ctx context.Context, s *shrinking) error {
		for _, g := range s.open() {
			if len(activationsOf(s.net, g)) == 0 {
				g.close("no activation")
			}
		}
		// The share that is not zero: what is least goes first.
		return activationScore(ctx, s, func(v float32) float64 {
			if v > 0 {
				return 1
			}
			return 0
		})
	}
	if goal, _ := o.goal(); goal != goalNone || len(o.Layers) > 0 {
		return byScore(ctx, net, o, b, score)
	}
	s, err := shrink(net, o, b)
	if err != nil {
		return nil, err
	}
	if err := score(ctx, s); err != nil {
		return nil, err
	}
	if err := s.ranked(); err != nil {
		return nil, err
	}
	for _, g := range s.open() {
		g.take(g.silent(o.Deviations), o.Multiple)
	}
	if err := s.settle(); err != nil {
		return nil, err
	}
	return s.plan()
}

func (meanActivation) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	return byScore(ctx, net, o, b, func(ctx context.Context, s *shrinking) error {
		return activationScore(ctx, s, func(v float32) float64 { return math.Abs(float64(v)) })
	})
}

// silent counts the channels whose score is below the mean by more than so many
// deviations.
func (g *group) silent(deviations float64) int {
	mean, squares, n := 0.0, 0.0, float64(len(g.free))
	for _, i := range g.free {
		mean += g.scores[i] / n
	}
	for _, i := range g.free {
		d := g.scores[i] - mean
		squares += float64(d*d) / n
	}
	limit, count := mean-deviations*math.Sqrt(squares), 0
	for _, i := range g.free {
		if g.scores[i] < limit {
			count++
		}
	}
	return count
}

// activationsOf are the nodes where a group's outputs have passed an
// activation.
func activationsOf(net *models.Network, g *group) []string {
	var names []string
	for _, place := range g.Units[g.free[0]].Places {
		node, _ := net.Node(place.Node)
		switch node.Op {
		case models.OpReLU, models.OpReLU6, models.OpLeakyReLU, models.OpSigmoid, models.OpTanh, models.OpHardSigmoid, models.OpHardSwish, models.OpSiLU:
			names = append(names, node.Name)
		}
	}
	return names
}

// activationScore is the mean of a measure of a channel's outputs behind the
// activations or, where there are none, in the last place before it is read.
func activationScore(ctx context.Context, s *shrinking, measure func(float32) float64) error {
	data, err := s.b.samples(s.net)
	if err != nil {
		return err
	}
	watched, all := map[*group][]string{}, []string(nil)
	for _, g := range s.open() {
		nodes := activationsOf(s.net, g)
		if len(nodes) == 0 {
			places := g.Units[g.free[0]].Places
			nodes = []string{places[len(places)-1].Node}
		}
		watched[g] = nodes
		g.scores = make([]float64, len(g.Units))
		for _, node := range nodes {
			if !slices.Contains(all, node) {
				all = append(all, node)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	shapes, err := s.net.Shapes()
	if err != nil {
		return err
	}
	return reconstruct.Outputs(ctx, data.Engine, s.net, all, data.X, data.Len(), func(_, n int, outputs map[string][]float32) error {
		for _, g := range s.open() {
			for i, u := range g.Units {
				for _, place := range u.Places {
					if slices.Contains(watched[g], place.Node) {
						share := float64(data.Len() * len(place.Channels) * len(watched[g]))
						g.scores[i] += sumOver(outputs[place.Node], n, shapes[place.Node], place.Channels, measure) / share
					}
				}
			}
		}
		return nil
	})
}

// sumOver adds up a measure of the values of some channels of n samples, each
// divided by the pixels of a channel.
func sumOver(values []float32, n int, shape models.Shape, channels []int, measure func(float32) float64) float64 {
	pixels := shape[1:].Size()
	sum := 0.0
	for sample := range n {
		for _, c := range channels {
			for _, v := range values[(sample*shape[0]+c)*pixels:][:pixels] {
				sum += measure(v)
			}
		}
	}
	return sum / float64(pixels)
}
