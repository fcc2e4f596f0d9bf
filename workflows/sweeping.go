package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/workflows/search"
)

// changeLean is since when trials tell of their end by their result.
const changeLean = "lean trials"

// lookAgain is how often a sweep asks trials that an earlier part of its
// history started whether they are still there.
const lookAgain = time.Hour

// hush is how long trials are silent for a sweep that continues as new. What
// comes at that very moment has the server refuse, and the history read again.
const hush = time.Second / 2

// Sweep is the workflow that runs the trials of a spec, as many at a time as the
// spec allows. What they reach comes back by signals, so that they outlive the
// history in which they were started: the sweep continues as new while they run.
// It tells how it stands, its trials do not; tell may be nil.
func Sweep(tell Tell) func(workflow.Context, SweepInput) (*SweepResult, error) {
	return func(ctx workflow.Context, in SweepInput) (*SweepResult, error) {
		result, err := sweep(ctx, in, tell)
		tell.end(ctx, err)
		return result, err
	}
}

func sweep(ctx workflow.Context, in SweepInput, tell Tell) (*SweepResult, error) {
	s, err := newSweeping(ctx, in)
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), "Sweep", nil)
	}
	s.outward = tell
	err = workflow.SetQueryHandlerWithOptions(ctx, QueryState, func() (*SweepResult, error) { return s.result(), nil },
		workflow.QueryHandlerOptions{Description: "what the sweep has reached"})
	if err != nil {
		return nil, err
	}
	s.adopt()
	err = s.all(ctx)
	if workflow.IsContinueAsNewError(err) {
		return nil, err
	}
	if err != nil {
		if temporal.IsCanceledError(err) {
			s.cancelled(s.steady)
		}
		return nil, err
	}
	s.State = StateDone
	result := s.result()
	result.Search = s.Search
	r := &run{id: s.id, spec: s.spec, state: State{Step: "record", Priority: s.Priority}}
	record := activities.RecordInput{Run: s.id, Result: SweepRecord{SweepResult: *result, Spec: &s.spec}}
	if err := workflow.ExecuteActivity(r.options(ctx), step.Record, record).Get(ctx, nil); err != nil {
		return nil, stopped(err)
	}
	return result, s.publish(ctx)
}

// sweeping is a sweep at work.
type sweeping struct {
	SweepState
	id    string
	spec  config.Spec
	limit int // of events
	total int

	tabled int // as in SweepInput

	lean   bool             // its trials are: see TrialPart
	steady workflow.Context // is not cancelled with the sweep
	busy   int              // trials that are being expanded or started, and signals on their way
	turn   int              // counts what may change what comes next

	outward Tell // may be nil
}

func newSweeping(ctx workflow.Context, in SweepInput) (*sweeping, error) {
	s := &sweeping{id: workflow.GetInfo(ctx).WorkflowExecution.ID, spec: in.Spec, limit: in.Events, tabled: in.Tabled}
	if in.State != nil {
		s.SweepState = *in.State
	} else {
		state, err := NewSweep(&in.Spec)
		if err != nil {
			return nil, err
		}
		s.SweepState = SweepState{State: StateRunning, Began: workflow.Now(ctx), Search: state}
	}
	if workflow.GetInfo(ctx).ContinuedExecutionRunID == "" {
		s.First = workflow.Now(ctx)
	}
	var err error
	s.total, err = s.Search.Total()
	s.steady, _ = workflow.NewDisconnectedContext(ctx)
	s.lean = workflow.GetVersion(ctx, changeLean, workflow.DefaultVersion, 1) == 1
	return s, err
}

// all begins trials until there are no more, and waits for those under way.
func (s *sweeping) all(ctx workflow.Context) error {
	for {
		seen := s.turn
		s.drain()
		if s.full(ctx) {
			if s.handOver(); s.busy == 0 && s.handedOver() {
				s.Hushed = true
				return workflow.NewContinueAsNewError(ctx, NameSweep, SweepInput{Spec: s.spec, State: &s.SweepState, Events: s.limit, Tabled: s.tabled})
			}
		} else if s.State == StateRunning {
			if err := s.fill(); err != nil {
				return err
			}
			s.release()
		}
		if done, err := s.Search.Done(); err != nil || done && len(s.Live) == 0 && s.State == StateRunning {
			return err
		}
		s.stands(ctx)
		if err := workflow.Await(ctx, func() bool { return s.turn != seen || s.pending() }); err != nil {
			return err
		}
	}
}

// handOver asks the trials under way to tell of their end by a message: the next
// history does not hear of their results. One that has ended just now cannot be
// asked, and is heard of in this history.
func (s *sweeping) handOver() {
	for i := range s.Live {
		live := &s.Live[i]
		if !s.lean || !live.Up || live.Told || live.Telling {
			continue
		}
		live.Telling = true
		number, id := live.Job.Trial.Number, live.Run
		s.busy++
		workflow.Go(s.steady, func(ctx workflow.Context) {
			err := workflow.SignalExternalWorkflow(ctx, id, "", signalAsk, ask{Hush: hush}).Get(ctx, nil)
			s.busy--
			s.turn++
			if live := s.live(number); live != nil && live.Run == id && err == nil {
				live.Told = true
			}
		})
	}
}

// handedOver says that all trials that are up will tell the next history.
func (s *sweeping) handedOver() bool {
	return !s.lean || !slices.ContainsFunc(s.Live, func(l liveTrial) bool { return l.Up && !l.Told })
}

// full says that the history is to be continued as new.
func (s *sweeping) full(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() || s.limit > 0 && info.GetCurrentHistoryLength() > s.limit
}

// fill takes in what comes next, and expands it.
func (s *sweeping) fill() error {
	again := s.Search.Again
	jobs, err := s.Search.Next()
	if err != nil {
		return err
	}
	for _, job := range jobs {
		live := liveTrial{Job: job}
		if slices.Contains(again, search.Try{Trial: job.Trial.Number, To: job.To}) {
			live.Retry = s.Retries
		}
		live.Run = s.runID(live)
		s.Live = append(s.Live, live)
		s.ready(job)
	}
	return nil
}

// ready expands a trial in the background.
func (s *sweeping) ready(job search.Job) {
	s.row(job.Trial.Number, func(t *SweptTrial) { t.Values, t.State = job.Trial.Values, StateWaiting })
	s.busy++
	workflow.Go(s.steady, func(ctx workflow.Context) { s.expand(ctx, job) })
}

// again starts a trial once more; the steps that it has done are in the store.
func (s *sweeping) again(live *liveTrial) {
	*live = liveTrial{Job: live.Job, Tries: live.Tries + 1, Retry: live.Retry}
	live.Run = s.runID(*live)
	s.ready(live.Job)
}

// expand makes a trial ready; one that cannot run has failed.
func (s *sweeping) expand(ctx workflow.Context, job search.Job) {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	var made expanded
	err := workflow.ExecuteLocalActivity(ctx, expand, &s.spec, job).Get(ctx, &made)
	s.busy--
	s.turn++
	live := s.live(job.Trial.Number)
	if live == nil {
		return
	}
	if err != nil {
		s.end(ctx, trialNews{Trial: job.Trial.Number, To: job.To, End: StateFailed, Why: innermost(err)})
		return
	}
	live.Spec, live.Steps = &made.Spec, made.Steps
}

// release starts the trials that wait for no step of another one, and asks the
// others to tell when they have done what is waited for.
func (s *sweeping) release() {
	type owned struct{ by, links int }
	done, pending := map[string]bool{}, map[string]owned{}
	for _, live := range s.Live {
		for _, step := range live.Steps {
			if step.Links <= live.Links && step.Rows <= live.Rows {
				done[step.Key] = true
			}
		}
	}
	want, known := make([]int, len(s.Live)), true
	for i := range s.Live {
		live := &s.Live[i]
		known = known && live.Steps != nil
		free := known && !live.Started
		for _, step := range live.Steps {
			owner, there := pending[step.Key]
			if there && !live.Started {
				free = false
				want[owner.by] = max(want[owner.by], owner.links)
			} else if !there && !done[step.Key] {
				pending[step.Key] = owned{i, step.Links}
			}
		}
		if free {
			s.launch(live)
		}
	}
	for i, links := range want {
		if live := &s.Live[i]; live.Up && links > max(live.Links, live.Asked) {
			live.Asked = links
			s.tell(live.Run, signalAsk, ask{Links: links})
		}
	}
}

// launch starts a trial in the background.
func (s *sweeping) launch(live *liveTrial) {
	job, id, spec, steps := live.Job, live.Run, live.Spec, live.Steps
	live.Started, live.Spec = true, nil
	s.row(job.Trial.Number, func(t *SweptTrial) { t.State, t.Run = StateRunning, id })
	s.busy++
	workflow.Go(s.steady, func(ctx workflow.Context) { s.start(ctx, job, id, spec, steps) })
}

// start starts a trial and waits for its end. A good one is told by its result,
// others by a signal before, unless it was terminated. One that is there already,
// left by a sweep that was terminated, is taken over.
func (s *sweeping) start(ctx workflow.Context, job search.Job, id string, spec *config.Spec, steps []trialsStep) {
	info := workflow.GetInfo(ctx)
	if s.Priority > 0 {
		spec.Resources.Priority = s.Priority
	}
	state := s.beginning(steps, denseStages(chain(spec)))
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		WorkflowTaskTimeout:   info.WorkflowTaskTimeout,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         Settings(job.Trial),
		Memo: map[string]any{MemoSummary: Summary{
			Name: spec.Name, State: StateRunning, Passes: (&run{spec: *spec}).passes(),
		}},
	}), NameTrial, RunInput{Spec: *spec, State: state, Trial: &TrialPart{
		Sweep: s.id, Number: job.Trial.Number, To: job.To, Objectives: s.spec.Sweep.Objectives, Lean: s.lean,
	}})
	err := child.GetChildWorkflowExecution().Get(ctx, nil)
	s.busy--
	s.turn++
	var there *temporal.ChildWorkflowExecutionAlreadyStartedError
	taken := errors.As(err, &there)
	if live := s.live(job.Trial.Number); live != nil && live.Run == id && (err == nil || taken) {
		live.Up = true
		if s.State == StatePaused {
			s.tell(id, SignalPause, Control{})
		}
		if s.Priority > 0 && s.Priority != spec.Resources.Priority {
			s.tell(id, SignalChange, ChangeAsk{Priority: s.Priority})
		}
	}
	if taken {
		s.attend(ctx, job, id)
		return
	}
	var result TrialResult
	if err == nil {
		err = child.Get(ctx, &result)
	}
	s.drain()
	live := s.live(job.Trial.Number)
	if live != nil && live.Run == id && err == nil && result.News != nil {
		s.hear(ctx, *result.News)
	} else if live != nil && live.Run == id {
		s.end(ctx, trialNews{Trial: job.Trial.Number, To: job.To, End: StateFailed, Why: fmt.Sprintf("it left no word: %v", err)})
	}
}

// adopt watches over the trials that an earlier history started.
func (s *sweeping) adopt() {
	for _, live := range s.Live {
		job, id := live.Job, live.Run
		switch {
		case live.Started:
			told := s.Hushed && live.Told
			workflow.Go(s.steady, func(ctx workflow.Context) {
				if !told || workflow.Sleep(ctx, lookAgain) == nil {
					s.attend(ctx, job, id)
				}
			})
		case live.Steps == nil:
			s.ready(job)
		}
	}
}

// attend asks a trial for news for as long as it is under way. One that is not
// there any more has told the sweep of its end before; if it has not it was
// another job's or was terminated, and is started again.
func (s *sweeping) attend(ctx workflow.Context, job search.Job, id string) {
	for {
		err := workflow.SignalExternalWorkflow(ctx, id, "", signalAsk, ask{}).Get(ctx, nil)
		s.drain()
		live := s.live(job.Trial.Number)
		if live == nil || live.Run != id {
			return
		}
		if err != nil {
			s.again(live)
			return
		}
		if workflow.Sleep(ctx, lookAgain) != nil {
			return
		}
	}
}

// live is the trial under way with a number.
func (s *sweeping) live(number int) *liveTrial {
	i := slices.IndexFunc(s.Live, func(l liveTrial) bool { return l.Job.Trial.Number == number })
	if i < 0 {
		return nil
	}
	return &s.Live[i]
}
