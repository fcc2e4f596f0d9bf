// Package config holds what the user asked for: the spec, its YAML form with
// every fault reported at its line and column, its defaults, and the
// environment of the process.
//
// A [Spec] is plain values. It travels through workflow histories as JSON, so
// its JSON keys are frozen. The package knows the words that a spec may use
// (networks, methods, data sets) by asking the packages of models that own
// them; it does not know how to train.
package config

import "time"

// Spec describes one experiment: a network, its data, its training, its
// pruning, and how durable and where it is to run.
type Spec struct {
	Name       string     `json:"name" yaml:"name"`
	Network    Network    `json:"network" yaml:"network"`
	Data       Data       `json:"data" yaml:"data"`
	Train      Train      `json:"train" yaml:"train"`
	Prune      *Prune     `json:"prune,omitempty" yaml:"prune"`
	Durability Durability `json:"durability" yaml:"durability"`
	Resources  Resources  `json:"resources" yaml:"resources"`
}

// Network chooses an architecture of package zoo.
type Network struct {
	Arch    string  `json:"arch" yaml:"arch"`                           // "lenet-300-100", "mlp"
	Hidden  []int   `json:"hidden,omitempty" yaml:"hidden,omitempty"`   // mlp: widths of the hidden layers
	Dropout float64 `json:"dropout,omitempty" yaml:"dropout,omitempty"` // after each hidden layer, share dropped
}

// Data chooses a data set of package data.
type Data struct {
	Name string `json:"name" yaml:"name"`                     // "digits", "mnist", "idx"
	Path string `json:"path,omitempty" yaml:"path,omitempty"` // folder of the files; relative to the spec's file
	// Train and Test cap the number of samples; 0 means all.
	Train int `json:"train,omitempty" yaml:"train,omitempty"`
	Test  int `json:"test,omitempty" yaml:"test,omitempty"`
	// Validation holds out that many of the last training samples; early
	// stopping and selection look at them instead of the test set.
	Validation int `json:"validation,omitempty" yaml:"validation,omitempty"`
}

// Train says how the dense network is trained.
type Train struct {
	Epochs    int       `json:"epochs" yaml:"epochs"`
	Batch     int       `json:"batch" yaml:"batch"`
	Optimizer Optimizer `json:"optimizer" yaml:"optimizer"`
	Schedule  Schedule  `json:"schedule" yaml:"schedule"`
	L1        float64   `json:"l1,omitempty" yaml:"l1,omitempty"`     // coefficient of sum |w| over weights
	L2        float64   `json:"l2,omitempty" yaml:"l2,omitempty"`     // coefficient of 1/2 sum w^2 over weights
	Clip      float64   `json:"clip,omitempty" yaml:"clip,omitempty"` // global gradient norm; 0 is off
	Seed      uint64    `json:"seed" yaml:"seed"`
}

// Optimizer is exactly one of its members.
type Optimizer struct {
	SGD   *SGD  `json:"sgd,omitempty" yaml:"sgd,omitempty"`
	Adam  *Adam `json:"adam,omitempty" yaml:"adam,omitempty"`
	AdamW *Adam `json:"adamw,omitempty" yaml:"adamw,omitempty"`
}

// SGD is stochastic gradient descent.
type SGD struct {
	LR          float64 `json:"lr" yaml:"lr"`
	Momentum    float64 `json:"momentum,omitempty" yaml:"momentum,omitempty"`
	Nesterov    bool    `json:"nesterov,omitempty" yaml:"nesterov,omitempty"`
	WeightDecay float64 `json:"weight_decay,omitempty" yaml:"weight_decay,omitempty"`
}

// Adam is Adam (Kingma and Ba 2015) or, as adamw, with decoupled weight decay
// (Loshchilov and Hutter 2019).
type Adam struct {
	LR          float64 `json:"lr" yaml:"lr"`
	Beta1       float64 `json:"beta1" yaml:"beta1"` // default 0.9
	Beta2       float64 `json:"beta2" yaml:"beta2"` // default 0.999
	Eps         float64 `json:"eps" yaml:"eps"`     // default 1e-8
	WeightDecay float64 `json:"weight_decay,omitempty" yaml:"weight_decay,omitempty"`
}

// Schedule is the course of the learning rate. In YAML a bare word is short
// for its kind: "schedule: cosine".
type Schedule struct {
	Kind   string  `json:"kind" yaml:"kind"`                         // "constant", "cosine", "step", "one-cycle"
	Warmup int     `json:"warmup,omitempty" yaml:"warmup,omitempty"` // epochs of linear warm-up
	Every  int     `json:"every,omitempty" yaml:"every,omitempty"`   // step: epochs between drops
	Factor float64 `json:"factor,omitempty" yaml:"factor,omitempty"` // step: multiplier of each drop
	Final  float64 `json:"final,omitempty" yaml:"final,omitempty"`   // cosine, one-cycle: last rate as a share of lr
}

// Prune says what is removed, over how many passes, and how the network
// recovers after each.
type Prune struct {
	Method   string        `json:"method" yaml:"method"` // "han"
	Scope    string        `json:"scope" yaml:"scope"`   // "layer" or "global"
	Schedule PruneSchedule `json:"schedule" yaml:"schedule"`
	// Quality is han's threshold in standard deviations of the layer's
	// weights, by layer name, "default" for the others. It replaces the target
	// sparsity: exactly one of the two is given.
	Quality map[string]float64 `json:"quality,omitempty" yaml:"quality,omitempty"`
	Exclude []string           `json:"exclude,omitempty" yaml:"exclude,omitempty"` // layers left dense
	// DeadNeurons removes neurons without inputs or outputs; default true.
	DeadNeurons bool `json:"dead_neurons" yaml:"dead_neurons"`
	// AdjustDropout scales the dropout rate by sqrt(connections left); default true.
	AdjustDropout bool      `json:"adjust_dropout" yaml:"adjust_dropout"`
	Finetune      Finetune  `json:"finetune" yaml:"finetune"`
	Stop          PruneStop `json:"stop,omitzero" yaml:"stop,omitempty"`
}

// PruneSchedule spreads the pruning over passes.
type PruneSchedule struct {
	Passes int         `json:"passes" yaml:"passes"`
	Target PruneTarget `json:"target" yaml:"target"`
	Shape  string      `json:"shape" yaml:"shape"` // "linear", "cubic", "geometric" in the share that stays
}

// PruneTarget is where the last pass arrives.
type PruneTarget struct {
	Sparsity float64            `json:"sparsity,omitempty" yaml:"sparsity,omitempty"` // share of prunable weights removed
	Layers   map[string]float64 `json:"layers,omitempty" yaml:"layers,omitempty"`     // by layer, overrides; scope layer only
}

// Finetune says how the network recovers after each pruning pass. Unset
// members are those of Train.
type Finetune struct {
	Epochs    int       `json:"epochs" yaml:"epochs"`
	Optimizer Optimizer `json:"optimizer,omitzero" yaml:"optimizer,omitempty"` // default: Train's with a tenth of its lr
	Schedule  Schedule  `json:"schedule,omitzero" yaml:"schedule,omitempty"`
	L1        *float64  `json:"l1,omitempty" yaml:"l1,omitempty"`
	L2        *float64  `json:"l2,omitempty" yaml:"l2,omitempty"`
	// LastEpochs, if not 0, is the number of epochs after the last pass.
	LastEpochs int `json:"last_epochs,omitempty" yaml:"last_epochs,omitempty"`
}

// PruneStop ends the passes early; the pass that broke the rule is recorded
// and the result is the last one that kept it.
type PruneStop struct {
	AccuracyDrop float64 `json:"accuracy_drop,omitempty" yaml:"accuracy_drop,omitempty"` // against the dense network, 0.005 is half a point; 0 is off
}

// Durability says how much work a crash may cost and how soon it is noticed.
type Durability struct {
	CheckpointEvery  Duration `json:"checkpoint_every" yaml:"checkpoint_every"`   // default 30s
	HeartbeatTimeout Duration `json:"heartbeat_timeout" yaml:"heartbeat_timeout"` // default 10s; a worker silent for so long is given up
	StepTimeout      Duration `json:"step_timeout" yaml:"step_timeout"`           // default 24h, one attempt of one step
}

// Resources say where steps run.
type Resources struct {
	Queue string `json:"queue" yaml:"queue"` // default "cpu"
}

// Duration is a time.Duration that reads and prints as "30s" in JSON and YAML.
type Duration time.Duration
