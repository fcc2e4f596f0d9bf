package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"
)

// Observer hears of the steps of a worker, for metrics and traces. It changes
// nothing about them.
type Observer interface {
	// Begin hears that an attempt at a step begins, and may put into its context
	// what it needs to know it by.
	Begin(ctx context.Context, b Begun) (context.Context, Observed)
}

// Observed hears of one attempt. Its methods may be called by several
// goroutines at a time, and must not take long: training waits for them.
type Observed interface {
	// Resumed hears at which optimizer step the training begins, 0 for the
	// first, and how many optimizer steps of the attempt before are repeated.
	Resumed(from, repeated int64)
	// Progress hears the newest progress, a few times a second.
	Progress(p Progress)
	// Part hears that a part begins, PartLoad or another; the function that it
	// answers with hears how it ended and how many bytes it moved, if that is known.
	Part(ctx context.Context, name string) (context.Context, func(bytes int64, err error))
	// End hears that the attempt is over.
	End(e Ended)
}

// Begun is an attempt that begins.
type Begun struct {
	Head
	Activity string // its name on the wire
	Kind     string // of the step; another than the activity for those of trainers
	Key      string
	Attempt  int // of Temporal's, from 1
}

// Ended is how an attempt ended.
type Ended struct {
	Reused  bool   // the result was there already
	Failure string // one of the Failure constants, FailureCanceled or FailureOther; empty if the step is done
	Err     error  // what it failed for
}

// The kinds of failure that have no name on the wire.
const (
	FailureCanceled = "Canceled"
	FailureOther    = "Other"
)

// The parts of an attempt. A commit is a checkpoint in the middle of a step, and
// happens beside the computation.
const (
	PartLoad    = "load"
	PartCompute = "compute"
	PartSave    = "save"
	PartCommit  = "commit"
)

// observed is how the parts of a step find who hears of them.
type observed struct{}

// observe tells the observer, if there is one, that an attempt begins.
func (s *Steps) observe(ctx context.Context, t task, key string) (context.Context, Observed) {
	if s.Observer == nil {
		return ctx, unobserved{}
	}
	name, number := tried(ctx, t)
	ctx, o := s.Observer.Begin(ctx, Begun{Head: t.head, Activity: name, Kind: t.kind, Key: key, Attempt: number})
	return context.WithValue(ctx, observed{}, o), o
}

// during does a part of an attempt.
func during[R any](ctx context.Context, part string, do func(context.Context) (R, error)) (R, error) {
	return moving(ctx, part, func(ctx context.Context) (R, int64, error) {
		r, err := do(ctx)
		return r, 0, err
	})
}

// moving does a part of an attempt that moves bytes.
func moving[R any](ctx context.Context, part string, do func(context.Context) (R, int64, error)) (R, error) {
	o, ok := ctx.Value(observed{}).(Observed)
	if !ok {
		r, _, err := do(ctx)
		return r, err
	}
	ctx, end := o.Part(ctx, part)
	r, bytes, err := do(ctx)
	end(bytes, err)
	return r, err
}

// failureOf is the kind of a failure that is marked for Temporal.
func failureOf(err error) string {
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return ""
	case temporal.IsCanceledError(err):
		return FailureCanceled
	case errors.As(err, &app) && app.Type() != "":
		return app.Type()
	}
	return FailureOther
}

// unobserved is an attempt that nobody hears of.
type unobserved struct{}

func (unobserved) Resumed(int64, int64) {}
func (unobserved) Progress(Progress)    {}
func (unobserved) Part(ctx context.Context, _ string) (context.Context, func(int64, error)) {
	return ctx, func(int64, error) {}
}
func (unobserved) End(Ended) {}
