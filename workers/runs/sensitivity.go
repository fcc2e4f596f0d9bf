package runs

import (
	"context"

	"espalier/config"
	"espalier/workflows"
)

// SubmitSensitivity starts a scan of the layers of a spec's network, or finds
// it, as Submit does a run. Shares ascend, in (0, 1).
func (c *Client) SubmitSensitivity(ctx context.Context, spec *config.Spec, shares []float64) (id string, err error) {
	in, id, err := workflows.NewSensitivity(spec, shares)
	if err != nil {
		return "", err
	}
	return c.start(ctx, id, workflows.Summary{Name: spec.Name, State: workflows.StateRunning}, workflows.NameSensitivity, in)
}

// Sensitivity waits for a scan's end and answers with its result.
func (c *Client) Sensitivity(ctx context.Context, id string) (*workflows.SensitivityResult, error) {
	var result workflows.SensitivityResult
	if err := c.Temporal.GetWorkflow(ctx, id, "").Get(ctx, &result); err != nil {
		return nil, c.explain(id, err)
	}
	return &result, nil
}
