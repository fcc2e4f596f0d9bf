package prune

import (
	"context"

	"espalier/models"
)

// han is magnitude pruning after Han et al. 2015, "Learning both weights and
// connections for efficient neural networks": a weight goes if its magnitude
// is below quality x the standard deviation of its layer's weights. The
// deviation is over the non-zero weights, which in the first pass are all of
// them. With a target sparsity the threshold is the order statistic that
// reaches it. Biases are never pruned.
type han struct{}

var _ = add(han{})

func (han) about() About {
	return About{
		Name: "han", Paper: "Han et al. 2015", Doc: "Masks the weights of the smallest magnitude.",
		Granularities: []string{GranularityConnection}, Scopes: []string{ScopeLayer, ScopeGlobal}, Takes: []string{OptionQuality},
	}
}

func (han) check(net *models.Network, o Options) error { return checkConnections(net, o) }

func (han) plan(_ context.Context, net *models.Network, o Options, _ Basis) (*Plan, error) {
	return connectionPlan(net, o, magnitude)
}
