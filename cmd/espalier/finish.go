package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/workers/runs"
)

// finisher prints what has ended, or answers why there is nothing to print.
type finisher func(context.Context, *runs.Client, *runs.View) error

// finish prints a finished run's result, or answers why there is none.
func (a *app) finish(ctx context.Context, c *runs.Client, v *runs.View) error {
	switch v.Kind {
	case runs.KindSensitivity:
		return a.finishScan(ctx, c, v.ID, scanFiles{})
	case runs.KindSweep:
		return a.finishSweep(ctx, c, v.ID)
	}
	id := v.ID
	result, err := c.Result(ctx, id)
	if err != nil {
		return ended(id, err)
	}
	if a.json {
		return a.printJSON(result)
	}
	fmt.Fprintf(a.out, "\n%s\n\n", id)
	printRows(a.out, result.Rows)
	if result.Stopped != "" {
		fmt.Fprintln(a.out, "\nstopped:", result.Stopped)
	}
	fmt.Fprintf(a.out, "\nfinal checkpoint %s\n", result.Final)
	return nil
}

// ended says why a run has no result.
func ended(id string, err error) error {
	var execution *temporal.WorkflowExecutionError
	if !errors.As(err, &execution) {
		return fmt.Errorf("result of run %s: %w", id, err)
	}
	return runFailedError{fmt.Errorf("run %s: %s", id, reason(err))}
}

// reason is the innermost message of a failed run, without Temporal's wrapping.
func reason(err error) string {
	var (
		app      *temporal.ApplicationError
		canceled *temporal.CanceledError
		ended    *temporal.TerminatedError
	)
	switch {
	case errors.As(err, &app):
		return app.Message() + advice(app.Type())
	case errors.As(err, &canceled):
		return "cancelled; submitting its spec again goes on from the last checkpoint"
	case errors.As(err, &ended):
		return "terminated"
	default:
		return err.Error()
	}
}

// advice says what to do about a kind of failure.
func advice(kind string) string {
	switch kind {
	case activities.FailureFull:
		return "; make room and run the spec again: it goes on from the last checkpoint"
	case activities.FailureDenied:
		return "; mend the credentials and run the spec again: it goes on from the last checkpoint"
	case activities.FailureDiverged:
		return "; lower the learning rate, or clip the gradients (train.clip)"
	default:
		return ""
	}
}
