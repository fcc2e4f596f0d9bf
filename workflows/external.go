package workflows

import (
	"maps"

	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
)

// externalChain has the stages of a run whose steps a trainer does: the first
// network, then for each pass the network pruned and fine-tuned.
func externalChain(e *config.Exec) []stage {
	all := []stage{{kind: linkTrain, from: -1}}
	for pass := 1; pass <= e.Passes; pass++ {
		all = append(all, stage{kind: linkPrune, pass: pass, from: len(all) - 1}, stage{kind: linkFinetune, pass: pass, from: len(all)})
	}
	return all
}

// external is the input of a trainer's step: of a stage, or of the evaluation
// in its pass.
func (r *run) external(head activities.Head, kind string, pass int) (activities.ExternalInput, error) {
	e := r.spec.Exec
	in := activities.ExternalInput{
		Head: head, Kind: kind, Trainer: e.Trainer, Version: e.Version, Seed: e.SeedOf(kind, pass),
		Silence: e.Silence, Attempts: e.Attempts,
	}
	var err error
	if in.Params, err = e.For(kind); err != nil {
		return in, err
	}
	if pass > 0 && (kind == config.ExecPrune || kind == config.ExecFinetune) {
		in.Target, err = e.TargetOf(pass)
	}
	return in, err
}

// makeExternal has the step of a stage done by the trainer.
func (r *run) makeExternal(ctx workflow.Context, s stage, head activities.Head) (Link, error) {
	if from := r.spec.Exec.Checkpoint; from != "" && s.kind == linkTrain {
		return Link{Checkpoint: checkpoint.Digest(from)}, nil
	}
	in, err := r.external(head, s.kind, s.pass)
	if err != nil {
		return Link{}, err
	}
	var out activities.StepResult
	err = r.do(ctx, step.External, in, &out)
	return Link{Key: out.Key, Checkpoint: out.Checkpoint, Size: out.Size}, err
}

// evaluation is the activity that measures a network, and its input; weigh also
// asks for the size of a trainer's network.
func (r *run) evaluation(head activities.Head, weigh bool) (activity, in any, err error) {
	if r.spec.Exec != nil {
		in, err := r.external(head, config.ExecEvaluate, head.Pass)
		in.Weigh = weigh
		return step.External, in, err
	}
	return step.Evaluate, activities.EvaluateInput{Head: head, Data: r.spec.Data, DataDigest: r.state.DataDigest, Latency: r.spec.MeasureLatency}, nil
}

// noteMetrics keeps what a trainer measured beyond the numbers that rows have
// names for.
func (r *Row) noteMetrics(m map[string]float64) {
	r.Metrics = maps.Clone(m)
	for _, name := range []string{
		activities.MetricSparsity, activities.MetricWeights, activities.MetricNonZero, activities.MetricNonZeroParam,
		activities.MetricTestAcc, activities.MetricTestLow, activities.MetricTestHigh, activities.MetricTestLoss,
		activities.MetricExtraAcc, activities.MetricExtraLow, activities.MetricExtraHigh, activities.MetricValAcc,
		activities.MetricDenseBytes, activities.MetricSparseBytes, activities.MetricMACs, activities.MetricLiveMACs, activities.MetricLatency,
	} {
		delete(r.Metrics, name)
	}
	if len(r.Metrics) == 0 {
		r.Metrics = nil
	}
}

// stops are the rules that end the passes of a spec early, and how many passes
// there are.
func stops(spec *config.Spec) (config.PruneStop, int) {
	switch {
	case spec.Exec != nil:
		return spec.Exec.Stop, spec.Exec.Passes
	case spec.Prune != nil:
		return spec.Prune.Stop, spec.Prune.Schedule.Passes
	}
	return config.PruneStop{}, 0
}

// symbolicExternal is what makes the symbolic key of a trainer's step.
func (r *run) symbolicExternal(at stage) (kind string, params any, seed uint64, work float64, err error) {
	if from := r.spec.Exec.Checkpoint; from != "" && at.kind == linkTrain {
		return at.kind, from, 0, 0, nil
	}
	in, err := r.external(activities.Head{Pass: at.pass}, at.kind, at.pass)
	return at.kind, in.KeyParams(), in.Seed, 1, err
}
