// Package config holds what the user asked for: the spec, its YAML form with
// every fault reported at its line and column, its defaults, and the
// environment of the process.
//
// A [Spec] is plain values. It travels through workflow histories as JSON, so
// its JSON keys are frozen. The tags of its fields are the one place where the
// keys, types, ranges, defaults and their explanations are written down: the
// decoder, the JSON Schema ([Schema]), the reference ([Reference]) and the
// commented spec of espalier init ([Template]) are all read from them.
//
// The tags beside json and yaml are:
//
//	doc       what the field means, one sentence
//	required  "true": it must be given
//	default   what it is when left out, in YAML
//	range     what numbers and durations may be, as an interval: "[0,1)"
//	unit      "fraction": 92% and 0.92 are the same
//	words     the words that are allowed, or "@" and the list of a package of models
//	pattern   the regular expression that text must match in full
//	bare      "true": the mapping may be written as this field's value alone
//	choice    "true": exactly one of the fields with this tag is given
//	example   a value to show
//	show      "true": the commented spec sets it; it sets what is required anyway,
//	          but for what is inside a mapping with "false"
//	unless    the key beside which this one is left out, and not required
//
// A field whose yaml tag has omitempty stays empty when it is left out. One
// whose yaml tag is "-" is no key.
//
// The package knows the words that a spec may use (networks, methods, data
// sets) by asking the packages of models that own them; it does not know how
// to train.
package config

// Spec describes one experiment: a network, its data, its training, its
// pruning, its quantization, and how durable and where it is to run.
type Spec struct {
	Name           string     `json:"name" yaml:"name" required:"true" pattern:"[a-z0-9-]{1,63}" example:"my-experiment" doc:"The name of the experiment: small letters, digits and hyphens, 63 at most. It names runs and reports and has no influence on the numbers."`
	Network        Network    `json:"network" yaml:"network" required:"true" unless:"exec" doc:"The network that is trained and compressed."`
	Data           Data       `json:"data" yaml:"data" required:"true" unless:"exec" doc:"The data that it learns from and is judged by."`
	Train          Train      `json:"train" yaml:"train" required:"true" unless:"exec" doc:"How the dense network is trained."`
	Prune          *Prune     `json:"prune,omitempty" yaml:"prune,omitempty" unless:"exec" doc:"What is removed, over how many passes, and how the network recovers after each. Left out, the network is only trained."`
	Quantize       *Quantize  `json:"quantize,omitempty" yaml:"quantize,omitempty" unless:"exec" doc:"How the weights come to share few values, after the last pass or, without prune, after train. A bare word is short for the method: quantize: shared. Left out, they keep all their bits."`
	MeasureLatency bool       `json:"measure_latency,omitempty" yaml:"measure_latency" default:"false" unless:"exec" doc:"Measure with every evaluation how long the network takes for one sample on the machine of the worker: the one number that differs from machine to machine. A sweep with the objective latency does so by itself."`
	Exec           *Exec      `json:"exec,omitempty" yaml:"exec,omitempty" show:"false" doc:"A program of another language that does the steps, instead of network, data, train, prune and quantize. See [exec-trainer.md](exec-trainer.md)."`
	Durability     Durability `json:"durability" yaml:"durability" doc:"How much work a crash may cost and how soon it is noticed. Nothing here changes the numbers."`
	Resources      Resources  `json:"resources" yaml:"resources" doc:"Where the steps run. Nothing here changes the numbers."`
	Sweep          *Sweep     `json:"sweep,omitempty" yaml:"sweep,omitempty" show:"false" doc:"What is varied to make many runs of the spec. Left out, there is one run."`
}

// Network chooses an architecture of package zoo, with weights of its own or
// read from a file, or a network that a file holds altogether.
type Network struct {
	Arch      string  `json:"arch,omitempty" yaml:"arch,omitempty" show:"true" words:"@zoo" example:"lenet-300-100" doc:"The architecture; required unless onnx or checkpoint gives the network."`
	Hidden    []int   `json:"hidden,omitempty" yaml:"hidden,omitempty" range:"[1,1048576]" example:"[500, 300]" doc:"Widths of the hidden layers; for arch mlp, which needs it, and for no other."`
	Dropout   float64 `json:"dropout,omitempty" yaml:"dropout" default:"0" unit:"fraction" range:"[0,1)" doc:"Share of the activations that is dropped in training: after each hidden linear layer, before the head of vgg, after each layer of densenet."`
	BatchNorm bool    `json:"batch_norm,omitempty" yaml:"batch_norm" default:"false" doc:"Batch normalization behind each hidden layer; for perceptrons and lenet-5."`
	Width     float64 `json:"width,omitempty" yaml:"width,omitempty" range:"(0,1024]" example:"0.5" doc:"Factor of every channel count, 1 when left out; for convolutional networks."`
	Shortcut  string  `json:"shortcut,omitempty" yaml:"shortcut,omitempty" words:"@shortcuts" example:"B" doc:"How residual blocks change the shape: A pads with zeros, B projects; A when left out; for resnet-20 to resnet-110."`
	Growth    int     `json:"growth,omitempty" yaml:"growth,omitempty" range:"[1,1048576]" example:"24" doc:"Channels that each layer adds, 12 when left out; for densenet."`
	Stem      int     `json:"stem,omitempty" yaml:"stem,omitempty" range:"[1,1048576]" example:"24" doc:"Channels of the first convolution, 16 when left out; for densenet."`
	Head      string  `json:"head,omitempty" yaml:"head,omitempty" words:"@heads" example:"li" doc:"The classifier: linear is one layer, li has 512 hidden neurons; linear when left out; for vgg."`
	Weights   string  `json:"weights,omitempty" yaml:"weights,omitempty" example:"./resnet20.th" doc:"File with the first weights for arch, relative to the spec's own folder: a PyTorch state dict (.pt, .pth, .th) or safetensors. Left out, they are drawn from the seed."`
	ONNX      string  `json:"onnx,omitempty" yaml:"onnx,omitempty" example:"./model.onnx" doc:"ONNX file with the network and its first weights, relative to the spec's own folder; instead of arch."`

	ReLU       bool   `json:"relu,omitempty" yaml:"relu" default:"false" doc:"ReLU behind each convolution; for lenet-5, whose published form has none there."`
	Checkpoint string `json:"checkpoint,omitempty" yaml:"checkpoint,omitempty" pattern:"[0-9a-f]{64}" example:"a8f0fa6670074ac5e81bcc9cbf18fd336c949db00e5966b3621f68c2025e9d77" doc:"Digest of a checkpoint in the store, whose network the run begins with; instead of arch."`
	Fresh      bool   `json:"fresh,omitempty" yaml:"fresh" default:"false" doc:"Take only the architecture of checkpoint: no masks, and weights drawn anew from the seed. It is the control that a pruned network is compared with (Liu et al. 2019)."`
	Trained    bool   `json:"trained,omitempty" yaml:"trained" default:"false" doc:"Take the network of checkpoint, weights or onnx as it is: it is not trained before it is pruned, and train only says what prune.finetune leaves open."`
	// FileDigest is the SHA-256 of the file of Weights or ONNX. Load fills it
	// in: it stands for the file in identities and step keys.
	FileDigest string `json:"file_digest,omitempty" yaml:"-"`
}

// Data chooses a data set of package data.
type Data struct {
	Name       string    `json:"name" yaml:"name" required:"true" words:"@data" example:"digits" doc:"The data set. digits is built in; the others are read from files."`
	Path       string    `json:"path,omitempty" yaml:"path,omitempty" example:"./data/mnist" doc:"Folder of the files, relative to the spec's own folder; for every data set but digits."`
	Train      int       `json:"train,omitempty" yaml:"train" default:"0" range:"[0,)" doc:"Use only the first so many training samples; 0 is all."`
	Test       int       `json:"test,omitempty" yaml:"test" default:"0" range:"[0,)" doc:"Use only the first so many test samples; 0 is all."`
	Validation int       `json:"validation,omitempty" yaml:"validation" default:"0" range:"[0,)" doc:"Hold out so many of the last training samples; early stopping and selection look at them instead of the test set."`
	ExtraTest  string    `json:"extra_test,omitempty" yaml:"extra_test,omitempty" example:"./data/cifar10-official-test" doc:"File or folder of more test samples, relative to the spec's own folder, whose accuracy is measured as well; for cifar10 and cifar100."`
	Normalize  Normalize `json:"normalize,omitzero" yaml:"normalize,omitempty" doc:"What pixels in 0 to 1 become inputs by: less the mean, over the deviation. Left out, both are measured on the training samples."`
	Augment    Augment   `json:"augment,omitzero" yaml:"augment,omitempty" doc:"How training images are varied from epoch to epoch. Left out, they are not."`
}

// Normalize is a normalization that is told, as networks that were trained
// elsewhere need it.
type Normalize struct {
	Mean      []float64 `json:"mean" yaml:"mean,omitempty" range:"[0,1]" example:"[0.485, 0.456, 0.406]" doc:"Of each channel, of pixels in 0 to 1."`
	Deviation []float64 `json:"deviation" yaml:"deviation,omitempty" range:"(0,1]" example:"[0.229, 0.224, 0.225]" doc:"Of each channel, of pixels in 0 to 1."`
}

// Augment is how training images are varied. Each image in each epoch has its
// own variation, drawn from the seed.
type Augment struct {
	Shift int  `json:"shift,omitempty" yaml:"shift" default:"0" range:"[0,)" example:"4" doc:"Largest shift in pixels, up, down, left and right; what comes in from outside is black."`
	Flip  bool `json:"flip,omitempty" yaml:"flip" default:"false" doc:"Mirror half of the images left to right."`
}

// Train says how a network is trained.
type Train struct {
	Epochs         int       `json:"epochs" yaml:"epochs" required:"true" range:"[1,)" example:"10" doc:"Passes over the training data."`
	Batch          int       `json:"batch" yaml:"batch" default:"128" range:"[1,)" doc:"Samples in one step of the optimizer."`
	Optimizer      Optimizer `json:"optimizer" yaml:"optimizer" required:"true" doc:"The rule that turns gradients into steps: exactly one of its keys. A bare word is short for its defaults: optimizer: adam."`
	Schedule       Schedule  `json:"schedule" yaml:"schedule" doc:"The course of the learning rate. A bare word is short for its kind: schedule: cosine."`
	L1             Penalty   `json:"l1,omitzero" yaml:"l1,omitempty" doc:"Coefficients of the sum of absolute values. A bare number is short for that of the weights: l1: 1e-5."`
	L2             Penalty   `json:"l2,omitzero" yaml:"l2,omitempty" doc:"Coefficients of half the sum of squares. A bare number is short for that of the weights."`
	ISTA           *ISTA     `json:"ista,omitempty" yaml:"ista,omitempty" show:"false" doc:"Proximal steps on the scales of batch normalization (Ye et al. 2018), which make some of them exactly 0. A bare number is short for rho. Left out, there are none."`
	Clip           float64   `json:"clip,omitempty" yaml:"clip" default:"0" range:"[0,)" doc:"Largest 2-norm of all gradients together, longer ones are scaled down to it; 0 is off."`
	LabelSmoothing float64   `json:"label_smoothing,omitempty" yaml:"label_smoothing" default:"0" unit:"fraction" range:"[0,1)" doc:"Share of the target that is spread evenly over all classes (Szegedy et al. 2016)."`
	EMA            float64   `json:"ema,omitempty" yaml:"ema" default:"0" range:"[0,1)" doc:"Decay of an exponential moving average of all weights and running statistics, which is then the result: 0.999; 0 is off."`
	EvaluateEvery  int       `json:"evaluate_every,omitempty" yaml:"evaluate_every" default:"0" range:"[0,)" doc:"Measure the accuracy after every so many epochs as well, on the validation samples or, without any, the test samples; 0 is only at the end. The weights do not depend on it."`
	Seed           uint64    `json:"seed" yaml:"seed" default:"1" doc:"The seed of the first weights, the order and variation of the data and dropout. The same seed gives the same bits."`
	// Distill is prune.finetune's, in what [Spec.FinetuneTrain] answers.
	Distill *Distill `json:"distill,omitempty" yaml:"-"`
}

// ISTA is the training with proximal steps on the scales of batch
// normalization after Ye et al. 2018, section 4.
type ISTA struct {
	Rho   float64 `json:"rho" yaml:"rho" bare:"true" required:"true" range:"(0,)" example:"0.01" doc:"Strength of the pull towards 0, times a weight of each layer that grows with what one of its channels costs."`
	Alpha float64 `json:"alpha" yaml:"alpha" default:"1" range:"(0,1]" doc:"Factor that all scales are multiplied by at first, and the layers behind them divided by: a smaller one lets more of them reach 0 sooner."`
}

// Optimizer is exactly one of its members.
type Optimizer struct {
	SGD   *SGD  `json:"sgd,omitempty" yaml:"sgd,omitempty" choice:"true" doc:"Stochastic gradient descent."`
	Adam  *Adam `json:"adam,omitempty" yaml:"adam,omitempty" choice:"true" doc:"Adam (Kingma and Ba 2015); weight decay is added to the gradient."`
	AdamW *Adam `json:"adamw,omitempty" yaml:"adamw,omitempty" choice:"true" example:"{lr: 0.001, weight_decay: 0.01}" doc:"Adam with decoupled weight decay (Loshchilov and Hutter 2019)."`
}

// SGD is stochastic gradient descent.
type SGD struct {
	LR          float64 `json:"lr" yaml:"lr" required:"true" range:"(0,)" example:"0.05" doc:"The learning rate that the schedule scales."`
	Momentum    float64 `json:"momentum,omitempty" yaml:"momentum" show:"true" default:"0" range:"[0,1)" example:"0.9" doc:"Share of the last step that goes on in this one."`
	Nesterov    bool    `json:"nesterov,omitempty" yaml:"nesterov" default:"false" doc:"Look ahead along the momentum, which must be above 0."`
	WeightDecay float64 `json:"weight_decay,omitempty" yaml:"weight_decay" default:"0" range:"[0,)" example:"5e-4" doc:"Pull of the weights towards 0; biases and batch normalization are left alone."`

	WeightDecayOn []string `json:"weight_decay_on,omitempty" yaml:"weight_decay_on,omitempty" words:"@roles" example:"[weights, biases, gamma, beta]" doc:"What weight_decay pulls on; weights alone when left out."`
}

// Adam is Adam (Kingma and Ba 2015) or, as adamw, with decoupled weight decay
// (Loshchilov and Hutter 2019).
type Adam struct {
	LR          float64 `json:"lr" yaml:"lr" default:"0.001" range:"(0,)" doc:"The learning rate that the schedule scales."`
	Beta1       float64 `json:"beta1" yaml:"beta1" default:"0.9" range:"[0,1)" doc:"Decay of the mean of the gradients."`
	Beta2       float64 `json:"beta2" yaml:"beta2" default:"0.999" range:"[0,1)" doc:"Decay of the mean of their squares."`
	Eps         float64 `json:"eps" yaml:"eps" default:"1e-8" range:"(0,)" doc:"Added to the root of that mean, against division by 0."`
	WeightDecay float64 `json:"weight_decay,omitempty" yaml:"weight_decay" default:"0" range:"[0,)" doc:"Pull of the weights towards 0; biases and batch normalization are left alone."`

	WeightDecayOn []string `json:"weight_decay_on,omitempty" yaml:"weight_decay_on,omitempty" words:"@roles" example:"[weights, biases]" doc:"What weight_decay pulls on; weights alone when left out."`
}

// Schedule is the course of the learning rate. In YAML a bare word is short
// for its kind: "schedule: cosine".
type Schedule struct {
	Kind   string  `json:"kind" yaml:"kind" bare:"true" default:"constant" words:"constant,cosine,step,one-cycle" doc:"The form of the curve."`
	Warmup int     `json:"warmup,omitempty" yaml:"warmup" default:"0" range:"[0,)" doc:"Epochs in which the rate first grows from nothing; for one-cycle the length of its rise, 0 is 30 % of the epochs."`
	Every  int     `json:"every,omitempty" yaml:"every,omitempty" range:"[1,)" example:"30" doc:"Epochs between two drops; for kind step, which needs it or at, and for no other."`
	At     []int   `json:"at,omitempty" yaml:"at,omitempty" range:"[1,)" example:"[80, 120]" doc:"The epochs after which the rate drops, instead of every; for kind step."`
	Factor float64 `json:"factor,omitempty" yaml:"factor,omitempty" range:"(0,1]" example:"0.1" doc:"Multiplier of each drop, 0.1 when left out; for kind step."`
	Final  float64 `json:"final,omitempty" yaml:"final" default:"0" unit:"fraction" range:"[0,1]" doc:"Where the rate ends, as a share of lr; for kinds cosine and one-cycle."`
}

// Durability says how much work a crash may cost and how soon it is noticed.
type Durability struct {
	CheckpointEvery  Duration `json:"checkpoint_every" yaml:"checkpoint_every" default:"30s" range:"[100ms,)" doc:"Time between two checkpoints, and so the most work that a crash costs."`
	HeartbeatTimeout Duration `json:"heartbeat_timeout" yaml:"heartbeat_timeout" default:"10s" range:"[1s,)" doc:"A worker that is silent for so long is given up, and another one goes on with its step."`
	StepTimeout      Duration `json:"step_timeout" yaml:"step_timeout" default:"24h" range:"[1s,)" doc:"The longest that one attempt of one step may take; longer than the two above."`
}

// Resources say where steps run.
type Resources struct {
	Queue string `json:"queue" yaml:"queue" default:"cpu" pattern:"[a-z0-9][a-z0-9._-]{0,62}" doc:"The queue whose workers run the steps: small letters, digits, dots, hyphens and underscores."`
	// Priority is 0 where it was left out, so that older specs are what they were.
	Priority int `json:"priority,omitempty" yaml:"priority,omitempty" range:"[1,5]" example:"2" doc:"Which steps the workers of the queue take first: 1 before 2, and 5 last; 3 when left out. Among equals runs and sweeps take turns."`

	Cores     int     `json:"cores,omitempty" yaml:"cores,omitempty" range:"[1,)" example:"8" doc:"Processor cores that a worker must have to take the steps."`
	Memory    float64 `json:"memory,omitempty" yaml:"memory,omitempty" range:"(0,)" example:"16" doc:"Memory in GiB that a worker must have."`
	GPUs      int     `json:"gpus,omitempty" yaml:"gpus,omitempty" range:"[1,64]" example:"1" doc:"GPUs that each step gets for itself; for steps of a trainer (exec), which sees no others."`
	GPUMemory float64 `json:"gpu_memory,omitempty" yaml:"gpu_memory,omitempty" range:"(0,)" example:"40" doc:"Memory in GiB that each of the GPUs must have."`
	GPUType   string  `json:"gpu_type,omitempty" yaml:"gpu_type,omitempty" pattern:"[A-Za-z0-9 ._-]{1,60}" example:"A100" doc:"What must be part of the name of each of the GPUs, as nvidia-smi has it, in letters of any case."`
}

// Demands are what a worker must have beyond serving the queue; nil if it is
// nothing.
func (r Resources) Demands() *Resources {
	r.Queue, r.Priority = "", 0
	if r == (Resources{}) {
		return nil
	}
	return &r
}
