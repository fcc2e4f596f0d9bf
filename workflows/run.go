// Package workflows holds what happens next: a run as deterministic code.
//
// A run is a chain of links, each made by one durable step from the link
// before: prepare, train, then prune and finetune for every pass. After the
// dense network and after every pass the network is evaluated, which makes a
// row of the result. The code here holds names and small numbers, never
// weights; it reads no clock and does no I/O. Everything that a step needs is
// a function of the spec, the pass and the link before, so that a link whose
// checkpoint was lost can be made again by running its step again.
package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/models/prune"
)

// maxRepairs bounds how often one run makes lost checkpoints again, so that a
// store that loses everything ends the run with an error.
const maxRepairs = 20

// step only names the activities, so that the compiler checks them.
var step *activities.Steps

// Run drives one spec from the initial network to the result.
func Run(ctx workflow.Context, in RunInput) (*Result, error) {
	r := &run{spec: in.Spec, id: workflow.GetInfo(ctx).WorkflowExecution.ID, state: in.State}
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

// row makes the two links of a pass and evaluates the second.
func (r *run) row(ctx workflow.Context, pass int) error {
	for _, i := range []int{2 * pass, 2*pass + 1} {
		if i < len(r.state.Links) {
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
	row.Kept = true
	if drop := dropped(r.spec, r.state.Rows, row); drop != "" {
		r.state.Stopped, row.Kept = drop, false
	}
	r.state.Rows = append(r.state.Rows, row)
	return nil
}

// link makes link i, first making again what it stands on if that was lost.
func (r *run) link(ctx workflow.Context, i int) (Link, error) {
	for {
		link, err := r.make(ctx, i, false)
		if !lost(err) {
			return link, err
		}
		if err := r.repair(ctx, i-1, err); err != nil {
			return Link{}, err
		}
	}
}

// repair makes link i again after a later step could not read its checkpoint.
func (r *run) repair(ctx workflow.Context, i int, cause error) error {
	if r.repairs++; r.repairs > maxRepairs || i < 0 {
		return fmt.Errorf("gave up after making lost checkpoints again %d times: %w", r.repairs-1, cause)
	}
	r.state.note(workflow.Now(ctx), "", fmt.Sprintf("making %s again: %v", linkName(i), cause))
	for {
		link, err := r.make(ctx, i, true)
		if lost(err) {
			if err = r.repair(ctx, i-1, err); err == nil {
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

// make runs the step of link i: 0 prepares, 1 trains, 2p prunes and 2p+1
// fine-tunes in pass p.
func (r *run) make(ctx workflow.Context, i int, recheck bool) (Link, error) {
	pass := i / 2
	r.state.Step, r.state.Pass = linkName(i), pass
	head := activities.Head{Run: r.id, Pass: pass, Durability: r.spec.Durability, Recheck: recheck}
	if i > 0 {
		head.Parent = r.state.Links[i-1].Checkpoint
	}
	var out activities.StepResult
	var err error
	switch {
	case i == 0:
		out, err = r.prepare(ctx, head)
	case i == 1:
		err = r.do(ctx, step.Train, r.training(head, r.spec.Train), &out)
	case i%2 == 0:
		var in activities.PruneInput
		if in, err = r.pruning(head, pass); err == nil {
			err = r.do(ctx, step.Prune, in, &out)
		}
	default:
		tune := r.spec.FinetuneTrain(pass)
		if tune.Epochs == 0 {
			return r.state.Links[i-1], nil
		}
		err = r.do(ctx, step.Finetune, r.training(head, tune), &out)
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

// pruning spreads the targets over the passes: sparsities by the schedule's
// shape, thresholds by quality in equal parts.
func (r *run) pruning(head activities.Head, pass int) (activities.PruneInput, error) {
	p := *r.spec.Prune
	in := activities.PruneInput{Head: head}
	at := func(target float64) (float64, error) {
		return prune.At(p.Schedule.Shape, pass, p.Schedule.Passes, 0, target)
	}
	var err error
	if len(p.Quality) > 0 {
		quality := make(map[string]float64, len(p.Quality))
		for _, layer := range workflow.DeterministicKeys(p.Quality) {
			quality[layer] = p.Quality[layer] * float64(pass) / float64(p.Schedule.Passes)
		}
		p.Quality = quality
	} else if target := p.Schedule.Target.Sparsity; target > 0 { // or else every layer has its own
		if in.Sparsity, err = at(target); err != nil {
			return in, err
		}
	}
	for _, layer := range workflow.DeterministicKeys(p.Schedule.Target.Layers) {
		if in.Layers == nil {
			in.Layers = make(map[string]float64)
		}
		if in.Layers[layer], err = at(p.Schedule.Target.Layers[layer]); err != nil {
			return in, err
		}
	}
	in.Prune = p
	return in, nil
}

// evaluate measures the network that a pass ended with.
func (r *run) evaluate(ctx workflow.Context, pass int) (Row, error) {
	i := 2*pass + 1
	for {
		r.state.Step, r.state.Pass = "evaluate", pass
		in := activities.EvaluateInput{
			Head: activities.Head{Run: r.id, Pass: pass, Parent: r.state.Links[i].Checkpoint, Durability: r.spec.Durability},
			Data: r.spec.Data, DataDigest: r.state.DataDigest,
		}
		var out activities.StepResult
		err := r.do(ctx, step.Evaluate, in, &out)
		if lost(err) {
			if err = r.repair(ctx, i, err); err == nil {
				continue
			}
		}
		return newRow(pass, r.state.Links[i], out.Metrics), err
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

// lost says that a step could not read its input checkpoint.
func lost(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == activities.FailureParentLost
}

func linkName(i int) string {
	switch {
	case i == 0:
		return "prepare"
	case i == 1:
		return "train"
	case i%2 == 0:
		return "prune"
	default:
		return "finetune"
	}
}
