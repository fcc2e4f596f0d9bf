// Package workflows holds what happens next: a run as deterministic code.
//
// A run is a chain of links, each made by one durable step from a link before:
// prepare, train, then, where a method wants it, sparsify, prune and finetune
// for every pass, and in the end, where the spec says so, quantize and tune.
// After the dense network, after every pass and in the end the network is
// evaluated, which makes a row of the result. The code here holds names and small numbers, never
// weights; it reads no clock and does no I/O. Everything that a step needs is
// a function of the spec, the pass and the link before, so that a link whose
// checkpoint was lost can be made again by running its step again.
package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
)

// maxRepairs bounds how often one run makes lost checkpoints again, so that a
// store that loses everything ends the run with an error.
const maxRepairs = 20

// step only names the activities, so that the compiler checks them.
var step *activities.Steps

// Run is the workflow that drives one spec from the initial network to the
// result. It tells how it stands; tell may be nil.
func Run(tell Tell) func(workflow.Context, RunInput) (*Result, error) {
	return func(ctx workflow.Context, in RunInput) (*Result, error) {
		r := newRun(ctx, in)
		r.outward = tell
		result, err := r.whole(ctx)
		tell.end(ctx, err)
		return result, err
	}
}

func newRun(ctx workflow.Context, in RunInput) *run {
	return &run{spec: in.Spec, id: workflow.GetInfo(ctx).WorkflowExecution.ID, state: in.State, chain: chain(&in.Spec), trial: in.Trial, from: in.From}
}

// whole makes all rows and records the result.
func (r *run) whole(ctx workflow.Context) (*Result, error) {
	r.state.State = StateRunning
	if err := r.serve(ctx); err != nil {
		return nil, err
	}
	err := r.rows(ctx)
	if err == nil {
		err = r.quantize(ctx)
	}
	if workflow.IsContinueAsNewError(err) {
		return nil, err
	}
	if err != nil {
		r.state.State = StateFailed
		if temporal.IsCanceledError(err) {
			r.state.State = StateCancelled
		}
		return nil, err
	}
	r.state.State = StateDone
	result := r.result()
	if err := r.keep(ctx, result); err != nil {
		return nil, err
	}
	if r.trial != nil && r.trial.Lean {
		return result, nil // which has all that the summary would
	}
	return result, r.publish(ctx)
}

// run is a workflow with its state.
type run struct {
	id      string
	spec    config.Spec
	state   State
	chain   []stage
	repairs int
	cancel  workflow.CancelFunc // of the step under way, nil between steps

	from   *Origin    // nil unless it was made of another run
	trial  *TrialPart // nil unless it is a trial of a sweep
	halted bool       // the sweep has given the trial up
	news   trialNews  // what the sweep has not been told
	hush   time.Time  // until when it wants to be told nothing

	ask     func(in, out any) error // in the place of a worker, outside of Temporal
	outward Tell                    // may be nil
}

// rows makes the rows that are still to make: the dense network's, then one a pass.
func (r *run) rows(ctx workflow.Context) error {
	for pass := len(r.state.Rows); pass <= r.last() && !r.halted; pass++ {
		if info := workflow.GetInfo(ctx); pass > 0 && info.GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, info.WorkflowType.Name, RunInput{Spec: r.spec, State: r.state, Trial: r.trial, From: r.from})
		}
		err := r.row(ctx, pass)
		if errors.Is(err, errHalted) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.announce(ctx); err != nil {
			return err
		}
		if r.state.Stopped != "" {
			return nil
		}
	}
	return nil
}

// quantize makes the row of the quantized network, of the last pass that is
// kept, whether or not the passes ended early.
func (r *run) quantize(ctx workflow.Context) error {
	if r.spec.Quantize == nil || r.halted || r.last() < r.passes() {
		return nil
	}
	from, pass := 0, len(r.state.Rows)
	for _, row := range r.state.Rows {
		if row.Kept {
			from = r.end(row.Pass)
		}
	}
	r.chain = quantizing(r.chain[:len(r.state.Links)], &r.spec, from, pass)
	if err := r.row(ctx, pass); err != nil {
		return err
	}
	return r.announce(ctx)
}

// row makes the links of a pass and evaluates the last.
func (r *run) row(ctx workflow.Context, pass int) error {
	for i, s := range r.chain {
		if s.pass != pass || i < len(r.state.Links) {
			continue
		}
		link, err := r.link(ctx, i)
		if err != nil {
			return err
		}
		r.state.Links = append(r.state.Links, link)
		r.tellLinks(ctx)
	}
	row, err := r.evaluate(ctx, pass)
	if err != nil {
		return err
	}
	row.shrink(r.state.Rows)
	if row.HuffmanBytes > 0 {
		row.Kept = true // rules that end passes have no say
	} else {
		r.state.Stopped, row.Kept = ended(r.spec, r.state.Rows, row)
	}
	r.state.Rows = append(r.state.Rows, row)
	return nil
}

// evaluate measures the network that a pass ended with and, where that is asked
// for, the one that was just pruned, and always the one just quantized.
func (r *run) evaluate(ctx workflow.Context, pass int) (Row, error) {
	end := r.end(pass)
	metrics, err := r.measure(ctx, end)
	if err != nil {
		return Row{}, err
	}
	row, untuned := newRow(pass, r.state.Links[end], metrics), r.chain[end].from
	if r.spec.Exec != nil {
		row.noteMetrics(metrics)
	}
	switch r.chain[end].kind {
	case linkQuantize:
		row.code(r.state.Links[end])
		return row, nil
	case linkTune:
		row.code(r.state.Links[untuned])
	case linkFinetune:
		if !measuresPruned(&r.spec) {
			return row, nil
		}
	default:
		return row, nil
	}
	metrics, err = r.measure(ctx, untuned)
	row.Pruned = metrics[activities.MetricTestAcc]
	return row, err
}

// measure evaluates link i, first making it again if it was lost.
func (r *run) measure(ctx workflow.Context, i int) (map[string]float64, error) {
	for {
		r.state.Step, r.state.Pass = "evaluate", r.shown(r.chain[i])
		head := r.head()
		head.Pass, head.Parent = r.state.Pass, r.state.Links[i].Checkpoint
		// The checkpoint that a trainer's run was forked from is no step's, which
		// would have told its size.
		measure, in, err := r.evaluation(head, r.state.Links[i].Size == 0)
		if err != nil {
			return nil, err
		}
		var out activities.StepResult
		err = r.do(ctx, measure, in, &out)
		if _, gone := lost(err); gone {
			if err = r.repair(ctx, i, err); err == nil {
				continue
			}
		}
		if out.ParentSize > 0 {
			r.state.Links[i].Size = out.ParentSize
		}
		return out.Metrics, err
	}
}

// do runs one activity; a pause stops it at its next checkpoint, and it is run
// again, to go on from there, when the run is resumed.
func (r *run) do(ctx workflow.Context, activity, in, out any) error {
	if r.ask != nil {
		return r.ask(in, out)
	}
	for {
		if err := workflow.Await(ctx, func() bool { return r.state.State != StatePaused }); err != nil {
			return err
		}
		if r.halted && r.state.State != StateDone {
			return errHalted
		}
		stepCtx, cancel := workflow.WithCancel(r.options(ctx))
		r.cancel = cancel
		began := workflow.Now(ctx)
		err := stopped(workflow.ExecuteActivity(stepCtx, activity, in).Get(ctx, out))
		r.cancel = nil
		cancel()
		r.news.Busy += workflow.Now(ctx).Sub(began)
		if temporal.IsCanceledError(err) && ctx.Err() == nil {
			continue
		}
		return err
	}
}

// stopped is the error of a step, which is its cancellation if it was asked to stop
// and ended otherwise than for good: the server does not try it again then, where
// its worker is lost or leaves at that moment.
func stopped(err error) error {
	var step *temporal.ActivityError
	if errors.As(err, &step) && step.RetryState() == enumspb.RETRY_STATE_CANCEL_REQUESTED {
		return temporal.NewCanceledError()
	}
	return err
}

func (r *run) options(ctx workflow.Context) workflow.Context {
	d := r.spec.Durability
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           r.spec.Resources.Queue,
		StartToCloseTimeout: time.Duration(d.StepTimeout),
		HeartbeatTimeout:    time.Duration(d.HeartbeatTimeout),
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
		Priority:            temporal.Priority{PriorityKey: r.priority(), FairnessKey: r.share()},
		Summary:             fmt.Sprintf("%s, pass %d", r.state.Step, r.state.Pass),
	})
}

// mostKey is the longest fairness key that Temporal takes, in bytes.
const mostKey = 64

// share is the fairness key of the run's steps: the workers of a queue are
// shared out evenly between runs and sweeps, whatever their sizes.
func (r *run) share() string {
	id := r.id
	if r.trial != nil {
		id = r.trial.Sweep
	}
	return id[max(0, len(id)-mostKey):]
}

// last is the pass that is the run's last: a trial may be asked for fewer.
func (r *run) last() int {
	if r.trial != nil {
		return min(r.trial.To, r.passes())
	}
	return r.passes()
}

func (r *run) passes() int {
	_, passes := stops(&r.spec)
	return passes
}

// measuresPruned says whether a network is measured between pruning and
// fine-tuning as well.
func measuresPruned(spec *config.Spec) bool { return spec.Prune != nil && spec.Prune.MeasurePruned }
