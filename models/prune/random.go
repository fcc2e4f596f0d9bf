package prune

import (
	"context"
	"math/rand/v2"

	"espalier/models"
)

// random is the control that every comparison needs (Blalock et al. 2020): what
// goes is drawn by the seed.
type random struct{}

var _ = add(random{})

func (random) about() About {
	return About{
		Name: "random", Paper: "Blalock et al. 2020", Doc: "Takes weights or channels at random: a control.",
		Granularities: []string{GranularityConnection, GranularityChannel}, Scopes: []string{ScopeLayer, ScopeGlobal}, Draws: true,
	}
}

func (m random) check(net *models.Network, o Options) error {
	if m.about().granularity(o) == GranularityChannel {
		return checkChannels(net, o)
	}
	return checkConnections(net, o)
}

func (m random) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0x72616e646f6d)) // "random"
	if m.about().granularity(o) == GranularityChannel {
		return byScore(ctx, net, o, b, func(_ context.Context, s *shrinking) error {
			for _, g := range s.open() {
				g.scores = make([]float64, len(g.Units))
				for i := range g.scores {
					g.scores[i] = r.Float64()
				}
			}
			return nil
		})
	}
	scores := make(map[string][]float32)
	return connectionPlan(net, o, func(p *models.Param) []float32 {
		if scores[p.Name] == nil {
			drawn := make([]float32, len(p.Data))
			for i := range drawn {
				drawn[i] = r.Float32()
			}
			scores[p.Name] = drawn
		}
		return scores[p.Name]
	})
}
