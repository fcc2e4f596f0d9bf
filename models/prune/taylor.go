package prune

import (
	"context"
	"fmt"
	"math"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/prune/channel"
)

// taylor is the first-order criterion of Molchanov et al. 2019, "Importance
// estimation for neural network pruning", equation 8: by how much the loss would
// change if something were 0, (gradient x value) squared, summed over batches of
// the training set. A channel's is that of its gate: of scale and shift where
// batch normalization follows, of its filters and biases elsewhere. Before layers
// are compared, a layer's scores are divided by their mean if nothing else is
// asked for: as Molchanov et al. 2017, section 2.2, found, raw ones empty the
// wide layers first.
type taylor struct{}

var _ = add(taylor{})

func (taylor) about() About {
	return About{
		Name: "taylor", Paper: "Molchanov et al. 2019", Doc: "Takes what the loss would notice least, by its first-order expansion.",
		Granularities: []string{GranularityConnection, GranularityChannel}, Scopes: []string{ScopeLayer, ScopeGlobal}, Data: 2048,
		Takes: []string{OptionNormalize}, Normalize: "mean",
	}
}

func (m taylor) check(net *models.Network, o Options) error {
	if m.about().granularity(o) == GranularityChannel {
		return checkChannels(net, o)
	}
	return checkConnections(net, o)
}

func (m taylor) plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	if m.about().granularity(o) == GranularityChannel {
		if o.Normalize == "" {
			o.Normalize = m.about().Normalize
		}
		return byScore(ctx, net, o, b, gateScore)
	}
	scores := make(map[string][]float64)
	err := gradients(ctx, net, b, func(params []engine.Param) {
		for _, p := range params {
			if p.Role != models.RoleWeight {
				continue
			}
			if scores[p.Name] == nil {
				scores[p.Name] = make([]float64, len(p.Value))
			}
			for i, w := range p.Value {
				first := float64(w) * float64(p.Grad[i])
				scores[p.Name][i] += float64(first * first)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return connectionPlan(net, o, func(p *models.Param) []float32 {
		// The root keeps the order and the range of float32.
		roots := make([]float32, len(p.Data))
		for i, s := range scores[p.Name] {
			roots[i] = float32(math.Sqrt(s))
		}
		return roots
	})
}

// gateScore scores channels by the criterion of their gates.
func gateScore(ctx context.Context, s *shrinking) error {
	for _, g := range s.open() {
		g.scores = make([]float64, len(g.Units))
	}
	return gradients(ctx, s.net, s.b, func(params []engine.Param) {
		byName := make(map[string]engine.Param, len(params))
		for _, p := range params {
			byName[p.Name] = p
		}
		for _, g := range s.open() {
			for i, u := range g.Units {
				first := 0.0
				for _, part := range gate(u) {
					p := byName[part.Param]
					for at := range part.Elements(s.net.Param(part.Param).Shape) {
						first += float64(p.Value[at]) * float64(p.Grad[at])
					}
				}
				g.scores[i] += float64(first * first)
			}
		}
	})
}

// gate is what a channel is multiplied by.
func gate(u channel.Unit) []channel.Slice {
	switch {
	case len(u.Gammas) > 0:
		return append(append([]channel.Slice{}, u.Gammas...), u.Betas...)
	case len(u.Filters) > 0:
		return append(append([]channel.Slice{}, u.Filters...), u.Biases...)
	}
	return u.Inputs
}

// gradientBatch is the number of samples of which gradients are averaged.
const gradientBatch = 64

// gradients computes the gradients of batch after batch of the samples, without
// moving a weight.
func gradients(ctx context.Context, net *models.Network, b Basis, see func([]engine.Param)) error {
	data, err := b.samples(net)
	if err != nil {
		return err
	}
	batch := min(gradientBatch, data.Len())
	sess, err := data.Engine.Open(net, engine.Options{Batch: batch})
	if err != nil {
		return fmt.Errorf("open %s: %w", net.Name, err)
	}
	defer sess.Close()
	size := net.Input.Size()
	for at := 0; at+batch <= data.Len(); at += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := sess.Backward(data.X[at*size:(at+batch)*size], data.Labels[at:at+batch], int64(at)); err != nil {
			return fmt.Errorf("gradients of samples %d to %d: %w", at, at+batch-1, err)
		}
		see(sess.Params())
	}
	return nil
}
