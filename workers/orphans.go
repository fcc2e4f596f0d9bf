package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// FailureOrphaned is the type of the failure by which [FailOrphans] ends an
// attempt.
const FailureOrphaned = "orphaned"

// retryAtOnce is the wait before the next attempt of an orphan. Zero would
// mean the retry policy's own, which grows.
const retryAtOnce = time.Millisecond

// FailOrphans ends every activity attempt in namespace whose worker is dead,
// as its heartbeat timeout would in the end, so that the next attempt starts
// now. It returns how many it ended. The next attempt is one more of those
// that the retry policy allows, and gets the heartbeat details of the dead
// one; a cancelled activity ends cancelled.
//
// dead must be sure: an attempt that is ended while its worker lives cannot
// commit any more, so that its work since the last checkpoint is lost. Only
// workflows that visibility lists as running are seen; one that was started
// in the last moments before a crash may be missed, and then waits for its
// timeout.
func FailOrphans(ctx context.Context, c client.Client, namespace string, dead func(identity string) bool) (int, error) {
	ended := 0
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: namespace, Query: "ExecutionStatus = 'Running'", PageSize: 100,
	}
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return ended, fmt.Errorf("list running workflows: %w", err)
		}
		for _, info := range page.GetExecutions() {
			n, err := failOrphansOf(ctx, c, namespace, info, dead)
			ended += n
			if err != nil {
				return ended, fmt.Errorf("workflow %s: %w", info.GetExecution().GetWorkflowId(), err)
			}
		}
		request.NextPageToken = page.GetNextPageToken()
		if len(request.NextPageToken) == 0 {
			return ended, nil
		}
	}
}

func failOrphansOf(ctx context.Context, c client.Client, namespace string, info *workflow.WorkflowExecutionInfo,
	dead func(identity string) bool,
) (int, error) {
	id, run := info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()
	described, err := c.DescribeWorkflowExecution(ctx, id, run)
	if err != nil {
		return 0, ignoreGone(err)
	}
	ended := 0
	for _, pending := range described.GetPendingActivities() {
		if !orphaned(pending, dead) {
			continue
		}
		failure := orphanFailure(pending)
		if err := c.CompleteActivityByID(ctx, namespace, id, run, pending.GetActivityId(), nil, failure); err != nil {
			if err := ignoreGone(err); err != nil {
				return ended, fmt.Errorf("activity %s: %w", pending.GetActivityId(), err)
			}
			continue
		}
		ended++
	}
	return ended, nil
}

// orphaned tells whether an attempt is under way on a dead worker. A scheduled
// activity keeps the identity of its last attempt's worker, but nobody runs it.
func orphaned(pending *workflow.PendingActivityInfo, dead func(identity string) bool) bool {
	switch pending.GetState() {
	case enums.PENDING_ACTIVITY_STATE_STARTED, enums.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
		return pending.GetLastWorkerIdentity() != "" && dead(pending.GetLastWorkerIdentity())
	}
	return false
}

func orphanFailure(pending *workflow.PendingActivityInfo) error {
	if pending.GetState() == enums.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED {
		return temporal.NewCanceledError()
	}
	return temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("worker %s is gone", pending.GetLastWorkerIdentity()), FailureOrphaned,
		temporal.ApplicationErrorOptions{NextRetryDelay: retryAtOnce})
}

// ignoreGone drops the error of a workflow or activity that ended meanwhile.
func ignoreGone(err error) error {
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil
	}
	return err
}
