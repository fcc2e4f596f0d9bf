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
// A method is built of three small ideas: a criterion scores every weight or
// channel, a selection decides by the scores which ones go, and surgery takes
// them out and repairs what hangs on them. [Describe] says what each method is.
//
// Methods of granularity connection mask single weights. Pruned is final: a
// masked weight stays masked in every later plan, so that passes of pruning and
// fine-tuning only ever thin a network. Methods of granularity channel remove
// filters and neurons with all that hangs on them: what [Apply] returns is a
// smaller network, without masks, and [Masked] is the same at full size, which
// computes the same outputs. Package channel finds what belongs together.
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

import (
	"context"

	"espalier/models"
)

// The scopes of a selection.
const (
	ScopeLayer  = "layer"  // each layer gives up its own share, by its own threshold
	ScopeGlobal = "global" // one threshold over the weights of all layers
)

// Options say what to remove in one pass. There is one goal at most: a share
// (Sparsity, Channels, Params, MACs or Latency, perhaps with Layers beside it),
// a quality, or the threshold of a method that has one. Shares are of the
// network before the first pass, and count what earlier passes removed.
type Options struct {
	Method      string `json:"method"` // one of Methods
	Scope       string `json:"scope"`  // one of Scopes
	Granularity string `json:"granularity,omitempty"`

	// Sparsity is the share of the prunable weights that is gone after the
	// pass, in (0, 1). The number of weights is rounded to the nearest. A layer
	// that is already sparser stays as it is. Channels are removed until at
	// least this share of the weights is gone.
	Sparsity float64 `json:"sparsity,omitempty"`
	// Layers are shares by layer that replace the goal there, of weights or of
	// channels; scope layer only. Without a goal beside them, connection pruning
	// wants one for every layer not in Exclude; channels of others stay.
	Layers map[string]float64 `json:"layers,omitempty"`
	// Channels is the share of the removable channels that goes; of n channels
	// floor(n (1 - Channels)) stay.
	Channels float64 `json:"channels,omitempty"`
	// Params, MACs and Latency are budgets for channel pruning: the share of
	// parameters, multiply-adds or measured time by which the network becomes
	// smaller, at least. Biases that absorbing constants adds do not count.
	Params  float64 `json:"params,omitempty"`
	MACs    float64 `json:"macs,omitempty"`
	Latency float64 `json:"latency,omitempty"`
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

	ChannelOptions
	MethodOptions
}

// ChannelOptions are for methods that remove channels.
type ChannelOptions struct {
	MinChannels int     `json:"min_channels,omitempty"` // that stay of each group; 0 is 1, -1 lets a branch go where the graph allows it
	Multiple    int     `json:"multiple,omitempty"`     // counts that stay are rounded up to it; 0 is 1
	MaxPerPass  float64 `json:"max_per_pass,omitempty"` // largest share of a group's channels that one pass takes; 0 is all
	Coupled     bool    `json:"coupled,omitempty"`      // also channels that several layers make together, as those of residual streams
	// Branch gives every reader of a shared tensor a selection of its own first,
	// so that channels may go for it alone: see channel.Branch.
	Branch bool `json:"branch,omitempty"`
	// Constants says what becomes of a removed channel that batch normalization
	// makes constant when its scale is 0: ConstantsDrop or ConstantsAbsorb.
	Constants string `json:"constants,omitempty"`
}

// What becomes of the constants that removed channels send.
const (
	ConstantsDrop   = "drop"   // they count for nothing (Liu et al. 2017)
	ConstantsAbsorb = "absorb" // the biases of the readers take them over (Ye et al. 2018)
)

// Which scores go first.
const (
	FirstSmallest = "smallest"
	FirstLargest  = "largest" // a control
)

// MethodOptions are for some methods only: [About.Takes] says which.
type MethodOptions struct {
	Norm        string  `json:"norm,omitempty"`        // filter-norm: "l1" or "l2"
	Greedy      bool    `json:"greedy,omitempty"`      // filter-norm: leave out weights that read channels removed before
	First       string  `json:"first,omitempty"`       // filter-norm: FirstSmallest, which is the default, or FirstLargest
	Normalize   string  `json:"normalize,omitempty"`   // scores of a layer are divided by their "mean" or "max" before layers are compared
	Threshold   float64 `json:"threshold,omitempty"`   // slimming, ista: scales up to it go
	Deviations  float64 `json:"deviations,omitempty"`  // apoz: channels so many deviations above the mean go
	Points      int     `json:"points,omitempty"`      // channel-lasso, thinet: positions sampled of each image
	Residual    bool    `json:"residual,omitempty"`    // channel-lasso: targets take in the shortcut's error
	Reconstruct bool    `json:"reconstruct,omitempty"` // channel-lasso, thinet: refit the weights of what reads the channels
	Tolerance   float64 `json:"tolerance,omitempty"`   // channel-lasso: share of channels that may stay beyond the target
	Seed        uint64  `json:"seed,omitempty"`        // of what is drawn
}

// Scopes lists the scopes, sorted.
func Scopes() []string { return []string{ScopeGlobal, ScopeLayer} }

// NewPlan decides what one pass of pruning removes from net, which it does not
// change. Equal arguments give equal plans. It fails on options that [Check]
// refuses, on parameters that are not finite, and where more is asked for than
// can go: the error says how much could go at most.
func NewPlan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	if err := Check(b.dense(net), o); err != nil {
		return nil, err
	}
	if err := checkFinite(net); err != nil {
		return nil, err
	}
	method, err := methodNamed(o.Method)
	if err != nil {
		return nil, err
	}
	plan, err := method.plan(ctx, net, o, b)
	if err != nil {
		return nil, err
	}
	if plan.Channels != nil {
		return plan, nil
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
