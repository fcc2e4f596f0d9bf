package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

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
	return runFailedError{fmt.Errorf("run %s: %s", id, runs.Reason(err))}
}
