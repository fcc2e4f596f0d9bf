package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/workflows/search"
)

// Names on the wire.
const (
	// NameRun is the workflow type of a run.
	NameRun = "espalier.run"
	// QueryState answers with the run's State.
	QueryState = "state"
	// SignalPause and SignalResume carry a Control. They are signals, not
	// updates, so that they work while no worker is there.
	SignalPause  = "pause"
	SignalResume = "resume"
	// SignalRetry and SignalChange carry a RetryAsk and a ChangeAsk. Of a run
	// itself only the priority can be changed.
	SignalRetry  = "retry"
	SignalChange = "change"
	// MemoSummary is the memo that holds a Summary.
	MemoSummary = "espalier"
)

// Control says who asked for something, and why.
type Control struct {
	Who  string `json:"who"`
	Note string `json:"note,omitempty"`
}

// RetryAsk asks a sweep to try failed trials again, all of them or those with
// the numbers.
type RetryAsk struct {
	Control
	Trials []int `json:"trials,omitempty"`
}

// ChangeAsk asks for something about a run or a sweep to be changed while it is
// under way.
type ChangeAsk struct {
	Control
	search.Change
	// Priority is that of the steps that follow, from 1, the first, to 5; 0
	// leaves it as it is.
	Priority int `json:"priority,omitempty"`
}

// Said is the change in words.
func (c ChangeAsk) Said() string {
	var parts []string
	if c.Concurrency != nil {
		parts = append(parts, fmt.Sprintf("concurrency %d", *c.Concurrency))
	}
	if c.Trials != nil {
		parts = append(parts, fmt.Sprintf("trials %d", *c.Trials))
	}
	if c.Priority > 0 {
		parts = append(parts, fmt.Sprintf("priority %d", c.Priority))
	}
	return strings.Join(parts, ", ")
}

// Summary is the run in one line, kept in its memo so that lists need no worker.
type Summary struct {
	Name     string  `json:"name"`
	State    string  `json:"state"`
	Pass     int     `json:"pass"`
	Passes   int     `json:"passes"`
	Sparsity float64 `json:"sparsity"`
	Accuracy float64 `json:"accuracy"`
	Final    string  `json:"final,omitempty"`
	// Of a sweep Pass counts the trials that have ended and Passes all of them;
	// the rest is of its best trial. Failed are the trials that failed.
	Failed int `json:"failed,omitempty"`
	// Began is when the first of a sweep's histories did.
	Began time.Time `json:"began,omitzero"`
	// Needs are what a worker must have to take the steps; nil is to serve the queue.
	Needs *activities.Needs `json:"needs,omitempty"`
}

// RunID is the workflow id of a spec's run: the same spec is the same run.
func RunID(s *config.Spec) string { return s.Name + "-" + s.ID() }

// serve answers queries and listens to controls.
func (r *run) serve(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, QueryState, func() (State, error) { return r.state, nil },
		workflow.QueryHandlerOptions{Description: "what the run has reached"})
	if err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		selector := workflow.NewSelector(ctx)
		listen := func(name string, act func(workflow.Context, Control)) {
			selector.AddReceive(workflow.GetSignalChannel(ctx, name), func(c workflow.ReceiveChannel, _ bool) {
				var control Control
				c.Receive(ctx, &control)
				act(ctx, control)
			})
		}
		listen(SignalPause, r.pause)
		listen(SignalResume, r.resume)
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalChange), func(c workflow.ReceiveChannel, _ bool) {
			var ask ChangeAsk
			c.Receive(ctx, &ask)
			r.change(ctx, ask)
		})
		if r.trial != nil {
			r.listenToSweep(ctx, selector)
		}
		for ctx.Err() == nil {
			selector.Select(ctx)
		}
	})
	return nil
}

func (r *run) pause(ctx workflow.Context, c Control) {
	if r.state.State != StateRunning {
		return
	}
	r.state.State = StatePaused
	r.state.note(workflow.Now(ctx), c.Who, "pause "+c.Note)
	if r.cancel != nil {
		r.cancel()
	}
	r.tell(ctx)
}

func (r *run) resume(ctx workflow.Context, c Control) {
	if r.state.State != StatePaused {
		return
	}
	r.state.State = StateRunning
	r.state.note(workflow.Now(ctx), c.Who, "resume "+c.Note)
	r.tell(ctx)
}

// change takes in another priority. The step under way saves a checkpoint and
// asks for a worker anew, so that one that waits is not passed by, and one that
// computes makes room for what has become more urgent.
func (r *run) change(ctx workflow.Context, ask ChangeAsk) {
	if ask.Priority == 0 || ask.Priority == r.priority() {
		return
	}
	r.state.Priority = ask.Priority
	r.state.note(workflow.Now(ctx), ask.Who, strings.TrimSpace("change "+ask.Said()+" "+ask.Note))
	if r.cancel != nil && r.state.State == StateRunning {
		r.cancel()
	}
}

// priority is that of the run's steps.
func (r *run) priority() int {
	if r.state.Priority > 0 {
		return r.state.Priority
	}
	return r.spec.Resources.Priority
}

// tell publishes from a control; a memo that cannot be written is no reason to
// stop a run, and the next one carries the same news.
func (r *run) tell(ctx workflow.Context) {
	if err := r.publish(ctx); err != nil {
		workflow.GetLogger(ctx).Warn("summary not published", "error", err)
	}
}

// publish writes the run's summary into its memo.
func (r *run) publish(ctx workflow.Context) error {
	summary := Summary{Name: r.spec.Name, State: r.state.State, Pass: r.state.Pass, Passes: r.passes(), Needs: activities.NeedsOf(&r.spec)}
	summary.Reach(r.state.Rows)
	r.stands(ctx, summary)
	return workflow.UpsertMemo(ctx, map[string]any{MemoSummary: summary})
}

// Reach notes the last of the rows that are kept.
func (s *Summary) Reach(rows []Row) {
	for _, row := range rows {
		if row.Kept {
			s.Sparsity, s.Accuracy, s.Final = row.Sparsity, row.Accuracy, string(row.Checkpoint)
		}
	}
}
