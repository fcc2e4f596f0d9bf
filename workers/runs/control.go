package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"espalier/config"
	"espalier/workflows"
	"espalier/workflows/search"
)

// ErrNothing says that what was asked for is so already: nothing changed.
var ErrNothing = errors.New("nothing changed")

func nothing(why string) error { return fmt.Errorf("%w: %s", ErrNothing, why) }

// Pause asks a run to stop at its next checkpoint and wait.
func (c *Client) Pause(ctx context.Context, id string, by workflows.Control) error {
	return c.toggle(ctx, id, workflows.SignalPause, workflows.StatePaused, by)
}

// Resume lets a paused run go on.
func (c *Client) Resume(ctx context.Context, id string, by workflows.Control) error {
	return c.toggle(ctx, id, workflows.SignalResume, workflows.StateRunning, by)
}

// toggle pauses or resumes. What was asked for last counts, whether or not a
// worker has been there to hear it; of a run that nobody asked for anything, its
// state.
func (c *Client) toggle(ctx context.Context, id, signal, to string, by workflows.Control) error {
	v, err := c.going(ctx, id)
	if err != nil {
		return err
	}
	log, _, err := c.Log(ctx, id)
	if err != nil {
		return err
	}
	state := v.State
	for _, e := range log {
		if e.When.After(v.Started) {
			if asked, ok := map[string]string{workflows.SignalPause: workflows.StatePaused, workflows.SignalResume: workflows.StateRunning}[e.What]; ok {
				state = asked
			}
		}
	}
	if state == to && v.State == to {
		return nothing("it is " + to)
	}
	if state == to {
		return nothing("that has been asked for")
	}
	if err := c.explain(id, c.Temporal.SignalWorkflow(ctx, id, "", signal, by)); err != nil {
		return err
	}
	return c.wrote(ctx, id, signal, "", by)
}

// Cancel ends a run after its step has saved a checkpoint; submitting its spec
// again, or Retry, goes on from there.
func (c *Client) Cancel(ctx context.Context, id string, by workflows.Control) error {
	if v, err := c.Look(ctx, id, false); err == nil && v.State == workflows.StateCancelled {
		return nothing("it is cancelled")
	}
	if _, err := c.going(ctx, id); err != nil {
		return err
	}
	if err := c.explain(id, c.Temporal.CancelWorkflow(ctx, id, "")); err != nil {
		return err
	}
	return c.wrote(ctx, id, workflows.EntryCancel, "", by)
}

// Retry lets a run that failed or was cancelled go on from its finished steps,
// and tries the failed trials of a sweep again, all of them or those with the
// numbers, whether the sweep is under way or has ended. It answers with the id
// of what goes on: of a trial, that of its sweep.
func (c *Client) Retry(ctx context.Context, id string, by workflows.Control, trials ...int) (string, error) {
	v, err := c.Look(ctx, id, false)
	if err != nil {
		return "", err
	}
	switch {
	case v.Kind == KindTrial:
		var in workflows.RunInput
		if err := c.input(ctx, id, &in); err != nil {
			return "", err
		}
		return c.Retry(ctx, in.Trial.Sweep, by, in.Trial.Number)
	case v.Kind != KindSweep && len(trials) > 0:
		return "", MistakeError{fmt.Errorf("only a sweep has trials: %s is none", id)}
	case v.Closed.IsZero() && v.Kind == KindSweep:
		err = c.explain(id, c.Temporal.SignalWorkflow(ctx, id, "", workflows.SignalRetry, workflows.RetryAsk{Control: by, Trials: trials}))
	case v.Closed.IsZero():
		return id, nothing("it is under way")
	case v.State == workflows.StateDone && v.Kind == KindSweep:
		err = c.reopen(ctx, id, func(s *search.State) error {
			if len(s.Retry(trials...)) == 0 {
				return nothing("no such trial has failed")
			}
			return nil
		})
	case v.State == workflows.StateDone:
		return id, nothing("it is done")
	default:
		var in json.RawMessage
		if err := c.input(ctx, id, &in); err != nil {
			return "", err
		}
		v.Summary.State = workflows.StateRunning
		_, err = c.start(ctx, id, v.Summary, kinds()[v.Kind], in)
	}
	if err != nil {
		return id, err
	}
	how := ""
	if len(trials) > 0 {
		how = fmt.Sprintf("trials %v", trials)
	}
	return id, c.wrote(ctx, id, workflows.SignalRetry, how, by)
}

// Change changes the concurrency, the number of trials or the priority of a
// sweep, or the priority of a run. The trials of a sweep that has ended can be
// made more: it goes on with the new ones.
func (c *Client) Change(ctx context.Context, id string, ask workflows.ChangeAsk) error {
	if ask.Concurrency != nil {
		if err := CheckConcurrency(*ask.Concurrency); err != nil {
			return MistakeError{err}
		}
	}
	if ask.Priority != 0 {
		if err := CheckPriority(ask.Priority); err != nil {
			return MistakeError{err}
		}
	}
	v, err := c.Look(ctx, id, false)
	if err != nil {
		return err
	}
	if v.Kind != KindSweep && (ask.Concurrency != nil || ask.Trials != nil) {
		return MistakeError{fmt.Errorf("only a sweep has trials: %s is none", id)}
	}
	if ask.Trials != nil {
		var in workflows.SweepInput
		if err := c.input(ctx, id, &in); err != nil {
			return err
		}
		if err := moreTrials(in.Spec.Sweep, *ask.Trials); err != nil {
			return MistakeError{fmt.Errorf("%s: %w", id, err)}
		}
	}
	switch {
	case v.Closed.IsZero():
		if err := c.changes(ctx, v, ask); err != nil {
			return err
		}
		err = c.explain(id, c.Temporal.SignalWorkflow(ctx, id, "", workflows.SignalChange, ask))
	case v.Kind == KindSweep && v.State == workflows.StateDone && ask.Trials != nil:
		err = c.reopen(ctx, id, func(s *search.State) error {
			if s.Spec.Trials == *ask.Trials {
				return nothing(fmt.Sprintf("it has %d trials", s.Spec.Trials))
			}
			return s.Change(ask.Change)
		})
	default:
		return fmt.Errorf("%w: %s is %s", ErrEnded, id, v.State)
	}
	if err != nil {
		return err
	}
	return c.wrote(ctx, id, workflows.SignalChange, ask.Said(), ask.Control)
}

// moreTrials says why a sweep cannot have so many trials.
func moreTrials(s *config.Sweep, trials int) error {
	drawn := s.Search.Random != nil || s.Search.Sobol != nil || s.Search.ASHA != nil && s.Search.ASHA.By != search.Grid
	switch most := s.Budget.Trials; {
	case !drawn:
		return errors.New("its trials are all that its grid or list has; only those of random, sobol and asha can be more")
	case most > 0 && trials*max(1, len(s.Seeds)) > most:
		return fmt.Errorf("%d trials are more than its budget.trials, %d", trials*max(1, len(s.Seeds)), most)
	}
	return nil
}

// answerWithin is how long a worker may take to tell how something stands that
// is to be changed.
const answerWithin = 2 * time.Second

// changes makes sure that something would change, and that it can, as far as a
// worker answers.
func (c *Client) changes(ctx context.Context, v *View, ask workflows.ChangeAsk) error {
	short, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	all, err := c.Look(short, v.ID, true)
	if err != nil || all.Sweep == nil && all.Reached == nil {
		return nil
	}
	same, priority := true, 0
	if s := all.Sweep; s != nil {
		priority = s.Priority
		same = ask.Concurrency == nil || *ask.Concurrency == s.Concurrency
		if ask.Trials != nil && *ask.Trials != s.Total {
			same = false
		}
	} else {
		priority = all.Reached.Priority
	}
	if same && (ask.Priority == 0 || ask.Priority == priority) {
		return nothing("it is so")
	}
	return nil
}

// reopen lets a sweep that has ended go on, with its search as change leaves it.
func (c *Client) reopen(ctx context.Context, id string, change func(*search.State) error) error {
	result, err := c.Sweep(ctx, id)
	if err != nil {
		return err
	}
	var in workflows.SweepInput
	if err := c.input(ctx, id, &in); err != nil {
		return err
	}
	if result.Search == nil {
		return fmt.Errorf("sweep %s was ended by an older version, which left nothing to go on from; submit its spec under another name", id)
	}
	if err := change(result.Search); err != nil {
		return err
	}
	total, err := result.Search.Total()
	if err != nil {
		return err
	}
	summary := workflows.Summary{Name: in.Spec.Name, State: workflows.StateRunning, Pass: result.Ended, Passes: total, Failed: result.Search.Failures}
	_, err = c.begin(ctx, id, summary, workflows.NameSweep, result.Resumed(in.Spec, time.Now().UTC()), enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
	return err
}

// input is what a workflow was started with, or continued as new.
func (c *Client) input(ctx context.Context, id string, into any) error {
	event, err := c.Temporal.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	if err != nil {
		return c.explain(id, err)
	}
	of := event.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
	if len(of) == 0 {
		return fmt.Errorf("run %s was started with nothing", id)
	}
	if err := c.converter().FromPayload(of[0], into); err != nil {
		return fmt.Errorf("what run %s was started with: %w", id, err)
	}
	return nil
}

// kinds are the workflow types by kind.
func kinds() map[string]string {
	return map[string]string{
		"": workflows.NameRun, KindSensitivity: workflows.NameSensitivity, KindSweep: workflows.NameSweep, KindTrial: workflows.NameTrial,
	}
}

// going makes sure that there is a run to control: Temporal takes a request to
// cancel an ended one without a word.
func (c *Client) going(ctx context.Context, id string) (*View, error) {
	v, err := c.Look(ctx, id, false)
	if err != nil {
		return nil, err
	}
	if !v.Closed.IsZero() {
		return nil, fmt.Errorf("%w: %s is %s", ErrEnded, id, v.State)
	}
	return v, nil
}
