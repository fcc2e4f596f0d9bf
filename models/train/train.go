// Package train is the loop that trains a network: epochs and batches, the
// learning-rate schedules, regularization, and the optimizers with their state.
//
// An engine computes gradients; everything that is remembered from one step to
// the next is here. That makes training a value: after any step [Trainer.Snapshot]
// gives a checkpoint, and [New] with it goes on as if nothing had happened, to
// the bit. It works because nothing else has a memory: learning rate, data
// order and dropout are functions of the position, the [checkpoint.Cursor].
//
// One step is, in this order:
//
//  1. the gradient of the mean cross-entropy of one batch, from the engine, or
//     of the loss of distillation, for which a [Teacher] sees the batch first;
//  2. masked, so that pruned weights have no gradient;
//  3. plus the gradients of L1 and L2, on the parameters that they are for, and
//     summed over the weights of each centroid, where weights are tied;
//  4. scaled down to the norm Clip;
//  5. the optimizer's update, with its weight decay, on weights as a rule, or on
//     the centroids that stand for them;
//  6. masked weights set to exactly +0. Their momentum and moments are 0 too;
//  7. the proximal steps, on the parameters that they are for; tied weights take
//     the values of their centroids;
//  8. the moving average of all parameters, if there is one.
//
// Batch normalization's running statistics move in the engine. They are
// parameters without a gradient: part of every snapshot, averaged, and left
// alone by everything else.
//
// The package knows no clock, no store and no data set: who drives the trainer
// decides when to take a snapshot and where to put it.
package train

import (
	"errors"
	"fmt"
	"slices"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/engine"
)

// Source gives the batches of each epoch. The same epoch and number must
// always give the same samples; *data.Loader is one.
type Source interface {
	// Batches is the number of batches in each epoch.
	Batches() int
	// Batch returns batch i, from 0, of an epoch, from 0: n samples of the
	// network's input shape and n labels, valid until the next call.
	Batch(epoch, i int) (x []float32, labels []int32, err error)
}

// ErrDone is the answer to a step past the last one.
var ErrDone = errors.New("training is done")

// Progress tells about one optimizer step.
type Progress struct {
	Cursor   checkpoint.Cursor // after the step; its sums are 0 at the end of an epoch
	Epochs   int               // after which the training is done
	Batches  int               // of each epoch
	LR       float64           // learning rate of the step
	Loss     float64           // mean loss of the batch, in nats, before the update: [engine.Loss]
	MeanLoss float64           // over the samples of this step's epoch so far
	Accuracy float64           // share of those samples classified right, each before its update
}

// Trainer trains one network in one session. It belongs to one goroutine.
type Trainer struct {
	o       Options
	net     *models.Network
	sess    engine.Session
	src     Source
	params  []engine.Param // all
	trained []trained      // those with gradients
	opt     *optimizer
	ema     *average // nil if none
	teacher Teacher  // of distillation
	batches int
	cursor  checkpoint.Cursor
}

// New prepares the training of net in sess, a session that was opened from net
// or from a network of the same layout and masks. The session's parameters are
// set to net's; net itself does not change. resume is nil to begin, otherwise
// the training state of the checkpoint whose network net is. A state that does
// not fit the options or the network is an error.
func New(net *models.Network, sess engine.Session, src Source, o Options, resume *checkpoint.Training) (*Trainer, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	t := &Trainer{o: o, net: net.Clone(), sess: sess, src: src, params: sess.Params(), batches: src.Batches()}
	if t.batches < 1 {
		return nil, fmt.Errorf("train: the data gives %d batches an epoch, want at least 1", t.batches)
	}
	if err := t.load(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	var err error
	if t.trained, err = o.trainedParams(t.net, t.params); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	t.opt = newOptimizer(o.Optimizer, t.trained)
	t.ema = newAverage(o.averaging(), t.params)
	if resume != nil {
		if err := t.restore(resume); err != nil {
			return nil, fmt.Errorf("train: resume: %w", err)
		}
	}
	return t, nil
}

// load sets the session's parameters to the network's.
func (t *Trainer) load() error {
	if len(t.params) != len(t.net.Params) {
		return fmt.Errorf("the session has %d parameters, network %s has %d", len(t.params), t.net.Name, len(t.net.Params))
	}
	for i, p := range t.net.Params {
		q := t.params[i]
		if q.Name != p.Name || q.Role != p.Role || len(q.Value) != len(p.Data) || len(q.Grad) != gradients(p) {
			return fmt.Errorf("the session has parameter %s of %d values, network %s has %s of %d here",
				q.Name, len(q.Value), t.net.Name, p.Name, len(p.Data))
		}
		if !slices.Equal(q.Mask, p.Mask) {
			return fmt.Errorf("the session's mask of %s is not that of network %s", p.Name, t.net.Name)
		}
		copy(q.Value, p.Data)
	}
	return nil
}

// gradients is how many elements of p have one.
func gradients(p *models.Param) int {
	if !p.Role.Trained() {
		return 0
	}
	return len(p.Data)
}

// Done says whether the last step has been taken.
func (t *Trainer) Done() bool { return t.cursor.Epoch >= t.o.last() }

// Cursor is the position: what has been completed.
func (t *Trainer) Cursor() checkpoint.Cursor { return t.cursor }

// Step takes one optimizer step. It answers ErrDone after the last one, and a
// *[DivergedError] where training has left the realm of numbers, after which
// the trainer is of no more use. An error of the source changes nothing: the
// step can be tried again.
func (t *Trainer) Step() (Progress, error) {
	if t.Done() {
		return Progress{}, ErrDone
	}
	x, labels, err := t.src.Batch(t.cursor.Epoch, t.cursor.Batch)
	if err == nil {
		err = t.fits(x, labels)
	}
	if err != nil {
		return Progress{}, fmt.Errorf("train: epoch %d, batch %d: %w", t.cursor.Epoch, t.cursor.Batch, err)
	}
	var loss engine.Loss
	if err = t.teach(x, len(labels)); err == nil {
		loss, err = t.sess.Backward(x, labels, t.cursor.Step)
	}
	if err != nil {
		return Progress{}, fmt.Errorf("train: step %d: %w", t.cursor.Step, err)
	}
	lr := LR(t.o.Schedule, t.o.Optimizer.LR, t.cursor.Step, t.batches, t.o.Epochs)
	if err := t.update(loss, lr); err != nil {
		return Progress{}, err
	}
	return t.advance(len(labels), loss, lr), nil
}

// fits checks a batch of the source, before it reaches the engine.
func (t *Trainer) fits(x []float32, labels []int32) error {
	if n := len(labels); n < 1 || n > t.o.Batch {
		return fmt.Errorf("%d samples, want 1 to %d", n, t.o.Batch)
	}
	if want := len(labels) * t.net.Input.Size(); len(x) != want {
		return fmt.Errorf("%d input values for %d samples, want %d", len(x), len(labels), want)
	}
	return nil
}

// update changes the parameters by the gradients that the session holds. At
// the end of an epoch it looks whether they are still numbers.
func (t *Trainer) update(loss engine.Loss, lr float64) error {
	if !finite(loss.Mean) || !objective(t.trained, t.o.Clip) {
		return t.diverged(loss, "")
	}
	t.opt.step(t.cursor.Step+1, lr)
	t.ema.step(t.cursor.Step + 1)
	if t.cursor.Batch+1 < t.batches {
		return nil
	}
	for _, p := range t.params {
		if slices.ContainsFunc(p.Value, func(w float32) bool { return w-w != 0 }) { // NaN or infinite
			return t.diverged(loss, p.Name)
		}
	}
	return nil
}

func (t *Trainer) diverged(loss engine.Loss, param string) error {
	return &DivergedError{Step: t.cursor.Step, Loss: loss.Mean, LR: t.o.Optimizer.LR, Param: param}
}

// advance moves the cursor past a step of n samples.
func (t *Trainer) advance(n int, loss engine.Loss, lr float64) Progress {
	c := &t.cursor
	c.Step++
	c.Batch++
	c.Seen += n
	c.Correct += loss.Correct
	c.LossSum += loss.Mean * float64(n)
	p := Progress{
		Epochs: t.o.last(), Batches: t.batches, LR: lr, Loss: loss.Mean,
		MeanLoss: c.LossSum / float64(c.Seen), Accuracy: float64(c.Correct) / float64(c.Seen),
	}
	if c.Batch == t.batches {
		*c = checkpoint.Cursor{Epoch: c.Epoch + 1, Step: c.Step}
	}
	p.Cursor = *c
	return p
}

// Result is a copy of the network as it is now: the one that is trained or,
// once Done, the average of Options.EMA, if there is one.
func (t *Trainer) Result() *models.Network {
	if t.Done() {
		return t.Candidate()
	}
	return t.network(func(i int) []float32 { return t.params[i].Value })
}

// Candidate is a copy of the network that the result would be if the training
// ended here: the average, if there is one, but for zeros of proximal steps.
func (t *Trainer) Candidate() *models.Network {
	if t.ema == nil {
		return t.network(func(i int) []float32 { return t.params[i].Value })
	}
	net := t.network(func(i int) []float32 { return t.ema.shadow[i] })
	for i := range t.trained {
		p := &t.trained[i]
		average := net.Param(p.Name).Data
		p.settle(average)
		p.agree(average)
	}
	return net
}

// network is a copy of the network with other values.
func (t *Trainer) network(values func(i int) []float32) *models.Network {
	net := t.net.Clone()
	for i, p := range net.Params {
		copy(p.Data, values(i))
	}
	return net
}
