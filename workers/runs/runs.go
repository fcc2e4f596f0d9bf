// Package runs is what commands and pages ask of runs: submit one, list them,
// look at one, control it, and write into its logbook.
//
// What a run has reached is read without a worker wherever Temporal allows it:
// a run's summary is in its memo, the step under way in its heartbeat, the
// result of a finished one in its history. The rows of a run that is still going
// need a worker to answer, or to have written them down ([Client.Glance]).
package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"espalier/activities"
	"espalier/config"
	"espalier/workers/payload"
	"espalier/workflows"
)

// ErrNotFound says that no run has that id.
var ErrNotFound = errors.New("no such run")

// ErrEnded says that a run cannot be paused, resumed or cancelled any more.
var ErrEnded = errors.New("the run has ended already")

// The kinds of what is looked at beside the run of a spec.
const (
	KindSensitivity = "sensitivity" // a scan of sensitivity
	KindSweep       = "sweep"
	KindTrial       = "trial" // a run that a sweep started
)

// Client asks a Temporal server about runs.
type Client struct {
	Temporal  client.Client
	Namespace string
	// Converter reads payloads; nil is the SDK's own.
	Converter converter.DataConverter
	// Standing reads what is written down of how a run or a sweep stands; nil
	// where nobody writes that down.
	Standing func(ctx context.Context, id string) (*workflows.Standing, error)
}

// decideWithin is how long a worker may take to decide what comes next before
// another one is asked; a worker that is killed just then costs that long.
const decideWithin = 5 * time.Second

// Submit starts the run or the sweep of a spec, or finds it: the same spec is the same run,
// and only one that failed, was cancelled or was terminated starts anew. It
// then finds its finished steps in the store.
func (c *Client) Submit(ctx context.Context, spec *config.Spec) (id string, err error) {
	if spec.Sweep != nil {
		return c.submitSweep(ctx, spec)
	}
	summary := workflows.Summary{Name: spec.Name, State: workflows.StateRunning, Passes: passes(spec), Needs: activities.NeedsOf(spec)}
	return c.start(ctx, workflows.RunID(spec), summary, workflows.NameRun, workflows.RunInput{Spec: *spec})
}

// start starts a workflow, or finds it; one that is done is not begun again.
func (c *Client) start(ctx context.Context, id string, summary workflows.Summary, kind string, in any) (string, error) {
	return c.begin(ctx, id, summary, kind, in, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY)
}

func (c *Client) begin(ctx context.Context, id string, summary workflows.Summary, kind string, in any, reuse enumspb.WorkflowIdReusePolicy) (string, error) {
	run, err := c.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                activities.QueueRuns,
		WorkflowTaskTimeout:      decideWithin,
		WorkflowIDReusePolicy:    reuse,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		Memo:                     map[string]any{workflows.MemoSummary: summary},
		StaticSummary:            summary.Name,
	}, kind, in)
	if err != nil {
		return "", fmt.Errorf("submit %s: %w", summary.Name, err)
	}
	return run.GetID(), nil
}

func passes(spec *config.Spec) int {
	switch {
	case spec.Exec != nil:
		return spec.Exec.Passes
	case spec.Prune == nil:
		return 0
	}
	return spec.Prune.Schedule.Passes
}

// View is a look at a run.
type View struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind,omitempty"` // KindSensitivity, KindSweep or KindTrial; nothing for a run of a spec
	State   string    `json:"state"`
	Started time.Time `json:"started"`
	Closed  time.Time `json:"closed,omitzero"`
	// Life tells this run from others with the id, and is the same in all
	// histories that it continues in; lists have none.
	Life    string            `json:"-"`
	Summary workflows.Summary `json:"summary"`
	// Reached is the run's own state; nil while no worker answers for it.
	Reached *workflows.State `json:"reached,omitempty"`
	// Sweep is what a sweep has reached; nil while no worker answers for it.
	Sweep *workflows.SweepResult `json:"sweep,omitempty"`
	// AsOf is when it came to stand so, by the server's clock, if that is what its
	// worker wrote down and not what it answered; see [Client.Glance].
	AsOf time.Time `json:"as_of,omitzero"`
	// Step is the step under way, if any.
	Step *Step `json:"step,omitempty"`
	// Log and Tags are what persons wrote; Annotate fills them in.
	Log  []workflows.Entry `json:"log,omitempty"`
	Tags []string          `json:"tags,omitempty"`
}

// Step is the step under way and its newest heartbeat.
type Step struct {
	Activity    string               `json:"activity"`
	Attempt     int32                `json:"attempt"`
	Queue       string               `json:"queue,omitempty"` // whose workers may take it
	Waiting     bool                 `json:"waiting"`         // no worker has it
	Again       time.Time            `json:"again,omitzero"`  // when it is tried again, if that is not yet
	Worker      string               `json:"worker,omitempty"`
	Heartbeat   time.Time            `json:"heartbeat,omitzero"`
	Progress    *activities.Progress `json:"progress,omitempty"`
	LastFailure string               `json:"last_failure,omitempty"`
}

// Look describes a run. It asks the run's worker for its rows if rows is set,
// for as long as ctx allows.
func (c *Client) Look(ctx context.Context, id string, rows bool) (*View, error) {
	ctx, cancel := context.WithCancel(ctx) // a question that needs no answer any more
	defer cancel()
	var reached <-chan answer
	if rows {
		reached = c.ask(ctx, id) // while the server describes it: a busy one takes its time for both
	}
	described, err := c.Temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return nil, c.explain(id, err)
	}
	v := c.view(described.GetWorkflowExecutionInfo())
	v.Life = described.GetWorkflowExecutionInfo().GetFirstRunId()
	for _, pending := range described.GetPendingActivities() {
		if v.Step == nil || v.Step.Waiting { // of several, one that a worker has
			v.Step = c.stepOf(pending)
		}
	}
	if !rows {
		return v, nil
	}
	if v.Kind == KindSweep {
		v.Sweep, err = c.swept(ctx, v, reached)
		return v, err
	}
	if v.State == workflows.StateDone && v.Kind != KindSensitivity {
		result, err := c.Result(ctx, id)
		if err != nil {
			return nil, err
		}
		if v.Kind == KindTrial { // which leaves its summary to its result
			v.Summary.State, v.Summary.Pass = v.State, result.Rows[len(result.Rows)-1].Pass
			v.Summary.Reach(result.Rows)
		}
		v.Reached = &workflows.State{State: v.State, Rows: result.Rows, Stopped: result.Stopped, Events: result.Events}
		return v, nil
	}
	if a := <-reached; a.err == nil {
		var state workflows.State
		if err := a.value.Get(&state); err != nil {
			return nil, fmt.Errorf("state of %s: %w", id, err)
		}
		v.Reached = &state
		if v.State == workflows.StateRunning {
			v.State = state.State
		}
	}
	return v, nil
}

// answer is that of a run's worker.
type answer struct {
	value converter.EncodedValue
	err   error
}

// ask asks the worker of a run or a sweep what it has reached.
func (c *Client) ask(ctx context.Context, id string) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		value, err := c.Temporal.QueryWorkflow(ctx, id, "", workflows.QueryState)
		answers <- answer{value, err}
	}()
	return answers
}

// Result waits for a run's end and answers with its result.
func (c *Client) Result(ctx context.Context, id string) (*workflows.Result, error) {
	var result workflows.Result
	if err := c.Temporal.GetWorkflow(ctx, id, "").Get(ctx, &result); err != nil {
		return nil, c.explain(id, err)
	}
	return &result, nil
}

// listPage is how many runs one answer of Temporal lists: of a thousand, SQLite
// takes longer than the server waits.
const listPage = 100

// List describes the newest runs, scans and sweeps, at most limit of them.
func (c *Client) List(ctx context.Context, limit int) ([]View, error) {
	var views []View
	var page []byte
	for len(views) < limit {
		answer, err := c.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: c.Namespace, Query: fmt.Sprintf("WorkflowType IN ('%s', '%s', '%s')", workflows.NameRun, workflows.NameSensitivity, workflows.NameSweep),
			PageSize: int32(min(limit-len(views), listPage)), NextPageToken: page,
		})
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		for _, info := range answer.GetExecutions() {
			if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW { // which another history is
				views = append(views, *c.view(info))
			}
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			break
		}
	}
	return views, nil
}

// explain turns Temporal's answer into one that a person can act on.
func (c *Client) explain(id string, err error) error {
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return err
}

func (c *Client) view(info *workflowpb.WorkflowExecutionInfo) *View {
	v := &View{ID: info.GetExecution().GetWorkflowId(), Started: info.GetStartTime().AsTime(), State: state(info.GetStatus())}
	v.Kind = map[string]string{
		workflows.NameSensitivity: KindSensitivity, workflows.NameSweep: KindSweep, workflows.NameTrial: KindTrial,
	}[info.GetType().GetName()]
	if t := info.GetCloseTime(); t != nil {
		v.Closed = t.AsTime()
	}
	if c.decode(info.GetMemo().GetFields()[workflows.MemoSummary], &v.Summary) && v.State == workflows.StateRunning {
		v.State = v.Summary.State
	}
	if began := v.Summary.Began; !began.IsZero() { // the server knows of the newest history
		v.Started = began
	}
	return v
}

func state(s enumspb.WorkflowExecutionStatus) string {
	switch s {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return workflows.StateDone
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return workflows.StateCancelled
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return workflows.StateFailed
	default:
		return workflows.StateRunning
	}
}

func (c *Client) stepOf(p *workflowpb.PendingActivityInfo) *Step {
	s := &Step{
		Activity: p.GetActivityType().GetName(), Attempt: p.GetAttempt(), Worker: p.GetLastWorkerIdentity(),
		Queue:       p.GetActivityOptions().GetTaskQueue().GetName(),
		Waiting:     p.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED,
		LastFailure: payload.Message(c.converter(), p.GetLastFailure()),
	}
	if t := p.GetLastHeartbeatTime(); t != nil {
		s.Heartbeat = t.AsTime()
	}
	if t := p.GetNextAttemptScheduleTime(); t != nil && s.Waiting {
		s.Again = t.AsTime()
	}
	var progress activities.Progress
	if payloads := p.GetHeartbeatDetails().GetPayloads(); len(payloads) > 0 && c.decode(payloads[0], &progress) {
		s.Progress = &progress
	}
	return s
}

// decode reads a payload that this program wrote; one of another version that
// does not fit is left out of the view.
func (c *Client) decode(p *commonpb.Payload, into any) bool {
	return p != nil && c.converter().FromPayload(p, into) == nil
}

func (c *Client) converter() converter.DataConverter {
	if c.Converter == nil {
		return converter.GetDefaultDataConverter()
	}
	return c.Converter
}
