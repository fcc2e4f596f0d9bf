package prune

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/prune/reconstruct"
)

// lasso is channel pruning after He, Zhang and Sun 2017: layer by layer from
// the input on, LASSO selects the channels that the next layer's outputs need,
// and least squares fits that layer's weights to them.
type lasso struct{}

// thinet is the method of Luo, Wu and Lin 2017: channels go one by one, always
// the one that the next layer's outputs miss least, and the others are scaled.
type thinet struct{}

var (
	_ = add(lasso{})
	_ = add(thinet{})
)

// reconstructionSamples are looked at if a spec does not say how many; the
// papers take 5,000 and 10,000 of ImageNet.
const reconstructionSamples = 1000

// defaultPoints is how many positions of an image He et al. sample.
const defaultPoints = 10

func (lasso) about() About {
	return About{
		Name: "channel-lasso", Paper: "He et al. 2017", Doc: "Selects channels by LASSO on the next layer's outputs, and fits its weights.",
		Granularities: []string{GranularityChannel}, Scopes: []string{ScopeLayer}, Data: reconstructionSamples,
		Takes: []string{OptionPoints, OptionResidual, OptionReconstruct, OptionTolerance},
	}
}

func (thinet) about() About {
	return About{
		Name: "thinet", Paper: "Luo et al. 2017", Doc: "Drops the channels that the next layer's outputs miss least, and scales the others.",
		Granularities: []string{GranularityChannel}, Scopes: []string{ScopeLayer}, Data: reconstructionSamples,
		Takes: []string{OptionPoints, OptionReconstruct},
	}
}

func (lasso) check(net *models.Network, o Options) error  { return checkChannels(net, o) }
func (thinet) check(net *models.Network, o Options) error { return checkChannels(net, o) }

func (lasso) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	return refitted(ctx, net, o, b, func(ctx context.Context, p reconstruct.Problem) (*reconstruct.Choice, error) {
		return reconstruct.Lasso(ctx, p)
	})
}

func (thinet) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	return refitted(ctx, net, o, b, func(ctx context.Context, p reconstruct.Problem) (*reconstruct.Choice, error) {
		p.Original = p.Current
		return reconstruct.Greedy(ctx, p)
	})
}

// refitted decides by the goal how many channels of each group go, then has
// them chosen, group after group from the input on, each time on the network
// as it has become.
func refitted(ctx context.Context, net *models.Network, o Options, b Basis, choose func(context.Context, reconstruct.Problem) (*reconstruct.Choice, error)) (*Plan, error) {
	data, err := b.samples(net)
	if err != nil {
		return nil, err
	}
	s, err := shrink(net, o, b)
	if err != nil {
		return nil, err
	}
	for _, g := range s.open() {
		g.scores = make([]float64, len(g.Units))
	}
	if err := s.ranked(); err != nil {
		return nil, err
	}
	if err := s.choose(ctx); err != nil {
		return nil, err
	}
	points := o.Points
	if points == 0 {
		points = defaultPoints
	}
	current, values := s.net, map[string]Values{}
	for _, g := range s.open() {
		if g.goes == 0 || g.goes == len(g.free) {
			continue // all or none: there is nothing to choose
		}
		choice, err := choose(ctx, reconstruct.Problem{
			Engine: data.Engine, Original: s.net, Current: current, Group: g.Group, Alive: g.free, Keep: len(g.free) - g.goes,
			X: data.X, N: data.Len(), Points: points, Seed: o.Seed,
			Residual: o.Residual, Tolerance: o.Tolerance, Reconstruct: o.Reconstruct,
		})
		if err != nil {
			return nil, fmt.Errorf("method %s: %w", o.Method, err)
		}
		g.picked, g.missed, g.refitted = choice.Gone, choice.Error, choice.Refitted
		if current, err = become(current, g, choice); err != nil {
			return nil, err
		}
		for name, v := range choice.Values {
			values[name] = v
		}
	}
	plan, err := s.plan()
	if err != nil {
		return nil, err
	}
	if len(values) > 0 {
		plan.Channels.Values = values
	}
	return plan, nil
}

// become is the network with what was chosen for a group carried out.
func become(net *models.Network, g *group, choice *reconstruct.Choice) (*models.Network, error) {
	next := net.Clone()
	for _, name := range slices.Sorted(maps.Keys(choice.Values)) {
		p := next.Param(name)
		copy(p.Data, choice.Values[name])
		p.ApplyMask()
	}
	if len(choice.Gone) == 0 {
		return next, nil
	}
	return channel.Zero(next, channel.Set{g.Name: choice.Gone})
}
