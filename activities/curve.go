package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/train"
)

// curve is the course of a training over its epochs. Each look evaluates a copy
// of the network in a session of its own, so that training does not notice. The
// points travel in the training state; a resume goes on with them.
type curve struct {
	a     *attempt
	every int // epochs between two looks; 0 is none
	split *data.Split
	name  string // of the split
	begun time.Time
	seen  checkpoint.Numbers // by key
}

// The numbers of a point.
const (
	curveTrainLoss = "train_loss"
	curveTrainAcc  = "train_accuracy"
	curveLoss      = "loss"
	curveAcc       = "accuracy"
	curveRate      = "lr"      // in the journal only
	curveSeconds   = "seconds" // since the attempt began; in the journal only
)

func curveKey(epoch int, what string) string { return fmt.Sprintf("curve/%d/%s", epoch, what) }

// newCurve goes on with the points of a resumed training. Accuracy is that on
// the validation samples or, without any, the test samples.
func newCurve(a *attempt, every int, set *data.Dataset, from *checkpoint.Training) *curve {
	c := &curve{a: a, every: every, split: set.Validation, name: "validation", begun: time.Now(), seen: checkpoint.Numbers{}}
	if c.split.Len() == 0 {
		c.split, c.name = set.Test, "test"
	}
	if from == nil {
		return c
	}
	for epoch := range from.Cursor.Epoch {
		for _, what := range []string{curveTrainLoss, curveTrainAcc, curveLoss, curveAcc} {
			if v, ok := from.Numbers[curveKey(epoch+1, what)]; ok {
				c.seen[curveKey(epoch+1, what)] = v
			}
		}
	}
	return c
}

// see notes the training's own numbers at the end of an epoch, in the journal
// for whoever looks, and in the training state only where a curve is asked for.
func (c *curve) see(p train.Progress) {
	if p.Cursor.Batch != 0 {
		return
	}
	c.a.journal.Note(checkpoint.Numbers{
		curveKey(p.Cursor.Epoch, curveTrainLoss): p.MeanLoss, curveKey(p.Cursor.Epoch, curveTrainAcc): p.Accuracy,
		curveKey(p.Cursor.Epoch, curveRate): p.LR, curveKey(p.Cursor.Epoch, curveSeconds): time.Since(c.begun).Seconds(),
	})
	if c.every == 0 {
		return
	}
	c.seen[curveKey(p.Cursor.Epoch, curveTrainLoss)] = p.MeanLoss
	c.seen[curveKey(p.Cursor.Epoch, curveTrainAcc)] = p.Accuracy
}

// due says whether the trainer stands at the end of an epoch that wants a look
// and has had none.
func (c *curve) due(trainer *train.Trainer) bool {
	at := trainer.Cursor()
	if c.every == 0 || at.Batch != 0 || at.Epoch == 0 || (at.Epoch%c.every != 0 && !trainer.Done()) {
		return false
	}
	_, had := c.seen[curveKey(at.Epoch, curveAcc)]
	return !had
}

// look evaluates if it is due. An interruption leaves it due.
func (c *curve) look(ctx context.Context, trainer *train.Trainer) error {
	if !c.due(trainer) {
		return nil
	}
	epoch := trainer.Cursor().Epoch
	within, cancel := c.undrained(ctx, trainer)
	defer cancel()
	e, err := c.a.steps.accuracy(within, trainer.Candidate(), c.split)
	if err != nil {
		if within.Err() != nil && !trainer.Done() {
			return nil // the step's own loop finds out why
		}
		return err
	}
	c.seen[curveKey(epoch, curveLoss)], c.seen[curveKey(epoch, curveAcc)] = e.Loss, e.Accuracy
	c.a.journal.Note(checkpoint.Numbers{curveKey(epoch, curveLoss): e.Loss, curveKey(epoch, curveAcc): e.Accuracy})
	c.a.pulse.set(func(g *Progress) { g.Look = &Look{Split: c.name, Epoch: epoch, Accuracy: e.Accuracy} })
	c.a.log.Info("epoch done", "epoch", epoch,
		"train_loss", c.seen[curveKey(epoch, curveTrainLoss)], "train_accuracy", c.seen[curveKey(epoch, curveTrainAcc)],
		c.name+"_accuracy", e.Accuracy, "seconds", int(time.Since(c.begun).Seconds()))
	return nil
}

// undrained is ctx that also ends when the worker is told to stop. After the
// last step it does not: there is nothing to go on from but the step before.
func (c *curve) undrained(ctx context.Context, trainer *train.Trainer) (context.Context, context.CancelFunc) {
	within, cancel := context.WithCancel(ctx)
	if trainer.Done() {
		return within, cancel
	}
	go func() {
		select {
		case <-c.a.drain:
			cancel()
		case <-within.Done():
		}
	}()
	return within, cancel
}

// keep puts the points into a training state.
func (c *curve) keep(t *checkpoint.Training) {
	if t == nil {
		return
	}
	for key, v := range c.seen {
		t.Numbers[key] = v
	}
}

// CurvePoint is the state of a training after an epoch, counted from 1.
type CurvePoint struct {
	Epoch         int     `json:"epoch"`
	TrainLoss     float64 `json:"train_loss"`     // mean over the epoch
	TrainAccuracy float64 `json:"train_accuracy"` // of the epoch's samples, each before its update
	Loss          float64 `json:"loss"`           // of the network after the epoch, on Curve.Split
	Accuracy      float64 `json:"accuracy"`
}

// Look is the accuracy after an epoch, counted from 1.
type Look struct {
	Split    string  `json:"split"` // "validation" or "test"
	Epoch    int     `json:"epoch"`
	Accuracy float64 `json:"accuracy"`
}

// Curve is the detail of a training's result, if it was evaluated on the way.
type Curve struct {
	Split  string       `json:"split"` // "validation" or "test"
	Points []CurvePoint `json:"points"`
}

// detail is the curve as JSON; nil if there is none.
func (c *curve) detail() (json.RawMessage, error) {
	if c.every == 0 {
		return nil, nil
	}
	all := Curve{Split: c.name}
	for epoch := 1; ; epoch++ {
		loss, ok := c.seen[curveKey(epoch, curveTrainLoss)]
		if !ok {
			break
		}
		p := CurvePoint{Epoch: epoch, TrainLoss: loss, TrainAccuracy: c.seen[curveKey(epoch, curveTrainAcc)]}
		if p.Accuracy, ok = c.seen[curveKey(epoch, curveAcc)]; ok {
			p.Loss = c.seen[curveKey(epoch, curveLoss)]
			all.Points = append(all.Points, p)
		}
	}
	return json.Marshal(all)
}
