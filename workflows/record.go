package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
)

// Record is what the store keeps of a run that has ended, as
// runs/<run>/result.json: its result, and what the numbers stand on. Records of
// older versions have a result alone.
type Record struct {
	Result
	DataDigest string `json:"data_digest,omitempty"`
	Links      []Link `json:"links,omitempty"`
}

// SweepRecord is what the store keeps of a sweep that has ended, as
// runs/<sweep>/result.json. Records of older versions have no spec.
type SweepRecord struct {
	SweepResult
	Spec *config.Spec `json:"spec,omitempty"`
}

func (r *run) record(result *Result) Record {
	return Record{Result: *result, DataDigest: r.state.DataDigest, Links: r.state.Links}
}

// recordWithin is how long the store may take to keep the record of a trial
// before a step of its own does it, which outlives any outage.
const recordWithin = 2 * time.Second

// keep keeps the record of the run in the store.
func (r *run) keep(ctx workflow.Context, result *Result) error {
	in := activities.RecordInput{Run: r.id, Result: r.record(result)}
	if r.trial != nil && r.trial.Lean {
		at := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
			ScheduleToCloseTimeout: recordWithin, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
		})
		if err := workflow.ExecuteLocalActivity(at, activities.NameRecord, in).Get(ctx, nil); err == nil {
			return nil
		}
	}
	var nothing struct{}
	return r.do(ctx, step.Record, in, &nothing)
}
