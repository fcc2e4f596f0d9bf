package prune

import (
	"context"
	"fmt"
	"math"
	"slices"

	"espalier/models"
	"espalier/models/prune/channel"
)

// slimming is network slimming after Liu et al. 2017, "Learning efficient
// convolutional networks through network slimming": after training with an L1
// penalty on the scales of batch normalization, the channels with the smallest
// scales go, by one threshold for the whole network. The penalty is train's
// l1: {gamma: 1e-4}, in further passes that of prune.sparsify.
type slimming struct{}

var _ = add(slimming{})

func (slimming) about() About {
	return About{
		Name: "slimming", Paper: "Liu et al. 2017", Doc: "Removes the channels with the smallest scales of batch normalization.",
		Granularities: []string{GranularityChannel}, Scopes: []string{ScopeGlobal, ScopeLayer},
		Takes: []string{OptionThreshold, OptionNormalize}, Branch: true, Constants: ConstantsDrop,
	}
}

func (slimming) check(net *models.Network, o Options) error { return checkScales(net, o) }

func (slimming) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	if o.Threshold > 0 {
		return belowThreshold(net, o, b)
	}
	return byScore(ctx, net, o, b, scaleScore)
}

// checkScales is the check of methods that look at scales.
func checkScales(net *models.Network, o Options) error {
	if goal, _ := o.goal(); (goal != goalNone || len(o.Layers) > 0) && o.Threshold > 0 {
		return fmt.Errorf("threshold is given together with %s; want one of the two", goal)
	}
	if goal, _ := o.goal(); goal != goalNone || len(o.Layers) > 0 {
		if err := checkChannels(net, o); err != nil {
			return err
		}
	}
	s, err := shrink(net, o, Basis{})
	if err != nil {
		return err
	}
	if closeUnscaled(s); len(s.open()) == 0 {
		return fmt.Errorf("method %s looks at scales of batch normalization, and none of network %s belongs to a channel that may go: %s", o.Method, net.Name, s.reasons())
	}
	about, err := Describe(o.Method)
	if err != nil {
		return err
	}
	if goal, _ := o.goal(); goal == goalNone && len(o.Layers) == 0 && o.Threshold == 0 && !about.Open {
		return fmt.Errorf("method %s wants a target or a threshold", o.Method)
	}
	return nil
}

// closeUnscaled closes the groups whose channels have no scale.
func closeUnscaled(s *shrinking) {
	for _, g := range s.open() {
		if slices.ContainsFunc(g.Units, func(u channel.Unit) bool { return len(u.Gammas) == 0 }) {
			g.close("no scale")
		}
	}
}

// scaleScore scores channels by the mean magnitude of their scales.
func scaleScore(_ context.Context, s *shrinking) error {
	closeUnscaled(s)
	for _, g := range s.open() {
		g.scores = make([]float64, len(g.Units))
		for i, u := range g.Units {
			n := 0
			for _, part := range u.Gammas {
				for _, at := range part.Indices {
					g.scores[i] += math.Abs(float64(s.net.Param(part.Param).Data[at]))
					n++
				}
			}
			g.scores[i] /= float64(n)
		}
	}
	return nil
}

// belowThreshold removes the channels whose scales are at most the threshold,
// 0 included, but for the floors.
func belowThreshold(net *models.Network, o Options, b Basis) (*Plan, error) {
	s, err := shrink(net, o, b)
	if err != nil {
		return nil, err
	}
	if err := scaleScore(context.Background(), s); err != nil {
		return nil, err
	}
	if err := s.ranked(); err != nil {
		return nil, err
	}
	for _, g := range s.open() {
		n := 0
		for _, u := range g.rank {
			if g.scores[u] <= o.Threshold {
				n++
			}
		}
		g.take(n, o.Multiple)
	}
	if err := s.settle(); err != nil {
		return nil, err
	}
	return s.plan()
}
