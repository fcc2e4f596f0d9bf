package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/prune"
	"espalier/models/train"
)

// Prune removes what the method plans to remove in one pass. The plan is kept
// with the result. Where channels go, the smaller network is compared with the
// masked one first.
func (s *Steps) Prune(ctx context.Context, in PruneInput) (StepResult, error) {
	options := in.options()
	return s.run(ctx, in.Head, NamePrune, in.params(options), 0, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		parent, err := a.parent(ctx)
		if err != nil {
			return checkpoint.Result{}, err
		}
		basis, err := a.basis(ctx, in)
		if err != nil {
			return checkpoint.Result{}, err
		}
		done, err := during(ctx, PartCompute, func(ctx context.Context) (pruned, error) {
			return a.prune(ctx, in, options, parent.Network, basis)
		})
		if err != nil {
			return checkpoint.Result{}, err
		}
		result, err := a.save(ctx, &checkpoint.Checkpoint{Network: done.network})
		if err != nil {
			return checkpoint.Result{}, err
		}
		result.Metrics = done.metrics
		result.Detail, err = done.plan.Outline()
		return result, err
	})
}

// pruned is a network after a pass, and what was decided and compared.
type pruned struct {
	network *models.Network
	plan    *prune.Plan
	metrics map[string]float64
}

// prune plans, applies, compares, and mends what pruning has put out of order.
func (a *attempt) prune(ctx context.Context, in PruneInput, o prune.Options, net *models.Network, basis prune.Basis) (p pruned, err error) {
	a.pulse.set(func(g *Progress) { g.Phase = "planning" })
	if p.plan, err = prune.NewPlan(ctx, net, o, basis); err != nil {
		return p, planFailed(ctx, err)
	}
	if p.network, err = prune.Apply(net, p.plan); err != nil {
		return p, err
	}
	if p.metrics, err = a.compare(ctx, in, net, p.network, p.plan); err != nil {
		return p, err
	}
	p.network, err = a.mend(ctx, in, p.network)
	return p, err
}

// planFailed marks an error of a plan: what cannot be planned now cannot be
// planned the next time.
func planFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &inputError{err}
}

// params is what determines a pruning step's numbers beyond its parent. What a
// method does not need is left out.
func (in PruneInput) params(o prune.Options) any {
	p := struct {
		prune.Options
		Dense       checkpoint.Digest `json:"dense,omitempty"`
		Early       checkpoint.Digest `json:"early,omitempty"`
		Samples     int               `json:"samples,omitempty"`
		Data        json.RawMessage   `json:"data,omitempty"`
		Recalibrate *recalibration    `json:"recalibrate,omitempty"`
	}{Options: o, Dense: in.Dense, Early: in.Early, Samples: in.samples()}
	if in.Data != nil && (in.Draw || in.Prune.Recalibrate > 0) {
		// Strings and numbers alone, so it cannot fail.
		p.Data, _ = json.Marshal([]any{in.DataDigest, in.Data.Train, in.Data.Validation})
	}
	if in.Prune.Recalibrate > 0 {
		p.Recalibrate = &recalibration{Batches: in.Prune.Recalibrate, Batch: in.Batch, Shift: in.Data.Augment.Shift, Flip: in.Data.Augment.Flip}
	}
	return p
}

type recalibration struct {
	Batches int
	Batch   int
	Shift   int  `json:",omitempty"`
	Flip    bool `json:",omitempty"`
}

// samples is how many training samples the method looks at.
func (in PruneInput) samples() int {
	if !in.Draw {
		return 0
	}
	if in.Prune.Samples > 0 {
		return in.Prune.Samples
	}
	about, err := prune.Describe(in.Prune.Method)
	if err != nil {
		return 0
	}
	return about.Data
}

// basis is what the plan rests on beside the network.
func (a *attempt) basis(ctx context.Context, in PruneInput) (prune.Basis, error) {
	b := prune.Basis{}
	if in.Dense != "" {
		dense, err := a.read(ctx, in.Dense)
		if err != nil {
			return b, err
		}
		b.Dense = dense.Network
	}
	if in.Draw {
		set, err := a.dataset(ctx, *in.Data, in.DataDigest)
		if err != nil {
			return b, err
		}
		b.Data = a.steps.draw(set.Train, in.samples(), in.Seed)
	}
	b.Latency = a.steps.latency
	return b, nil
}

// draw takes samples of the training set by seed, without repetition.
func (s *Steps) draw(from *data.Split, n int, seed uint64) *prune.Data {
	n = min(n, from.Len())
	chosen := make([]int32, n)
	for i, at := range rand.New(rand.NewPCG(seed, 1)).Perm(from.Len())[:n] {
		chosen[i] = int32(at)
	}
	d := &prune.Data{Engine: s.Engine, X: make([]float32, n*from.Shape().Size()), Labels: make([]int32, n)}
	from.Gather(chosen, d.X, d.Labels)
	return d
}

const (
	probeSamples = 64
	probeAllowed = 1e-3 // of the largest logit; rounding makes some 1e-6
)

// compare holds the smaller network against the masked one, on training samples.
func (a *attempt) compare(ctx context.Context, in PruneInput, parent, small *models.Network, plan *prune.Plan) (map[string]float64, error) {
	if plan.Channels == nil || in.Data == nil {
		return nil, nil
	}
	masked, err := prune.Masked(parent, plan)
	if err != nil {
		return nil, err
	}
	set, err := a.steps.dataset(ctx, *in.Data, in.DataDigest)
	if err != nil {
		return nil, err
	}
	probe := a.steps.draw(set.Train, probeSamples, in.Seed)
	want, err := a.steps.logits(masked, probe)
	if err != nil {
		return nil, err
	}
	got, err := a.steps.logits(small, probe)
	if err != nil {
		return nil, err
	}
	gap, largest := 0.0, 0.0
	for i, w := range want {
		gap = max(gap, math.Abs(float64(w)-float64(got[i])))
		largest = max(largest, math.Abs(float64(w)))
	}
	if !(gap <= probeAllowed*largest) {
		return nil, &inputError{fmt.Errorf("the smaller network's logits differ from the masked one's by %g, the largest is %g: nothing was committed; this is a fault of espalier", gap, largest)}
	}
	if largest > 0 {
		gap /= largest
	}
	return map[string]float64{MetricProbeGap: gap, MetricProbeN: float64(probe.Len())}, nil
}

// logits are the outputs for all samples.
func (s *Steps) logits(net *models.Network, of *prune.Data) ([]float32, error) {
	sess, err := s.Engine.Open(net, engine.Options{Batch: of.Len(), Inference: true})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", net.Name, err)
	}
	defer sess.Close()
	y, err := sess.Forward(of.X, of.Len())
	return append([]float32(nil), y...), err
}

// mend rewinds the pruned network and measures its statistics anew, where that
// is asked for.
func (a *attempt) mend(ctx context.Context, in PruneInput, pruned *models.Network) (*models.Network, error) {
	if in.Early != "" {
		early, err := a.read(ctx, in.Early)
		if err != nil {
			return nil, err
		}
		if pruned, err = prune.Rewind(pruned, early.Network); err != nil {
			return nil, &inputError{err}
		}
	}
	if in.Prune.Recalibrate == 0 {
		return pruned, nil
	}
	set, err := a.steps.dataset(ctx, *in.Data, in.DataDigest)
	if err != nil {
		return nil, err
	}
	a.pulse.set(func(g *Progress) { g.Phase = "recalibrating" })
	loader := data.NewAugmentedLoader(set.Train, in.Batch, in.Seed, augmentation(in.Data.Augment))
	defer loader.Close()
	return train.Recalibrate(ctx, a.steps.Engine, pruned, loader, in.Prune.Recalibrate)
}
