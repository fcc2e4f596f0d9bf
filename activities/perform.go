package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"
)

// Perform does a step of the name, without Temporal: nobody hears its
// heartbeats, and only ctx stops it.
func (s *Steps) Perform(ctx context.Context, name string, in any) (StepResult, error) {
	switch in := in.(type) {
	case PrepareInput:
		result, err := s.Prepare(ctx, in)
		return result.StepResult, err
	case PruneInput:
		return s.Prune(ctx, in)
	case QuantizeInput:
		return s.Quantize(ctx, in)
	case EvaluateInput:
		return s.Evaluate(ctx, in)
	case ExternalInput:
		return s.External(ctx, in)
	case TrainInput:
		switch name {
		case NameTrain, NameFinetune, NameSparsify:
			return s.train(ctx, name, in)
		}
	}
	return StepResult{}, fmt.Errorf("step %s of a %T: there is no such step", name, in)
}

// beat sends a heartbeat, where a server listens.
func beat(ctx context.Context, details Progress) {
	if activity.IsActivity(ctx) {
		activity.RecordHeartbeat(ctx, details)
	}
}

// stopping is closed when the worker is told to stop; nil where there is none.
func stopping(ctx context.Context) <-chan struct{} {
	if activity.IsActivity(ctx) {
		return activity.GetWorkerStopChannel(ctx)
	}
	return nil
}

// lastHeard is the newest heartbeat of the attempt before; nothing if there was
// none, or it is lost.
func lastHeard(ctx context.Context) Progress {
	var before Progress
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &before) == nil {
		return before
	}
	return Progress{}
}
