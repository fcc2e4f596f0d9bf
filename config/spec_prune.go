package config

import (
	"slices"

	"espalier/models/prune"
)

// Prune says what is removed, over how many passes, and how the network
// recovers after each. Many options are for some methods only: they stay empty
// for the others, and so are no part of the identity of their runs.
type Prune struct {
	Method        string             `json:"method" yaml:"method" required:"true" words:"@prune" example:"han" doc:"The pruning method."`
	Granularity   string             `json:"granularity,omitempty" yaml:"granularity,omitempty" words:"connection,channel" example:"channel" doc:"Whether single weights are masked or whole channels, filters and neurons, are removed; for methods that can do both, whose default is connection."`
	Scope         string             `json:"scope" yaml:"scope,omitempty" words:"@scopes" example:"layer" doc:"Whether each layer reaches the target or only the network as a whole. Left out, it is what the method's paper does: layer for han."`
	Schedule      PruneSchedule      `json:"schedule" yaml:"schedule" required:"true" doc:"How the pruning is spread over passes."`
	Quality       map[string]float64 `json:"quality,omitempty" yaml:"quality,omitempty" range:"(0,)" example:"{default: 1.5, fc3: 1.0}" doc:"Thresholds in standard deviations of the layer's weights, by layer, default for the others; for method han. It replaces schedule.target: exactly one of the two is given."`
	Exclude       []string           `json:"exclude,omitempty" yaml:"exclude,omitempty" example:"[fc3]" doc:"Layers that are left dense."`
	DeadNeurons   bool               `json:"dead_neurons" yaml:"dead_neurons" default:"true" doc:"Remove neurons that have no inputs or no outputs left; for granularity connection."`
	AdjustDropout bool               `json:"adjust_dropout" yaml:"adjust_dropout" default:"true" doc:"Scale the dropout rate by the root of the share of connections left (Han et al. 2015); for granularity connection."`

	MinChannels *int    `json:"min_channels,omitempty" yaml:"min_channels,omitempty" range:"[0,)" example:"4" doc:"Channels that stay of each layer at least, 1 when left out; 0 lets a whole branch go where the network works without it; for granularity channel."`
	Multiple    int     `json:"multiple,omitempty" yaml:"multiple,omitempty" range:"[1,)" example:"8" doc:"The number of channels that stay of a layer is rounded up to a multiple of this, 1 when left out; for granularity channel."`
	MaxPerPass  float64 `json:"max_per_pass,omitempty" yaml:"max_per_pass,omitempty" unit:"fraction" range:"(0,1]" example:"50%" doc:"Largest share of a layer's channels that one pass takes, 100% when left out; for granularity channel."`
	Coupled     bool    `json:"coupled,omitempty" yaml:"coupled" default:"false" doc:"Also remove channels that several layers make together, as those of residual streams, from all of them at once; for granularity channel."`
	Branch      *bool   `json:"branch,omitempty" yaml:"branch,omitempty" example:"true" doc:"Let layers that read the same channels keep different ones of them, by a selection before each. Left out, it is what the method's paper does: true for slimming; for granularity channel."`
	Constants   string  `json:"constants,omitempty" yaml:"constants,omitempty" words:"drop,absorb" example:"absorb" doc:"What becomes of the constants that removed channels send: they are dropped, or the biases behind them absorb them. Left out, it is what the method's paper does: absorb for ista; for granularity channel."`

	Norm        string  `json:"norm,omitempty" yaml:"norm,omitempty" words:"l1,l2" example:"l2" doc:"The norm by which filters are ranked, l1 when left out; for method filter-norm."`
	Greedy      bool    `json:"greedy,omitempty" yaml:"greedy" default:"false" doc:"Leave out of a filter's norm the weights that read channels already removed; for method filter-norm."`
	First       string  `json:"first,omitempty" yaml:"first,omitempty" words:"smallest,largest" example:"largest" doc:"Which norms go first, smallest when left out; largest is the control of the paper; for method filter-norm."`
	Normalize   string  `json:"normalize,omitempty" yaml:"normalize,omitempty" words:"none,mean,max" example:"mean" doc:"What a layer's scores are divided by before layers are compared, none when left out, mean for taylor; for methods that score channels."`
	Threshold   float64 `json:"threshold,omitempty" yaml:"threshold,omitempty" range:"[0,)" example:"0.001" doc:"Channels whose scale of batch normalization is at most this go, instead of schedule.target; for methods slimming and ista."`
	Deviations  float64 `json:"deviations,omitempty" yaml:"deviations,omitempty" range:"(0,)" example:"1" doc:"Channels whose share of zeros is so many standard deviations above the mean of the layer go, 1 when left out, instead of schedule.target; for method apoz."`
	Points      int     `json:"points,omitempty" yaml:"points,omitempty" range:"[1,)" example:"10" doc:"Positions of each image that errors are measured at, 10 when left out; for methods channel-lasso and thinet."`
	Residual    *bool   `json:"residual,omitempty" yaml:"residual,omitempty" example:"true" doc:"Also make up for the error of the shortcut, true when left out; for method channel-lasso."`
	Reconstruct *bool   `json:"reconstruct,omitempty" yaml:"reconstruct,omitempty" example:"true" doc:"Refit the weights that read the channels that stay, true when left out; for methods channel-lasso and thinet."`
	Tolerance   float64 `json:"tolerance,omitempty" yaml:"tolerance,omitempty" unit:"fraction" range:"[0,1]" example:"10%" doc:"Share of channels that may stay beyond the target, 0 when left out; for method channel-lasso."`
	Samples     int     `json:"samples,omitempty" yaml:"samples,omitempty" range:"[1,)" example:"2048" doc:"Training samples that the method looks at; left out, as many as its paper has; for methods that look at data."`
	Rewind      int     `json:"rewind,omitempty" yaml:"rewind" default:"0" range:"[0,)" example:"1" doc:"Epochs of training after which the weights are taken that what stays returns to, 0 is the initial network; for method lottery."`

	Sparsify    *Sparsify `json:"sparsify,omitempty" yaml:"sparsify,omitempty" show:"false" doc:"Training before the pruning of a pass that readies the network for it. Left out, there is none. What is left out inside is as in train."`
	Recalibrate int       `json:"recalibrate,omitempty" yaml:"recalibrate" default:"0" range:"[0,)" example:"100" doc:"Batches of training samples by which the statistics of batch normalization are measured anew after the pruning of a pass; 0 is off."`
	// MeasurePruned changes no weight, but asks for one step more.
	MeasurePruned bool      `json:"measure_pruned,omitempty" yaml:"measure_pruned" default:"false" doc:"Measure the accuracy right after the pruning of a pass as well, before the network is fine-tuned."`
	Finetune      Finetune  `json:"finetune" yaml:"finetune" doc:"How the network recovers after each pass. What is left out is as in train."`
	Stop          PruneStop `json:"stop,omitzero" yaml:"stop,omitempty" doc:"When to end the passes early."`
}

// RemovesChannels says whether channels are removed rather than weights masked.
func (p *Prune) RemovesChannels() bool { return p.Granularity == prune.GranularityChannel }

// PruneSchedule spreads the pruning over passes.
type PruneSchedule struct {
	Passes int         `json:"passes" yaml:"passes" required:"true" range:"[1,1000]" example:"6" doc:"How often the network is pruned and fine-tuned."`
	Target PruneTarget `json:"target" yaml:"target,omitempty" doc:"Where the last pass arrives: one of sparsity, channels, params, macs and latency, layers, or layers beside it; sensitivity stands for layers. Shares are of the network before the first pass."`
	Shape  string      `json:"shape" yaml:"shape" default:"cubic" words:"@shapes" doc:"How the target grows from pass to pass; geometric removes the same share of what is left each time."`
	// Via is where passes before the last arrive.
	Via []PruneVia `json:"via,omitempty" yaml:"via,omitempty" show:"false" example:"[{pass: 3, target: {sparsity: 80%}}]" doc:"Where passes before the last arrive, in ascending order, by the same keys as target; shape is that of each part of the way. The last pass of a part is fine-tuned as the last of all is. Pass 0 is where the network begins. It is what espalier extend and fork write."`
	// Order replaces Shape, which then says nothing.
	Order []string `json:"order,omitempty" yaml:"order,omitempty" example:"[conv1, conv2]" doc:"The layers of target.layers in the order in which they are pruned, each at once, spread evenly over the passes: with as many passes as layers, the network is fine-tuned after every layer. Left out, all layers are pruned in every pass; for granularity channel."`
}

// Arrives is the pass in which a layer of Order is pruned; the layers are spread
// evenly, and every pass has one at least.
func (s PruneSchedule) Arrives(layer string) int {
	return slices.Index(s.Order, layer)*s.Passes/max(len(s.Order), 1) + 1
}

// PruneVia is where a pass before the last arrives.
type PruneVia struct {
	Pass   int         `json:"pass" yaml:"pass" required:"true" range:"[0,1000]" example:"3" doc:"The pass."`
	Target PruneTarget `json:"target" yaml:"target" required:"true" example:"{sparsity: 80%}" doc:"Where it arrives, as target."`
}

// PruneTarget is where the last pass arrives: at most one of its shares, and
// shares of single layers beside it.
type PruneTarget struct {
	Sparsity float64            `json:"sparsity,omitempty" yaml:"sparsity,omitempty" show:"true" unit:"fraction" range:"(0,1)" example:"92%" doc:"Share of the prunable weights that is removed; for granularity channel, at least."`
	Layers   map[string]float64 `json:"layers,omitempty" yaml:"layers,omitempty" unit:"fraction" range:"(0,1)" example:"{fc3: 74%}" doc:"The same for single layers, of their weights or channels; scope layer only."`
	Channels float64            `json:"channels,omitempty" yaml:"channels,omitempty" unit:"fraction" range:"(0,1)" example:"50%" doc:"Share of the channels that is removed; for granularity channel."`
	Params   float64            `json:"params,omitempty" yaml:"params,omitempty" unit:"fraction" range:"(0,1)" example:"60%" doc:"Share of the parameters that is removed at least; for granularity channel."`
	MACs     float64            `json:"macs,omitempty" yaml:"macs,omitempty" unit:"fraction" range:"(0,1)" example:"50%" doc:"Share of the multiply-adds of one sample that is saved at least; for granularity channel."`
	Latency  float64            `json:"latency,omitempty" yaml:"latency,omitempty" unit:"fraction" range:"(0,1)" example:"30%" doc:"Share of the time for one sample that is saved at least, as measured on the machine of the worker: the one target whose results differ from machine to machine; for granularity channel."`

	Sensitivity *SensitivityTarget `json:"sensitivity,omitempty" yaml:"sensitivity,omitempty" show:"false" doc:"Shares of single layers, from the curves that espalier sensitivity has measured; instead of layers, and scope layer only."`
}

// IsZero says whether there is no target.
func (t PruneTarget) IsZero() bool {
	key, _ := t.Goal()
	return key == "" && len(t.Layers) == 0 && t.Sensitivity == nil
}

// Goal is the key and the value of the share of the whole network, empty if
// there is none.
func (t PruneTarget) Goal() (key string, share float64) {
	for _, s := range t.shares() {
		if s.value > 0 {
			return s.key, s.value
		}
	}
	return "", 0
}

// Sparsify is the training before the pruning of a pass. Unset members are
// those of Train; [Spec.SparsifyTrain] puts the two together.
type Sparsify struct {
	Epochs    int       `json:"epochs" yaml:"epochs" required:"true" range:"[1,)" example:"4" doc:"Passes over the training data before the pruning of each pass."`
	Optimizer Optimizer `json:"optimizer,omitzero" yaml:"optimizer,omitempty" example:"{sgd: {lr: 0.01}}" doc:"The optimizer; left out, that of train."`
	Schedule  Schedule  `json:"schedule,omitzero" yaml:"schedule,omitempty" example:"constant" doc:"The course of the learning rate, anew in each pass."`
	L1        *Penalty  `json:"l1,omitempty" yaml:"l1,omitempty" example:"{gamma: 1e-4}" doc:"Coefficients of the sum of absolute values, all of them instead of train's."`
	L2        *Penalty  `json:"l2,omitempty" yaml:"l2,omitempty" example:"5e-4" doc:"Coefficients of half the sum of squares, all of them instead of train's."`
	ISTA      *ISTA     `json:"ista,omitempty" yaml:"ista,omitempty" example:"0.01" doc:"Proximal steps on the scales of batch normalization, instead of train's."`
	From      int       `json:"from,omitempty" yaml:"from" default:"1" range:"[1,)" example:"2" doc:"The first pass that it comes before; 2 where train itself readies the network for the first."`
}

// Finetune says how the network recovers after each pruning pass. Unset
// members are those of Train; [Spec.FinetuneTrain] puts the two together.
type Finetune struct {
	Epochs     int       `json:"epochs" yaml:"epochs,omitempty" show:"true" range:"[1,)" example:"4" doc:"Passes over the training data after each pruning pass."`
	Optimizer  Optimizer `json:"optimizer,omitzero" yaml:"optimizer,omitempty" example:"{sgd: {lr: 0.01, momentum: 0.9}}" doc:"The optimizer; left out, that of train with a tenth of its lr, or all of it for method lottery."`
	Schedule   Schedule  `json:"schedule,omitzero" yaml:"schedule,omitempty" example:"cosine" doc:"The course of the learning rate, anew after each pass."`
	L1         *Penalty  `json:"l1,omitempty" yaml:"l1,omitempty" example:"0" doc:"Coefficients of the sum of absolute values, all of them instead of train's."`
	L2         *Penalty  `json:"l2,omitempty" yaml:"l2,omitempty" example:"5e-4" doc:"Coefficients of half the sum of squares, all of them instead of train's."`
	LastEpochs int       `json:"last_epochs,omitempty" yaml:"last_epochs,omitempty" range:"[1,)" example:"8" doc:"Epochs after the last pass, when they differ from epochs."`
	Distill    *Distill  `json:"distill,omitempty" yaml:"distill,omitempty" doc:"Learn from the dense network as well as from the labels (Hinton et al. 2015). Left out, from the labels alone."`
}

// PruneStop ends the passes early. The pass that broke accuracy_drop is
// recorded and the result is the last one that kept it; the pass that reached
// one of the others is the result.
type PruneStop struct {
	AccuracyDrop float64 `json:"accuracy_drop,omitempty" yaml:"accuracy_drop" default:"0" unit:"fraction" range:"[0,1)" example:"0.5%" doc:"Stop when the accuracy falls by more than this below that of the dense network: 0.5% is half a point; 0 is off. The pass that broke the rule is recorded; the result is the last one that kept it."`
	Sparsity     float64 `json:"sparsity,omitempty" yaml:"sparsity" default:"0" unit:"fraction" range:"[0,1)" example:"90%" doc:"Stop after the pass in which at least this share of the prunable weights is gone; 0 is off."`
	Params       float64 `json:"params,omitempty" yaml:"params" default:"0" unit:"fraction" range:"[0,1)" example:"60%" doc:"Stop after the pass in which at least this share of the parameters is gone; 0 is off."`
	MACs         float64 `json:"macs,omitempty" yaml:"macs" default:"0" unit:"fraction" range:"[0,1)" example:"50%" doc:"Stop after the pass in which at least this share of the multiply-adds is gone; 0 is off."`
}
