package runs

import (
	"context"
	"fmt"
	"strings"

	"go.temporal.io/api/workflowservice/v1"

	"espalier/workflows"
)

// Trials describes the newest trials whose ids begin with a prefix, at most limit
// of them. As a trial that goes on later is a workflow of its own, an id may come
// more than once in what the server has; here it comes once.
func (c *Client) Trials(ctx context.Context, prefix string, limit int) ([]View, error) {
	answer, err := c.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: c.Namespace, PageSize: int32(limit),
		Query: fmt.Sprintf("WorkflowType = '%s' AND WorkflowId STARTS_WITH '%s'", workflows.NameTrial, strings.ReplaceAll(prefix, "'", "")),
	})
	if err != nil {
		return nil, fmt.Errorf("list trials %s: %w", prefix, err)
	}
	var views []View
	seen := map[string]bool{}
	for _, info := range answer.GetExecutions() {
		if v := c.view(info); !seen[v.ID] {
			seen[v.ID] = true
			views = append(views, *v)
		}
	}
	return views, nil
}
