package prune

import (
	"context"

	"espalier/models"
)

// ista is the method of Ye et al. 2018, "Rethinking the smaller-norm-less-
// informative assumption in channel pruning of convolution layers". Training
// with proximal steps (train.ista, or prune.sparsify.ista) leaves scales of
// batch normalization that are exactly 0; their channels are constant. They
// go, and the biases and running means of their readers take the constants
// over (section 4.1). With a target, the channels with the smallest scales go
// instead, as in network slimming.
type ista struct{}

var _ = add(ista{})

func (ista) about() About {
	return About{
		Name: "ista", Paper: "Ye et al. 2018", Doc: "Removes the channels whose scales training has made 0, and absorbs what they send.",
		Granularities: []string{GranularityChannel}, Scopes: []string{ScopeGlobal, ScopeLayer},
		Open: true, Takes: []string{OptionThreshold, OptionNormalize}, Constants: ConstantsAbsorb,
	}
}

func (ista) check(net *models.Network, o Options) error { return checkScales(net, o) }

func (ista) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	if goal, _ := o.goal(); goal == goalNone && len(o.Layers) == 0 {
		return belowThreshold(net, o, b)
	}
	return byScore(ctx, net, o, b, scaleScore)
}
