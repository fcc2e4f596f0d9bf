package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Names on the wire between a sweep and its trials.
const (
	// NameTrial is the workflow type of a trial: a run that a sweep started.
	NameTrial = "espalier.trial"
	// signalNews carries what a trial has reached to its sweep.
	signalNews = "trial"
	// signalAsk asks a trial for news once it has a number of links.
	signalAsk = "ask"
	// signalHalt gives a trial up at the pass that it has got to.
	signalHalt = "halt"
)

// errHalted ends the step of a trial that was given up.
var errHalted = errors.New("the sweep has given the trial up")

// TrialPart is what makes a run a trial of a sweep.
type TrialPart struct {
	Sweep      string   `json:"sweep"` // workflow id
	Number     int      `json:"number"`
	To         int      `json:"to"` // the last pass; a network is quantized after all of them only
	Objectives []string `json:"objectives"`
	Asked      []int    `json:"asked,omitempty"` // the numbers of links that the sweep waits for
	// Lean trials have their last news in their result, which costs no message,
	// and keep their record without a step. Those of older sweeps are not.
	Lean bool `json:"lean,omitempty"`
	// Adopted says that the sweep has continued as new since: it does not hear
	// of the result.
	Adopted bool `json:"adopted,omitempty"`
}

// TrialResult is what a trial ends with.
type TrialResult struct {
	Result
	News *trialNews `json:"news,omitempty"` // where the sweep was not told by a signal
}

// ask is for news once there are so many links, or at once. With Hush it is for
// none so long, not even this once: the sweep continues as new meanwhile, which
// it cannot while news comes.
type ask struct {
	Links int           `json:"links"`
	Hush  time.Duration `json:"hush,omitempty"`
}

// trialNews is what a trial has reached, all of it in each message, so that one
// that is lost or comes twice does no harm.
type trialNews struct {
	Trial  int           `json:"trial"`
	To     int           `json:"to"`
	Links  int           `json:"links"`
	Rows   int           `json:"rows"`
	Points []trialPoint  `json:"points,omitempty"`
	Last   *Row          `json:"last,omitempty"` // the last that is kept
	Busy   time.Duration `json:"busy,omitempty"` // of its steps since the last news, waiting for a worker counted
	Dense  *dense        `json:"dense,omitempty"`
	End    string        `json:"end,omitempty"` // StateDone, StateFailed or StateCancelled once it has ended
	Why    string        `json:"why,omitempty"` // it failed, or ended early
}

// trialPoint is what a kept row reached.
type trialPoint struct {
	Pass   int       `json:"pass"`
	Values []float64 `json:"values"`
}

// Trial is a run that tells its sweep what it reaches.
func Trial(ctx workflow.Context, in RunInput) (*TrialResult, error) {
	if in.Trial == nil {
		return nil, temporal.NewNonRetryableApplicationError("a trial wants the sweep that it is of", "Misused", nil)
	}
	r := newRun(ctx, in)
	result, err := r.whole(ctx)
	if workflow.IsContinueAsNewError(err) {
		return nil, err
	}
	r.news.End = r.state.State
	switch {
	case err != nil:
		r.news.End = StateFailed
		if temporal.IsCanceledError(err) {
			r.news.End = StateCancelled
		}
		r.news.Why = innermost(err)
	case r.halted:
		r.news.Why = "given up by the median rule"
	default:
		r.news.Why = r.state.Stopped
	}
	if err == nil && r.trial.Lean && !r.trial.Adopted {
		news := r.takeNews()
		return &TrialResult{Result: *result, News: &news}, nil
	}
	r.send(ctx)
	if err != nil {
		return nil, err
	}
	return &TrialResult{Result: *result}, nil
}

// innermost is the message of a failure without the layers around it.
func innermost(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}

// listenToSweep listens to what only trials are asked.
func (r *run) listenToSweep(ctx workflow.Context, selector workflow.Selector) {
	selector.AddReceive(workflow.GetSignalChannel(ctx, signalAsk), func(c workflow.ReceiveChannel, _ bool) {
		var a ask
		c.Receive(ctx, &a)
		r.trial.Adopted = r.trial.Adopted || a.Links == 0
		if a.Hush > 0 {
			r.hush = workflow.Now(ctx).Add(a.Hush)
			return
		}
		r.trial.Asked = append(r.trial.Asked, a.Links)
		r.tellLinks(ctx)
	})
	selector.AddReceive(workflow.GetSignalChannel(ctx, signalHalt), func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, nil)
		r.halted = true
		if r.cancel != nil {
			r.cancel()
		}
	})
}

// tellLinks answers the sweep that asked for as many links as there are now.
func (r *run) tellLinks(ctx workflow.Context) {
	if r.trial == nil {
		return
	}
	var later []int
	for _, links := range r.trial.Asked {
		if links > len(r.state.Links) {
			later = append(later, links)
		}
	}
	if answer := len(later) < len(r.trial.Asked); answer {
		r.trial.Asked = later
		r.send(ctx)
	}
}

// announce tells of a row: the sweep, and whoever lists runs. What a trial reached
// last is told with its end, which follows at once: of thousands of trials each
// message counts.
func (r *run) announce(ctx workflow.Context) error {
	if r.trial != nil {
		more := len(r.state.Rows) <= r.last() && r.state.Stopped == ""
		if r.spec.Quantize != nil && r.last() == r.passes() {
			more = r.state.Rows[len(r.state.Rows)-1].HuffmanBytes == 0
		}
		if !more {
			return nil
		}
		r.send(ctx)
	}
	return r.publish(ctx)
}

// send sends the sweep what was reached, whether or not the trial is cancelled.
// A sweep that is gone wants no news.
func (r *run) send(ctx workflow.Context) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if wait := r.hush.Sub(workflow.Now(ctx)); wait > 0 {
		_ = workflow.Sleep(ctx, wait) // the context ends with this call only
	}
	if err := workflow.SignalExternalWorkflow(ctx, r.trial.Sweep, "", signalNews, r.takeNews()).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("the sweep was not told", "sweep", r.trial.Sweep, "error", err)
	}
}

// takeNews is all that the sweep is to know.
func (r *run) takeNews() trialNews {
	n := r.news
	r.news.Busy = 0
	n.Trial, n.To, n.Links, n.Rows = r.trial.Number, r.trial.To, len(r.state.Links), len(r.state.Rows)
	for i, row := range r.state.Rows {
		if row.Kept {
			n.Last = &r.state.Rows[i]
			n.Points = append(n.Points, trialPoint{Pass: row.Pass, Values: Reached(row, r.trial.Objectives)})
		}
	}
	if r.trial.Lean {
		n.Dense = r.dense()
	}
	return n
}

// trialID is the workflow id of a trial.
func trialID(sweep string, number int) string { return fmt.Sprintf("%s-%d", sweep, number) }
