package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
)

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

// head is what the inputs of the run's steps begin with.
func (r *run) head() activities.Head {
	h := activities.Head{Run: r.id, Durability: r.spec.Durability, Demands: r.spec.Resources.Demands()}
	if r.trial != nil {
		h.Sweep, h.Trial = r.trial.Sweep, r.trial.Number
	}
	return h
}

// make runs the step of link i.
func (r *run) make(ctx workflow.Context, i int, recheck bool) (Link, error) {
	s := r.chain[i]
	r.state.Step, r.state.Pass = s.kind, r.shown(s)
	head := r.head()
	head.Pass, head.Recheck = r.shown(s), recheck
	if s.from >= 0 {
		head.Parent = r.state.Links[s.from].Checkpoint
	}
	if r.spec.Exec != nil {
		return r.makeExternal(ctx, s, head)
	}
	var out activities.StepResult
	var err error
	switch s.kind {
	case linkPrepare:
		out, err = r.prepare(ctx, head)
	case linkTrain:
		if r.spec.Network.Trained {
			return r.state.Links[s.from], nil
		}
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
	case linkQuantize:
		in := activities.Quantizing(head, r.spec.Quantize, s.part, r.spec.QuantizeSeed())
		err = r.do(ctx, step.Quantize, in, &out)
		return Link{Key: out.Key, Checkpoint: out.Checkpoint, Size: out.Size, Metrics: out.Metrics}, err
	case linkTune:
		how, _ := r.spec.CentroidTrain(s.part)
		tune := r.training(head, how)
		tune.Teacher = r.teacher(s, how.Distill)
		tune.Tied = activities.TyingOf(r.spec.Quantize, s.part)
		err = r.do(ctx, step.Finetune, tune, &out)
	default:
		tune := r.training(head, r.spec.FinetuneTrain(s.pass))
		if tune.Train.Epochs == 0 {
			return r.state.Links[s.from], nil
		}
		tune.Teacher = r.teacher(s, tune.Train.Distill)
		err = r.do(ctx, step.Finetune, tune, &out)
	}
	return Link{Key: out.Key, Checkpoint: out.Checkpoint, Size: out.Size}, err
}

// shown is the pass that a stage is told to be of: what comes after the passes
// belongs to the last.
func (r *run) shown(s stage) int {
	if s.kind == linkQuantize || s.kind == linkTune {
		return s.pass - 1
	}
	return s.pass
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
	in.Quantize, in.Teachers = r.spec.Quantize, r.spec.Teachers()
	var out activities.PrepareResult
	err := r.do(ctx, step.Prepare, in, &out)
	r.state.DataDigest = out.DataDigest
	return out.StepResult, err
}

// teacher is whom the training of stage s learns from: the network that is named,
// or for centroids that which is quantized, and otherwise the dense one.
func (r *run) teacher(s stage, how *config.Distill) checkpoint.Digest {
	switch {
	case how == nil:
		return ""
	case how.Teacher != "":
		return checkpoint.Digest(how.Teacher)
	case s.kind == linkTune:
		from := s.from
		for kind := r.chain[from].kind; kind == linkQuantize || kind == linkTune; kind = r.chain[from].kind {
			from = r.chain[from].from
		}
		return r.state.Links[from].Checkpoint
	default:
		return r.state.Links[denseLink].Checkpoint
	}
}

func (r *run) training(head activities.Head, t config.Train) activities.TrainInput {
	return activities.TrainInput{Head: head, Data: r.spec.Data, DataDigest: r.state.DataDigest, Train: t}
}
