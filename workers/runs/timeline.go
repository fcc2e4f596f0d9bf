package runs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"espalier/activities"
	"espalier/models/checkpoint"
	"espalier/workers/payload"
	"espalier/workflows"
)

// StepWaiting is the state of a step that waits for a worker.
const StepWaiting = "waiting"

// TimedStep is a step as Temporal's history tells of it.
type TimedStep struct {
	ID        string         `json:"id"` // of the activity, in its execution
	Activity  string         `json:"activity"`
	Pass      int            `json:"pass"`
	Queue     string         `json:"queue"`
	Scheduled time.Time      `json:"scheduled"`
	Started   time.Time      `json:"started,omitzero"` // of the last attempt
	Ended     time.Time      `json:"ended,omitzero"`
	State     string         `json:"state"` // StepWaiting, or one of running, done, failed and cancelled
	Attempts  []TimedAttempt `json:"attempts"`
	Found     bool           `json:"found,omitempty"` // it was finished already
	Key       string         `json:"key,omitempty"`   // once a worker has told it
	// Parent is the checkpoint that it begins with.
	Parent checkpoint.Digest `json:"parent,omitempty"`
	// Result is what it left; that of a scan's step has its curve.
	Result json.RawMessage `json:"-"`
}

// TimedAttempt is one try at a step. Of earlier ones Temporal keeps the failure
// of the last alone.
type TimedAttempt struct {
	Attempt int32  `json:"attempt"`
	Worker  string `json:"worker,omitempty"`
	Failure string `json:"failure,omitempty"`
}

// mostHistories bounds the histories of one run that are read, from the newest
// back: long ones continue as new.
const mostHistories = 50

// Steps are those of a run in the order in which they were asked for, from its
// histories; no worker need be there.
func (c *Client) Steps(ctx context.Context, id string) ([]TimedStep, error) {
	var steps []TimedStep
	for run, n := "", 0; n < mostHistories; n++ {
		h := timing{client: c, at: map[int64]int{}}
		before, err := h.read(ctx, id, run)
		if err != nil {
			return nil, c.explain(id, err)
		}
		steps = append(h.steps, steps...)
		if run = before; run == "" {
			break
		}
	}
	v, err := c.Temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return nil, c.explain(id, err)
	}
	for _, p := range v.GetPendingActivities() {
		now := c.stepOf(p)
		at := slices.IndexFunc(steps, func(s TimedStep) bool { return s.ID == p.GetActivityId() && s.Ended.IsZero() })
		if at < 0 {
			continue
		}
		s := &steps[at]
		if s.State = workflows.StateRunning; now.Waiting {
			s.State = StepWaiting
		}
		if t := p.GetLastStartedTime(); t != nil {
			s.Started = t.AsTime()
		}
		if now.Progress != nil {
			s.Key = now.Progress.Key
		}
		s.tried(now.Attempt, now.Worker, now.LastFailure)
	}
	return steps, nil
}

// tried notes an attempt, and why the one before it ended.
func (s *TimedStep) tried(attempt int32, worker, failure string) {
	s.Attempts = []TimedAttempt{}
	if attempt > 1 {
		s.Attempts = append(s.Attempts, TimedAttempt{Attempt: attempt - 1, Failure: failure})
	}
	if worker != "" && s.State != StepWaiting || attempt > 1 {
		s.Attempts = append(s.Attempts, TimedAttempt{Attempt: attempt, Worker: worker})
	}
}

// timing reads one history.
type timing struct {
	client *Client
	steps  []TimedStep
	at     map[int64]int // the steps by the events that asked for them
}

// read answers with the execution that went on in this one, "" for none.
func (h *timing) read(ctx context.Context, id, run string) (before string, err error) {
	events := h.client.Temporal.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return "", fmt.Errorf("history of %s: %w", id, err)
		}
		if begun := event.GetWorkflowExecutionStartedEventAttributes(); begun != nil {
			before = begun.GetContinuedExecutionRunId()
		}
		h.take(event)
	}
	return before, nil
}

func (h *timing) take(event *historypb.HistoryEvent) {
	when := event.GetEventTime().AsTime()
	if asked := event.GetActivityTaskScheduledEventAttributes(); asked != nil {
		s := TimedStep{
			ID: asked.GetActivityId(), Activity: asked.GetActivityType().GetName(), Queue: asked.GetTaskQueue().GetName(),
			Scheduled: when, State: StepWaiting, Attempts: []TimedAttempt{},
		}
		var head activities.Head
		if in := asked.GetInput().GetPayloads(); len(in) > 0 && h.client.decode(in[0], &head) {
			s.Pass, s.Parent = head.Pass, head.Parent
		}
		h.at[event.GetEventId()] = len(h.steps)
		h.steps = append(h.steps, s)
		return
	}
	if begun := event.GetActivityTaskStartedEventAttributes(); begun != nil {
		if s := h.step(begun.GetScheduledEventId()); s != nil {
			s.State, s.Started = workflows.StateRunning, when
			s.tried(begun.GetAttempt(), begun.GetIdentity(), payload.Message(h.client.converter(), begun.GetLastFailure()))
		}
		return
	}
	h.end(event, when)
}

// end takes in how a step ended.
func (h *timing) end(event *historypb.HistoryEvent, when time.Time) {
	done, failed := event.GetActivityTaskCompletedEventAttributes(), event.GetActivityTaskFailedEventAttributes()
	late, cancelled := event.GetActivityTaskTimedOutEventAttributes(), event.GetActivityTaskCanceledEventAttributes()
	state, why, asked := "", "", int64(0)
	switch {
	case done != nil:
		state, asked = workflows.StateDone, done.GetScheduledEventId()
	case failed != nil:
		state, asked, why = workflows.StateFailed, failed.GetScheduledEventId(), payload.Message(h.client.converter(), failed.GetFailure())
	case late != nil:
		state, asked, why = workflows.StateFailed, late.GetScheduledEventId(), payload.Message(h.client.converter(), late.GetFailure())
	case cancelled != nil:
		state, asked = workflows.StateCancelled, cancelled.GetScheduledEventId()
	}
	s := h.step(asked)
	if s == nil {
		return
	}
	s.State, s.Ended = state, when
	if why != "" {
		if len(s.Attempts) == 0 {
			s.Attempts = append(s.Attempts, TimedAttempt{Attempt: 1})
		}
		s.Attempts[len(s.Attempts)-1].Failure = strings.TrimSpace(why)
	}
	if out := done.GetResult().GetPayloads(); len(out) > 0 {
		var left activities.StepResult
		if h.client.decode(out[0], &s.Result) && json.Unmarshal(s.Result, &left) == nil {
			s.Key, s.Found = left.Key, left.Reused
		}
	}
}

func (h *timing) step(asked int64) *TimedStep {
	if i, ok := h.at[asked]; ok {
		return &h.steps[i]
	}
	return nil
}
