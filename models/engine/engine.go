// Package engine is where a network computes: forward passes, losses and
// gradients. It defines what an engine is; package engine/gorgonia is the
// default one, and the only place that knows Gorgonia.
//
// An engine computes gradients and nothing more: the optimizer and its state
// belong to package train, so that they can be checkpointed.
package engine

import "espalier/models"

// Options say how a session is to run.
type Options struct {
	Batch int    // the largest number of samples in one call
	Seed  uint64 // of the dropout masks
	// LabelSmoothing, in [0, 1), is the share of the target that is spread
	// evenly over all classes (Szegedy et al. 2016, section 7).
	LabelSmoothing float64
	// Distill adds a teacher's logits to the loss: see [Session.Teach].
	Distill Distillation
	// Inference opens a session that only runs Forward and whose parameters do
	// not change: batch normalization is folded into the layers before it, once.
	Inference bool
	// Forms say in which form an inference session keeps the weights of its
	// convolutions and linear layers, by node; those that are absent are [Dense].
	Forms map[string]Form
}

// Form is how the weights of a layer are kept for inference.
type Form string

// The forms. Results of different forms differ by rounding alone, and where an
// activation is infinite or no number: a weight of 0 that is not kept does not
// see it.
const (
	Dense  Form = "dense"  // all weights
	Sparse Form = "sparse" // those that are not 0, and where they are
	Shared Form = "shared" // codes of at most 256 values, and where they are if many are 0
)

// Fingerprint says what the bits of a result depend on beyond the code: two
// machines with equal fingerprints compute equal bits.
type Fingerprint struct {
	Engine  string `json:"engine"`  // name and numeric version, part of every step key: "gorgonia/1"
	CPU     string `json:"cpu"`     // model and instruction sets
	BLAS    string `json:"blas"`    // library, version and kernel: "openblas 0.3.21 zen", "gonum 0.17.0"
	Threads int    `json:"threads"` // worker threads
}

// Engine opens sessions. It is safe for concurrent use.
type Engine interface {
	Fingerprint() Fingerprint
	// Open builds the training and inference programs of net. The session
	// copies the parameters' values and masks; Close frees its memory.
	Open(net *models.Network, o Options) (Session, error)
}

// Session trains and runs one network. It owns its memory and belongs to one
// goroutine.
type Session interface {
	// Backward computes the mean softmax cross-entropy loss of a batch and the
	// gradient of every parameter. x is n samples of the input shape, labels
	// has n class numbers; n may be less than Options.Batch. step numbers the
	// optimizer step and, with the seed, draws the dropout masks.
	// Gradients are of the loss alone: no regularization, no masking. Batch
	// normalization's running statistics move: mean and variance of
	// Params().Value. Of a batch of one sample of 1 x 1 pixels it has no
	// variance, which is an error.
	// Where Options.Distill is on, the loss is the one that [Distillation]
	// defines, and a batch that was not taught is an error.
	Backward(x []float32, labels []int32, step int64) (Loss, error)
	// Teach gives the teacher's logits of the batch of the next Backward: n x
	// classes, which are copied. It is an error without Options.Distill.
	Teach(logits []float32) error
	// Forward computes the logits of a batch in inference mode: n x classes,
	// valid until the next call.
	Forward(x []float32, n int) ([]float32, error)
	// Params are live views of the session's parameters in the network's order:
	// writing Value changes the session; Grad is valid after Backward, and nil
	// for what is not trained. In an inference session they are read only.
	Params() []Param
	Close() error
}

// Param is a parameter inside a session.
type Param struct {
	Name  string
	Role  models.Role
	Value []float32
	Grad  []float32 // nil for running statistics and in inference sessions
	Mask  []bool    // nil if dense
}

// Loss is what a training batch gave.
type Loss struct {
	Mean    float64 // mean loss, in nats: the cross-entropy, but for distillation
	Correct int     // samples whose largest logit is the label's
}
