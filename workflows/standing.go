package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Standing is how a sweep stands, for whoever cannot ask its worker or the
// server just then.
type Standing struct {
	// Life is Temporal's id of the sweep's first history: another sweep of the
	// same id, begun later, has another one.
	Life    string      `json:"life"`
	Summary Summary     `json:"summary"`
	Result  SweepResult `json:"result"`
	At      time.Time   `json:"at"` // when it came to be so, by the server's clock
}

// Tell hears how a sweep stands whenever that has changed, but not while a
// history is read again; nil says that the sweep has ended. It returns at once
// and keeps what it is given: it is called by workflow code.
type Tell func(sweep string, s *Standing)

// SweepTelling is [Sweep] that tells how it stands.
func SweepTelling(tell Tell) func(workflow.Context, SweepInput) (*SweepResult, error) {
	return func(ctx workflow.Context, in SweepInput) (*SweepResult, error) {
		result, err := sweep(ctx, in, tell)
		if !workflow.IsContinueAsNewError(err) && !workflow.IsReplaying(ctx) {
			tell(workflow.GetInfo(ctx).WorkflowExecution.ID, nil)
		}
		return result, err
	}
}

// stands tells how the sweep stands.
func (s *sweeping) stands(ctx workflow.Context) {
	if s.outward == nil || workflow.IsReplaying(ctx) {
		return
	}
	s.outward(s.id, &Standing{
		Life: workflow.GetInfo(ctx).FirstRunID, Summary: s.summary(), Result: *s.result(), At: workflow.Now(ctx),
	})
}
