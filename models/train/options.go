package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/models"
	"espalier/models/engine"
)

// Options say how a network is trained.
type Options struct {
	Epochs int // passes over the data
	// Until, if not 0, is the number of epochs after which the training is done,
	// although its schedule is that of all Epochs: the network as it is early in
	// training, to which a lottery ticket is rewound (Frankle et al. 2020). Where
	// it is less than Epochs no average is taken, for the training that goes on
	// from there begins with the weights themselves.
	Until     int
	Batch     int // the largest number of samples in a step
	Optimizer Optimizer
	Schedule  Schedule
	// L1 and L2 are the coefficients of sum |w| and 1/2 sum w^2. They are part
	// of the objective: their gradient is added before clipping and passes
	// through momentum and Adam's moments. L1 on gammas is the penalty of
	// network slimming (Liu et al. 2017).
	L1, L2 Penalty
	// Proximal are the parameters that are shrunk towards 0 after each step.
	Proximal []Proximal
	// Ties are the parameters whose weights share values. A training that goes on
	// needs the ties that it began with: those of the network at its beginning.
	Ties []Tie
	// MeanGradient moves centroids by the mean of their weights' gradients and
	// not by the sum.
	MeanGradient bool
	// Clip, if not 0, bounds the 2-norm of all gradients together (Pascanu et
	// al. 2013): a longer gradient is scaled down to it.
	Clip float64
	// LabelSmoothing, in [0, 1), is the session's: see [Options.Engine].
	LabelSmoothing float64
	// Distill is the session's too. Where it is on, the trainer wants a teacher:
	// [Trainer.SetTeacher].
	Distill engine.Distillation
	// EMA, if not 0, is the decay, below 1, of an exponential moving average of
	// all parameters and running statistics. The result is then the average;
	// until the training is done the network is the one that is trained. In
	// step t, from 1, the decay is at most (1+t)/(10+t).
	EMA float64
	// Seed is that of the data order and the dropout masks: of the source and
	// the session that the trainer is given. It draws nothing by itself.
	Seed uint64
}

// Validate names the first value that training cannot work with.
func (o Options) Validate() error {
	if o.Epochs < 0 {
		return fmt.Errorf("epochs %d is negative", o.Epochs)
	}
	if o.Until < 0 || o.Until > o.Epochs {
		return fmt.Errorf("until %d is not in 0 to %d, the epochs of the training", o.Until, o.Epochs)
	}
	if o.Batch < 1 {
		return fmt.Errorf("batch %d is not at least 1 sample", o.Batch)
	}
	if err := o.Optimizer.Validate(); err != nil {
		return err
	}
	if err := o.Schedule.Validate(o.Epochs); err != nil {
		return err
	}
	if err := o.L1.validate("l1"); err != nil {
		return err
	}
	if err := o.L2.validate("l2"); err != nil {
		return err
	}
	if err := validProximal(o.Proximal); err != nil {
		return err
	}
	if !(o.LabelSmoothing >= 0 && o.LabelSmoothing < 1) {
		return fmt.Errorf("label_smoothing %g is not in [0, 1)", o.LabelSmoothing)
	}
	if err := o.Distill.Validate(); err != nil {
		return err
	}
	if err := validDecay(o.EMA); err != nil {
		return err
	}
	return notNegative("", setting{"clip", o.Clip})
}

// last is the number of epochs after which the training is done.
func (o Options) last() int {
	if o.Until > 0 {
		return o.Until
	}
	return o.Epochs
}

// averaging is the decay of the average, 0 for none.
func (o Options) averaging() float64 {
	if o.last() < o.Epochs {
		return 0
	}
	return o.EMA
}

// Engine are the options of a session for this training.
func (o Options) Engine() engine.Options {
	return engine.Options{Batch: o.Batch, Seed: o.Seed, LabelSmoothing: o.LabelSmoothing, Distill: o.Distill}
}

// The kinds of optimizers.
const (
	SGD   = "sgd"   // stochastic gradient descent, with momentum if that is not 0
	Adam  = "adam"  // Kingma and Ba 2015; weight decay is added to the gradient
	AdamW = "adamw" // Loshchilov and Hutter 2019; weight decay acts on the weights directly
)

// Optimizer is a rule for turning gradients into steps. The rules are
// PyTorch's, with one difference: unless DecayOn says otherwise, WeightDecay
// acts on weights and leaves biases and batch normalization's gamma and beta
// alone, because a bias that is pulled to zero shifts what the layer computes
// without making it any simpler.
type Optimizer struct {
	Kind string  // sgd, adam or adamw
	LR   float64 // base learning rate, which the schedule scales

	Momentum float64 // sgd: v = Momentum*v + g; w = w - lr*v
	Nesterov bool    // sgd: w = w - lr*(g + Momentum*v)

	WeightDecay float64
	DecayOn     []models.Role // what WeightDecay acts on; empty is weights

	Beta1, Beta2 float64 // adam, adamw: decay of the first and second moment
	Eps          float64 // adam, adamw: added to the root of the second moment
}

// Optimizers returns the kinds of optimizers.
func Optimizers() []string { return []string{SGD, Adam, AdamW} }

// Validate names the first value that the optimizer cannot work with.
func (o Optimizer) Validate() error {
	if !slices.Contains(Optimizers(), o.Kind) {
		return fmt.Errorf("optimizer %q is not known, want one of %s", o.Kind, strings.Join(Optimizers(), ", "))
	}
	if !(o.LR > 0 && o.LR <= math.MaxFloat32) {
		return fmt.Errorf("optimizer %s: lr %g is not a positive number", o.Kind, o.LR)
	}
	if err := notNegative("optimizer "+o.Kind+": ", setting{"weight_decay", o.WeightDecay}); err != nil {
		return err
	}
	for _, role := range o.DecayOn {
		if !role.Trained() {
			return fmt.Errorf("optimizer %s: weight decay on %s, which is not trained", o.Kind, role)
		}
	}
	if o.Kind == SGD {
		return o.validateSGD()
	}
	return o.validateAdam()
}

func (o Optimizer) validateSGD() error {
	if !(o.Momentum >= 0 && o.Momentum < 1) {
		return fmt.Errorf("optimizer %s: momentum %g is not in [0, 1)", o.Kind, o.Momentum)
	}
	if o.Nesterov && o.Momentum == 0 {
		return fmt.Errorf("optimizer %s: nesterov wants a momentum above 0", o.Kind)
	}
	return nil
}

func (o Optimizer) validateAdam() error {
	if !(o.Beta1 >= 0 && o.Beta1 < 1) {
		return fmt.Errorf("optimizer %s: beta1 %g is not in [0, 1)", o.Kind, o.Beta1)
	}
	if !(o.Beta2 >= 0 && o.Beta2 < 1) {
		return fmt.Errorf("optimizer %s: beta2 %g is not in [0, 1)", o.Kind, o.Beta2)
	}
	if !(float32(o.Eps) > 0 && o.Eps <= math.MaxFloat32) { // 0/0 would be NaN where a gradient has always been 0
		return fmt.Errorf("optimizer %s: eps %g is not a positive 32-bit number", o.Kind, o.Eps)
	}
	return nil
}

// slotNames names the tensors that the optimizer keeps for each parameter, by
// PyTorch's names.
func (o Optimizer) slotNames() []string {
	switch {
	case o.Kind != SGD:
		return []string{"exp_avg", "exp_avg_sq"}
	case o.Momentum > 0:
		return []string{"momentum"}
	default:
		return nil
	}
}

// setting is a value and the user's name for it.
type setting struct {
	name  string
	value float64
}

func notNegative(prefix string, settings ...setting) error {
	for _, s := range settings {
		if !(s.value >= 0 && s.value <= math.MaxFloat32) {
			return fmt.Errorf("%s%s %g is not a number of at least 0", prefix, s.name, s.value)
		}
	}
	return nil
}
