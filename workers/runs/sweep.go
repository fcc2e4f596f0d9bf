package runs

import (
	"context"
	"fmt"

	"espalier/config"
	"espalier/workflows"
)

// submitSweep starts a spec's sweep, or finds it.
func (c *Client) submitSweep(ctx context.Context, spec *config.Spec) (id string, err error) {
	state, err := workflows.NewSweep(spec)
	if err != nil {
		return "", err
	}
	total, err := state.Total()
	if err != nil {
		return "", err
	}
	summary := workflows.Summary{Name: spec.Name, State: workflows.StateRunning, Passes: total}
	return c.start(ctx, workflows.RunID(spec), summary, workflows.NameSweep, workflows.NewSweepInput(*spec))
}

// Sweep waits for a sweep's end and answers with its result.
func (c *Client) Sweep(ctx context.Context, id string) (*workflows.SweepResult, error) {
	var result workflows.SweepResult
	if err := c.Temporal.GetWorkflow(ctx, id, "").Get(ctx, &result); err != nil {
		return nil, c.explain(id, err)
	}
	return &result, nil
}

// swept is what a sweep has reached: its result, or what its worker answers;
// nil if none does.
func (c *Client) swept(ctx context.Context, v *View, reached <-chan answer) (*workflows.SweepResult, error) {
	if v.State == workflows.StateDone {
		return c.Sweep(ctx, v.ID)
	}
	a := <-reached
	if a.err != nil {
		return nil, nil
	}
	var result workflows.SweepResult
	if err := a.value.Get(&result); err != nil {
		return nil, fmt.Errorf("state of %s: %w", v.ID, err)
	}
	if v.State == workflows.StateRunning {
		v.State = result.State
	}
	return &result, nil
}
