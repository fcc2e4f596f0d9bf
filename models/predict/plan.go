package predict

import (
	"fmt"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/sparse"
)

// Layer is a convolution or a linear layer and the form that it runs in.
type Layer struct {
	Name    string      `json:"name"`
	Op      models.Op   `json:"op"`
	Weights int         `json:"weights"`
	NonZero int         `json:"non_zero"`
	Values  int         `json:"values,omitempty"` // different ones that are not 0; 0 where they are more than a codebook holds
	Form    engine.Form `json:"form"`
}

// From which share of zeros on CSR is faster than dense. They were measured:
// docs/benchmarks.md has the crossovers.
const (
	crossLinear   = 0.7
	crossStreamed = 0.5 // of a layer that does not stay in the cache from call to call
	crossConv     = 0.88
)

const (
	streamed = 1 << 22 // weights that do not stay in the cache
	waiting  = 2       // samples of a call that waits for such weights, of whose codes a quarter comes
)

// Plan chooses the form of each convolution and linear layer for calls of about
// batch samples: the given one where the layer fits it, or for an empty one
// what is the fastest as a rule. It fails on another form, and on a network that
// is not valid.
func Plan(net *models.Network, form engine.Form, batch int) ([]Layer, error) {
	switch form {
	case "", engine.Dense, engine.Sparse, engine.Shared:
	default:
		return nil, fmt.Errorf("form %q: %s, %s and %s are allowed, or none to choose by layer", form, engine.Dense, engine.Sparse, engine.Shared)
	}
	if err := net.Validate(); err != nil {
		return nil, err
	}
	var layers []Layer
	for _, node := range net.Nodes {
		if node.Op != models.OpConv2D && node.Op != models.OpLinear {
			continue
		}
		p := net.Param(node.Name + "." + string(models.RoleWeight))
		l := Layer{Name: node.Name, Op: node.Op, Weights: len(p.Data), Form: form}
		l.NonZero, l.Values = count(p.Data)
		if form == "" {
			l.Form = l.choose(batch)
		}
		wide := p.Shape[1:].Size() > sparse.MaxColumns
		if wide || l.Form == engine.Shared && l.Values == 0 && l.NonZero > 0 {
			l.Form = engine.Dense
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// Forms are those of layers, for the options of a session.
func Forms(layers []Layer) map[string]engine.Form {
	forms := make(map[string]engine.Form, len(layers))
	for _, l := range layers {
		forms[l.Name] = l.Form
	}
	return forms
}

// Zero is the share of the weights that are 0.
func (l Layer) Zero() float64 { return 1 - float64(l.NonZero)/float64(l.Weights) }

// choose is the rule.
func (l Layer) choose(batch int) engine.Form {
	cross, streams := crossConv, false
	if l.Op == models.OpLinear {
		cross, streams = crossLinear, l.Weights >= streamed
	}
	if streams {
		cross = crossStreamed
	}
	switch {
	case streams && batch <= waiting && l.Values > 0:
		return engine.Shared
	case l.Zero() >= cross:
		return engine.Sparse
	default:
		return engine.Dense
	}
}

// count is how many weights are not 0, and how many different values they take,
// or 0 for more than a codebook holds.
func count(weights []float32) (nonZero, values int) {
	seen := make(map[float32]bool)
	for _, w := range weights {
		if w == 0 {
			continue
		}
		nonZero++
		if len(seen) <= sparse.MaxShared {
			seen[w] = true
		}
	}
	if len(seen) > sparse.MaxShared {
		return nonZero, 0
	}
	return nonZero, len(seen)
}
