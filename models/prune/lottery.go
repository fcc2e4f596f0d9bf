package prune

import (
	"context"
	"fmt"

	"espalier/models"
)

// lottery is the search for winning tickets after Frankle and Carbin 2019, "The
// lottery ticket hypothesis": magnitude pruning of which the survivors return
// to the weights that they had at the start, or early in training (Frankle et
// al. 2020), and are trained anew. [Rewind] does that.
type lottery struct{}

var _ = add(lottery{})

func (lottery) about() About {
	return About{
		Name: "lottery", Paper: "Frankle and Carbin 2019", Doc: "Masks the weights of the smallest magnitude and rewinds the others to early weights.",
		Granularities: []string{GranularityConnection}, Scopes: []string{ScopeLayer, ScopeGlobal}, Rewound: true,
	}
}

func (lottery) check(net *models.Network, o Options) error { return checkConnections(net, o) }

func (lottery) plan(_ context.Context, net *models.Network, o Options, _ Basis) (*Plan, error) {
	return connectionPlan(net, o, magnitude)
}

// Rewind is pruned with the values that early has, where they are not masked:
// weights, biases, batch normalization and its statistics. Both are of one
// graph.
func Rewind(pruned, early *models.Network) (*models.Network, error) {
	rewound := pruned.Clone()
	if len(rewound.Params) != len(early.Params) {
		return nil, fmt.Errorf("network %s has %d parameters, the early one %d", pruned.Name, len(pruned.Params), len(early.Params))
	}
	for i, p := range rewound.Params {
		if q := early.Params[i]; q.Name != p.Name || len(q.Data) != len(p.Data) {
			return nil, fmt.Errorf("network %s has parameter %s of %d values, the early one has %s of %d there", pruned.Name, p.Name, len(p.Data), q.Name, len(q.Data))
		}
		copy(p.Data, early.Params[i].Data)
		p.ApplyMask()
	}
	return rewound, nil
}
