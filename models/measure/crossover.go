package measure

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"espalier/models"
	"espalier/models/engine"
)

// Crossover is how fast a layer is in each form, by the share of its weights
// that is zero.
type Crossover struct {
	Name    string       `json:"name"`
	Op      models.Op    `json:"op"`
	In      models.Shape `json:"in"` // of a sample
	Out     models.Shape `json:"out"`
	Attrs   models.Attrs `json:"attrs,omitzero"`
	Weights int64        `json:"weights"`
	Batch   int          `json:"batch"`
	Points  []CrossPoint `json:"points"` // by the share, ascending
}

// CrossPoint is one share of zeros. The forms took turns, so that each stands
// beside a dense layer of the same moment; a dense layer computes zeros like
// other weights.
type CrossPoint struct {
	Zeros  float64 `json:"zeros"`
	Dense  Latency `json:"dense"`
	Sparse Latency `json:"sparse"`
	Shared Latency `json:"shared"` // of sharedValues different values
}

// sharedValues is how many different values the weights take: five bits, as the
// linear layers of Deep Compression.
const sharedValues = 32

// In is the latency in a form.
func (p CrossPoint) In(form engine.Form) Latency {
	switch form {
	case engine.Sparse:
		return p.Sparse
	case engine.Shared:
		return p.Shared
	default:
		return p.Dense
	}
}

// Speedup is how many times as fast as dense a form is; 0 where that cannot be
// told.
func (p CrossPoint) Speedup(form engine.Form) float64 {
	if p.In(form).Median <= 0 {
		return 0
	}
	return float64(p.Dense.Median) / float64(p.In(form).Median)
}

// From is the share of zeros from which on the form is faster than dense at
// every point, between two points by a line. It is not ok where the form is
// slower at the largest share; where it is faster at all, it is the smallest.
func (c Crossover) From(form engine.Form) (zeros float64, ok bool) {
	for i := len(c.Points) - 1; i >= 0; i-- {
		slow := slowness(c.Points[i], form)
		if slow > 1 {
			if !ok {
				return 0, false
			}
			fast := slowness(c.Points[i+1], form)
			return zeros - (zeros-c.Points[i].Zeros)*(1-fast)/(slow-fast), true
		}
		zeros, ok = c.Points[i].Zeros, true
	}
	return zeros, ok
}

// slowness is the time of a form over that of dense.
func slowness(p CrossPoint, form engine.Form) float64 {
	if p.Dense.Median <= 0 {
		return math.Inf(1) // it cannot be told
	}
	return float64(p.In(form).Median) / float64(p.Dense.Median)
}

// CrossoverOf measures a convolution or a linear layer in each form for calls
// of batch samples, at each share of zeros, which ascend. The weights are drawn
// and their zeros lie at random. As in [LayerLatencies], what is around the
// layer is taken off.
func CrossoverOf(ctx context.Context, clock Clock, eng engine.Engine, name string, op models.Op, in models.Shape, attrs models.Attrs, zeros []float64, batch, rounds int) (Crossover, error) {
	layer, err := drawnLayer(name, op, in, attrs)
	if err != nil {
		return Crossover{}, fmt.Errorf("layer %s: %w", name, err)
	}
	c := Crossover{Name: name, Op: op, In: in, Out: layer.Out, Attrs: attrs, Weights: layer.Weights, Batch: batch}
	around, err := surroundings(layer)
	if err != nil {
		return Crossover{}, fmt.Errorf("layer %s: %w", name, err)
	}
	weights := layer.net.Params[0]
	full := append([]float32(nil), weights.Data...)
	for _, share := range zeros {
		r := rand.New(rand.NewPCG(latencySeed, uint64(len(full))))
		for i, w := range full {
			if weights.Data[i] = w; r.Float64() < share {
				weights.Data[i] = 0
			}
		}
		all := []Candidate{{Network: around}}
		for _, form := range []engine.Form{engine.Dense, engine.Sparse, engine.Shared} {
			all = append(all, Candidate{layer.net, map[string]engine.Form{weights.Node: form}})
		}
		measured, err := takeTurns(ctx, clock, eng, all, turns{batch, rounds, layerTime})
		if err != nil {
			return Crossover{}, fmt.Errorf("layer %s: %w", name, err)
		}
		var alone [3]Latency
		for i := range alone {
			times := make([]float64, rounds)
			for k := range times {
				times[k] = max(0, measured[1+i][k]-measured[0][k])
			}
			alone[i] = latencyOf(times, batch)
		}
		c.Points = append(c.Points, CrossPoint{Zeros: share, Dense: alone[0], Sparse: alone[1], Shared: alone[2]})
	}
	return c, nil
}

// drawnLayer is a layer as a network of its own, with weights of few values and
// none of them 0.
func drawnLayer(name string, op models.Op, in models.Shape, attrs models.Attrs) (*layerNet, error) {
	if op != models.OpConv2D && op != models.OpLinear {
		return nil, fmt.Errorf("operation %s has no weights: %s and %s have", op, models.OpLinear, models.OpConv2D)
	}
	attrs.NoBias = true
	b := newChain(name, in)
	b.add(op, attrs)
	shapes, err := b.net.Shapes()
	if err != nil {
		return nil, err
	}
	b.toFlat(shapes[b.net.Output()])
	if b.net.Params, err = b.net.Layout(); err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(latencySeed, 0))
	for _, p := range b.net.Params {
		p.Data = make([]float32, p.Shape.Size())
		for i := range p.Data {
			p.Data[i] = float32(2*r.IntN(sharedValues)-sharedValues+1) / sharedValues
		}
	}
	layers, err := layerNets(b.net)
	if err != nil {
		return nil, err
	}
	layers[0].net = b.net
	return &layers[0], nil
}
