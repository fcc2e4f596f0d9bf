package runs_test

import (
	"errors"
	"fmt"
	"testing"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/workers/runs"
)

func TestReasonIsTheInnermostMessage(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"":               nil,
		"no such server": errors.New("no such server"),
		"the disk is full; make room and run the spec again: it goes on from the last checkpoint": fmt.Errorf("step: %w",
			temporal.NewNonRetryableApplicationError("the disk is full", activities.FailureFull, errors.New("write: no space"))),
		"trial 3 cannot run": temporal.NewApplicationError("trial 3 cannot run", "Sweep"),
		"cancelled; submitting its spec again goes on from the last checkpoint": fmt.Errorf("run: %w", temporal.NewCanceledError()),
		"terminated": fmt.Errorf("run: %w", &temporal.TerminatedError{}),
	} {
		if got := runs.Reason(err); got != want {
			t.Errorf("Reason(%v) is %q, want %q", err, got, want)
		}
	}
}
