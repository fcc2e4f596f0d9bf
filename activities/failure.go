package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"espalier/models/checkpoint"
	"espalier/models/train"
)

// The kinds of failure that workflows tell apart. They are wire names.
const (
	FailureParentLost = "ParentLost" // the input checkpoint is missing or corrupt; its digest is the detail
	FailureInput      = "Input"      // the spec or the data cannot work; trying again is useless
	FailureDiverged   = "Diverged"   // the loss is no number any more
	FailureFull       = "Full"       // the store has no room
	FailureDenied     = "Denied"     // the store refuses the credentials
	FailureDrained    = "Drained"    // the worker is leaving; the step goes on elsewhere
	FailureFenced     = "Fenced"     // another attempt owns the step
	FailureTrainer    = "Trainer"    // the external trainer failed; the end of its log is in the message
	FailureUnfit      = "Unfit"      // the worker has not what the step needs; another one may
)

// errDrained says that the worker was told to stop and the step's state is saved.
var errDrained = errors.New("the worker is stopping; the step is saved and goes on elsewhere")

// errNoSlot says that the worker took the step and had no slot for it.
var errNoSlot = errors.New("the worker took the step and had no slot for it; it goes on elsewhere")

// NotBegun is what a worker answers that had no slot for a step.
func NotBegun(ctx context.Context) error { return failure(ctx, errNoSlot) }

// inputError marks an error that the user must mend.
type inputError struct{ err error }

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// parentLostError says that a step's input checkpoint cannot be read.
type parentLostError struct {
	digest checkpoint.Digest
	err    error
}

func (e *parentLostError) Error() string {
	return fmt.Sprintf("input checkpoint %s: %v", e.digest.Short(), e.err)
}
func (e *parentLostError) Unwrap() error { return e.err }

// trainerError says that an external trainer failed, and whether it is tried
// again.
type trainerError struct {
	err   error
	final bool
}

func (e *trainerError) Error() string { return e.err.Error() }
func (e *trainerError) Unwrap() error { return e.err }

// unfitError says that this worker has not what a step needs.
type unfitError struct{ err error }

func (e *unfitError) Error() string { return e.err.Error() }
func (e *unfitError) Unwrap() error { return e.err }

// A step that a worker cannot do waits before another worker may take it: at
// first so little that one which can and is idle has it nearly at once, then
// twice as long each time, so that a step which no worker can do costs little.
const (
	unfitSoonest = 50 * time.Millisecond
	unfitLatest  = 2 * time.Second
)

// unfitAgain is the wait after an attempt, counted from 1.
func unfitAgain(attempt int32) time.Duration {
	wait := unfitSoonest
	for ; attempt > 1 && wait < unfitLatest; attempt-- {
		wait *= 2
	}
	return min(wait, unfitLatest)
}

// attemptOf is which attempt at its step this is, from 1.
func attemptOf(ctx context.Context) int32 {
	if !activity.IsActivity(ctx) {
		return 1
	}
	return activity.GetInfo(ctx).Attempt
}

// A store without room may soon have some again, so a step waits for it, half a
// minute in all, before a person is asked to make room.
const (
	fullAttempts = 10
	fullAgain    = 3 * time.Second
)

// failure marks err for Temporal. It is the only place where an error of ours
// becomes an error of theirs.
func failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var (
		lost     *parentLostError
		input    *inputError
		diverged *train.DivergedError
		trainer  *trainerError
		unfit    *unfitError
	)
	final := func(kind string, details ...any) error {
		return temporal.NewNonRetryableApplicationError(err.Error(), kind, nil, details...)
	}
	again := func(kind string, delay time.Duration) error {
		return temporal.NewApplicationErrorWithOptions(err.Error(), kind, temporal.ApplicationErrorOptions{NextRetryDelay: delay})
	}
	switch {
	case errors.Is(err, errDrained), errors.Is(err, errNoSlot):
		return again(FailureDrained, time.Millisecond)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return temporal.NewCanceledError()
	case errors.As(err, &lost):
		return final(FailureParentLost, string(lost.digest))
	case errors.As(err, &input):
		return final(FailureInput)
	case errors.As(err, &diverged):
		return final(FailureDiverged)
	case errors.As(err, &trainer) && trainer.final:
		return final(FailureTrainer)
	case errors.As(err, &trainer):
		return again(FailureTrainer, 0) // as the retry policy has it
	case errors.As(err, &unfit):
		return again(FailureUnfit, unfitAgain(attemptOf(ctx)))
	case errors.Is(err, checkpoint.ErrFull):
		if activity.IsActivity(ctx) && activity.GetInfo(ctx).Attempt <= fullAttempts {
			return again(FailureFull, fullAgain)
		}
		return final(FailureFull)
	case errors.Is(err, checkpoint.ErrDenied):
		return final(FailureDenied)
	case errors.Is(err, checkpoint.ErrFenced):
		return again(FailureFenced, time.Second)
	default:
		return err
	}
}
