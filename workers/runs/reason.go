package runs

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
)

// Reason is why a run ended without a result, from the error of [Client.Result]:
// the innermost message without Temporal's wrapping, and what to do about it;
// nothing for no error.
func Reason(err error) string {
	var (
		app      *temporal.ApplicationError
		canceled *temporal.CanceledError
		ended    *temporal.TerminatedError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &app):
		return app.Message() + advice(app.Type())
	case errors.As(err, &canceled):
		return "cancelled; submitting its spec again goes on from the last checkpoint"
	case errors.As(err, &ended):
		return "terminated"
	}
	return err.Error()
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
