// Package workflows holds what happens next: a run as deterministic code.
//
// A run is a chain of links, each made by one durable step from a link before:
// prepare, train, then, where a method wants it, sparsify, prune and finetune
// for every pass. After the dense network and after every pass the network is evaluated, which makes a
// row of the result. The code here holds names and small numbers, never
// weights; it reads no clock and does no I/O. Everything that a step needs is
// a function of the spec, the pass and the link before, so that a link whose
// checkpoint was lost can be made again by running its step again.
package workflows

import (
	"fmt"
	"time"

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

// Run drives one spec from the initial network to the result.
func Run(ctx workflow.Context, in RunInput) (*Result, error) {
	r := &run{spec: in.Spec, id: workflow.GetInfo(ctx).WorkflowExecution.ID, state: in.State, chain: chain(&in.Spec)}
	r.state.State = StateRunning
	if err := r.serve(ctx); err != nil {
		return nil, err
	}
	err := r.rows(ctx)
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
	var nothing struct{}
	if err := r.do(ctx, step.Record, activities.RecordInput{Run: r.id, Result: result}, &nothing); err != nil {
		return nil, err
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
}

// rows makes the rows that are still to make: the dense network's, then one a pass.
func (r *run) rows(ctx workflow.Context) error {
	for pass := len(r.state.Rows); pass <= r.passes(); pass++ {
		if pass > 0 && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, Run, RunInput{Spec: r.spec, State: r.state})
		}
		if err := r.row(ctx, pass); err != nil {
			return err
		}
		if err := r.publish(ctx); err != nil {
			return err
		}
		if r.state.Stopped != "" {
			return nil
		}
	}
	return nil
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
	}
	row, err := r.evaluate(ctx, pass)
	if err != nil {
		return err
	}
	row.shrink(r.state.Rows)
	r.state.Stopped, row.Kept = ended(r.spec, r.state.Rows, row)
	r.state.Rows = append(r.state.Rows, row)
	return nil
}

// link makes link i, first making again what it stands on if that was lost.
func (r *run) link(ctx workflow.Context, i int) (Link, error) {
	for {
		link, err := r.make(ctx, i, false)
		digest, gone := lost(err)
		if !gone {
			return link, err
		}
		if err := r.repair(ctx, r.holder(digest, i), err); err != nil {
			return Link{}, err
		}
	}
}

// repair makes link i again after a later step could not read its checkpoint.
func (r *run) repair(ctx workflow.Context, i int, cause error) error {
	if r.repairs++; r.repairs > maxRepairs || i < 0 {
		return fmt.Errorf("gave up after making lost checkpoints again %d times: %w", r.repairs-1, cause)
	}
	r.state.note(workflow.Now(ctx), "", fmt.Sprintf("making %s again: %v", r.chain[i].kind, cause))
	for {
		link, err := r.make(ctx, i, true)
		if digest, gone := lost(err); gone {
			if err = r.repair(ctx, r.holder(digest, i), err); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		r.state.Links[i] = link
		return nil
	}
}

// make runs the step of link i.
func (r *run) make(ctx workflow.Context, i int, recheck bool) (Link, error) {
	s := r.chain[i]
	r.state.Step, r.state.Pass = s.kind, s.pass
	head := activities.Head{Run: r.id, Pass: s.pass, Durability: r.spec.Durability, Recheck: recheck}
	if s.from >= 0 {
		head.Parent = r.state.Links[s.from].Checkpoint
	}
	var out activities.StepResult
	var err error
	switch s.kind {
	case linkPrepare:
		out, err = r.prepare(ctx, head)
	case linkTrain:
		err = r.do(ctx, step.Train, r.training(head, r.spec.Train), &out)
	case linkEarly:
		early := r.training(head, r.spec.Train)
		early.Until = r.spec.Prune.Rewind
		err = r.do(ctx, step.Train, early, &out)
	case linkSparsify:
		how, _ := r.spec.SparsifyTrain(s.pass)
		err = r.do(ctx, step.Sparsify, r.training(head, how), &out)
	case linkPrune:
		var in activities.PruneInput
		if in, err = r.pruning(head, s.pass); err == nil {
			err = r.do(ctx, step.Prune, in, &out)
		}
	default:
		tune := r.training(head, r.spec.FinetuneTrain(s.pass))
		if tune.Train.Epochs == 0 {
			return r.state.Links[s.from], nil
		}
		if tune.Train.Distill != nil {
			tune.Teacher = r.state.Links[denseLink].Checkpoint
		}
		err = r.do(ctx, step.Finetune, tune, &out)
	}
	return Link{Key: out.Key, Checkpoint: out.Checkpoint, Size: out.Size}, err
}

func (r *run) prepare(ctx workflow.Context, head activities.Head) (activities.StepResult, error) {
	in := activities.PrepareInput{Head: head, Network: r.spec.Network, Data: r.spec.Data, Seed: r.spec.Train.Seed}
	if r.passes() > 0 {
		last, err := r.pruning(head, r.passes())
		if err != nil {
			return activities.StepResult{}, err
		}
		in.Prune = &last
	}
	var out activities.PrepareResult
	err := r.do(ctx, step.Prepare, in, &out)
	r.state.DataDigest = out.DataDigest
	return out.StepResult, err
}

func (r *run) training(head activities.Head, t config.Train) activities.TrainInput {
	return activities.TrainInput{Head: head, Data: r.spec.Data, DataDigest: r.state.DataDigest, Train: t}
}

// evaluate measures the network that a pass ended with and, where that is asked
// for, the one that was just pruned.
func (r *run) evaluate(ctx workflow.Context, pass int) (Row, error) {
	end := r.end(pass)
	metrics, err := r.measure(ctx, end)
	if err != nil {
		return Row{}, err
	}
	row := newRow(pass, r.state.Links[end], metrics)
	if pass == 0 || !r.spec.Prune.MeasurePruned {
		return row, nil
	}
	metrics, err = r.measure(ctx, r.chain[end].from)
	row.Pruned = metrics[activities.MetricTestAcc]
	return row, err
}

// measure evaluates link i, first making it again if it was lost.
func (r *run) measure(ctx workflow.Context, i int) (map[string]float64, error) {
	for {
		r.state.Step, r.state.Pass = "evaluate", r.chain[i].pass
		in := activities.EvaluateInput{
			Head: activities.Head{Run: r.id, Pass: r.chain[i].pass, Parent: r.state.Links[i].Checkpoint, Durability: r.spec.Durability},
			Data: r.spec.Data, DataDigest: r.state.DataDigest,
		}
		var out activities.StepResult
		err := r.do(ctx, step.Evaluate, in, &out)
		if _, gone := lost(err); gone {
			if err = r.repair(ctx, i, err); err == nil {
				continue
			}
		}
		return out.Metrics, err
	}
}

// do runs one activity; a pause stops it at its next checkpoint, and it is run
// again, to go on from there, when the run is resumed.
func (r *run) do(ctx workflow.Context, activity, in, out any) error {
	for {
		if err := workflow.Await(ctx, func() bool { return r.state.State != StatePaused }); err != nil {
			return err
		}
		stepCtx, cancel := workflow.WithCancel(r.options(ctx))
		r.cancel = cancel
		err := workflow.ExecuteActivity(stepCtx, activity, in).Get(ctx, out)
		r.cancel = nil
		cancel()
		if temporal.IsCanceledError(err) && ctx.Err() == nil {
			continue
		}
		return err
	}
}

func (r *run) options(ctx workflow.Context) workflow.Context {
	d := r.spec.Durability
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           r.spec.Resources.Queue,
		StartToCloseTimeout: time.Duration(d.StepTimeout),
		HeartbeatTimeout:    time.Duration(d.HeartbeatTimeout),
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
		Summary:             fmt.Sprintf("%s, pass %d", r.state.Step, r.state.Pass),
	})
}

func (r *run) passes() int {
	if r.spec.Prune == nil {
		return 0
	}
	return r.spec.Prune.Schedule.Passes
}
