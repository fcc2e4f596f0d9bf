// Package prune decides which weights of a network may go, and takes them out.
//
// It works in two moves that never mix. [NewPlan] looks at a network and
// answers with a [Plan]: what stays in each layer, and what must be repaired
// for it. A plan is a plain value: print it, store it, replay it, throw it
// away. [Apply] then does what the plan says, to a copy. [Compact] is a third
// move, for export only: it makes the layers smaller where whole neurons went.
//
// # Methods
//
// A method is built of three small ideas: a criterion scores every weight, a
// selection decides by the scores which ones go, and surgery masks them and
// repairs what hangs on them. "han" is the magnitude pruning of Han, Pool, Tran
// and Dally (2015).
//
// Pruned is final: a masked weight stays masked in every later plan, so that
// passes of pruning and fine-tuning only ever thin a network.
//
// # How much to take
//
// Layers bear pruning differently. A single target or quality treats them all
// alike, which is the default because it is what the words say; but the layer
// before the logits is small and sensitive, and Han et al. keep 26 % of it
// where they keep 8 and 9 % of the others. For their LeNet-300-100 give
// Options.Layers fc1 0.92, fc2 0.91 and fc3 0.74.
//
// Nothing here trains, evaluates, or knows which pass of how many this is: [At]
// says what a schedule wants of a pass.
package prune

import "espalier/models"

// The scopes of a selection.
const (
	ScopeLayer  = "layer"  // each layer gives up its own share, by its own threshold
	ScopeGlobal = "global" // one threshold over the weights of all layers
)

// Options say what to remove in one pass. The target is either a sparsity
// (Sparsity, Layers) or a quality, never both. Layers are named by their node.
type Options struct {
	Method string `json:"method"` // one of Methods
	Scope  string `json:"scope"`  // one of Scopes

	// Sparsity is the share of the prunable weights that is masked after the
	// pass, those of earlier passes included, in (0, 1). The number of weights
	// is rounded to the nearest. A layer that is already sparser stays as it is.
	Sparsity float64 `json:"sparsity,omitempty"`
	// Layers are sparsities by layer that replace Sparsity there; scope layer
	// only. Without Sparsity they must cover every layer not in Exclude.
	Layers map[string]float64 `json:"layers,omitempty"`
	// Quality is the threshold in standard deviations of the non-zero weights,
	// by layer, "default" for layers not named. A weight below it goes. In
	// scope global only "default" is allowed and the deviation is that of all
	// prunable weights together. What stays deviates more than what was there,
	// so the same quality cuts again in the next pass: of normal weights, not
	// retrained, 1 keeps 32 % and then 11 %.
	Quality map[string]float64 `json:"quality,omitempty"`

	// Exclude names layers that are left as they are, by dead-neuron removal
	// too; their weights do not count in a global sparsity.
	Exclude []string `json:"exclude,omitempty"`
	// DeadNeurons also removes hidden neurons that are left without inputs or
	// without outputs. Sparsities then come out a little above the target.
	DeadNeurons bool `json:"dead_neurons,omitempty"`
	// AdjustDropout lowers dropout rates with the number of connections.
	AdjustDropout bool `json:"adjust_dropout,omitempty"`
}

// Scopes lists the scopes, sorted.
func Scopes() []string { return []string{ScopeGlobal, ScopeLayer} }

// NewPlan decides what one pass of pruning removes from net, which it does not
// change. Equal arguments give equal plans. It fails on options that [Check]
// refuses, on parameters that are not finite, and where a layer would be left
// without weights: the error says how much could go at most.
func NewPlan(net *models.Network, o Options) (*Plan, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	if err := Check(net, o); err != nil {
		return nil, err
	}
	if err := checkFinite(net); err != nil {
		return nil, err
	}
	method, err := methodNamed(o.Method)
	if err != nil {
		return nil, err
	}
	plan, err := method.plan(net, o)
	if err != nil {
		return nil, err
	}
	if o.DeadNeurons {
		if err := plan.removeDeadNeurons(net); err != nil {
			return nil, err
		}
	}
	if o.AdjustDropout {
		plan.adjustDropout(net)
	}
	return plan, nil
}

// prunable are the parameters that connection pruning may thin: the weights.
func prunable(net *models.Network) []*models.Param {
	var params []*models.Param
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			params = append(params, p)
		}
	}
	return params
}
