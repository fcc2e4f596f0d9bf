package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"
)

// Standing is how a run or a sweep stands, for whoever cannot ask its worker or
// the server just then.
type Standing struct {
	// Life is Temporal's id of its first history: another one of the same id,
	// begun later, has another life.
	Life    string       `json:"life"`
	At      time.Time    `json:"at"` // when it came to be so, by the server's clock
	Summary Summary      `json:"summary"`
	Reached *State       `json:"reached,omitempty"` // of a run
	Sweep   *SweepResult `json:"sweep,omitempty"`   // of a sweep
}

// Tell hears how a run or a sweep stands whenever that has changed, but not while
// a history is read again; nil says that it has ended. It returns at once and
// keeps what it is given: it is called by workflow code.
type Tell func(id string, s *Standing)

// end tells that a workflow ends with err, unless it goes on in another history.
func (tell Tell) end(ctx workflow.Context, err error) {
	if tell != nil && !workflow.IsContinueAsNewError(err) && !workflow.IsReplaying(ctx) {
		tell(workflow.GetInfo(ctx).WorkflowExecution.ID, nil)
	}
}

// now tells how a workflow stands.
func (tell Tell) now(ctx workflow.Context, stands func() Standing) {
	if tell == nil || workflow.IsReplaying(ctx) {
		return
	}
	s, info := stands(), workflow.GetInfo(ctx)
	s.Life, s.At = info.FirstRunID, workflow.Now(ctx)
	tell(info.WorkflowExecution.ID, &s)
}

func (s *sweeping) stands(ctx workflow.Context) {
	s.outward.now(ctx, func() Standing { return Standing{Summary: s.summary(), Sweep: s.result()} })
}

func (r *run) stands(ctx workflow.Context, summary Summary) {
	r.outward.now(ctx, func() Standing {
		reached := r.state // of which nothing is changed but by appending
		reached.Links, reached.Rows = slices.Clone(reached.Links), slices.Clone(reached.Rows)
		return Standing{Summary: summary, Reached: &reached}
	})
}
