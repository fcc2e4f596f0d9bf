package runs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"espalier/models/checkpoint"
	"espalier/workers/standing"
	"espalier/workflows"
)

// Discard ends a run, or a sweep with its trials, at once and lets Temporal
// forget it; only its logbook stays. The records in the store are its callers'
// to delete, by DropRecords. Again, it does the rest of what was left.
func (c *Client) Discard(ctx context.Context, id string, by workflows.Control) error {
	_, err := c.Look(ctx, id, false)
	if errors.Is(err, ErrNotFound) {
		if _, gone, err := c.Discarded(ctx, id); err != nil || gone {
			return errors.Join(err, c.forget(ctx, id), nothing("it is discarded"))
		}
	}
	if err != nil {
		return err
	}
	if err := c.wrote(ctx, id, workflows.EntryDiscard, "", by); err != nil {
		return err
	}
	return c.forget(ctx, id)
}

// Discarded says whether the last that was done to a run was to discard it, and
// tells of that.
func (c *Client) Discarded(ctx context.Context, id string) (workflows.Entry, bool, error) {
	log, _, err := c.Log(ctx, id)
	for i := len(log) - 1; i >= 0 && err == nil; i-- {
		if log[i].What == workflows.EntryDiscard {
			return log[i], true, nil
		}
	}
	return workflows.Entry{}, false, err
}

// OfRun says whether a name is that of a run or of a trial of it.
func OfRun(id string) func(name string) bool {
	return regexp.MustCompile(`^` + regexp.QuoteMeta(id) + `(-\d+(-to-\d+)?(-retry-\d+)?(-again-\d+)?)?$`).MatchString
}

// forget deletes a workflow in all its lives, and those of its trials after it,
// which it would begin again.
func (c *Client) forget(ctx context.Context, id string) error {
	own := OfRun(id)
	for _, query := range []string{
		fmt.Sprintf("WorkflowId = '%s'", id),
		fmt.Sprintf("WorkflowType = '%s' AND WorkflowId STARTS_WITH '%s-'", workflows.NameTrial, id),
	} {
		request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: c.Namespace, Query: query, PageSize: listPage}
		for {
			page, err := c.Temporal.ListWorkflow(ctx, request)
			if err != nil {
				return fmt.Errorf("discard %s: %w", id, err)
			}
			for _, info := range page.GetExecutions() {
				if !own(info.GetExecution().GetWorkflowId()) {
					continue
				}
				if err := c.delete(ctx, info.GetExecution()); err != nil {
					return fmt.Errorf("discard %s: %w", info.GetExecution().GetWorkflowId(), err)
				}
			}
			if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
				break
			}
		}
	}
	return nil
}

func (c *Client) delete(ctx context.Context, one *commonpb.WorkflowExecution) error {
	_, err := c.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: c.Namespace, WorkflowExecution: one,
	})
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil
	}
	return err
}

// DropRecords deletes what the store keeps of a run and of its trials beside
// steps and checkpoints. A worker that is just leaving may still write down how
// a sweep stood, which gc removes.
func DropRecords(ctx context.Context, store checkpoint.Store, id string) error {
	own := OfRun(id)
	for info, err := range store.List(ctx, "runs/"+id) {
		if err != nil {
			return fmt.Errorf("records of %s: %w", id, err)
		}
		if own(path.Base(path.Dir(info.Key))) {
			if err := store.Delete(ctx, info.Key); err != nil {
				return fmt.Errorf("record %s: %w", info.Key, err)
			}
		}
	}
	return standing.Drop(ctx, store, id)
}
