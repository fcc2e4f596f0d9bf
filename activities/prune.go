package activities

import (
	"context"

	"espalier/models/checkpoint"
	"espalier/models/prune"
)

// Prune removes what the method plans to remove in one pass. The plan is kept
// with the result.
func (s *Steps) Prune(ctx context.Context, in PruneInput) (StepResult, error) {
	options := in.options()
	return s.run(ctx, in.Head, NamePrune, options, 0, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		parent, err := a.parent(ctx)
		if err != nil {
			return checkpoint.Result{}, err
		}
		plan, err := prune.NewPlan(ctx, parent.Network, options, prune.Basis{})
		if err != nil {
			return checkpoint.Result{}, &inputError{err}
		}
		pruned, err := prune.Apply(parent.Network, plan)
		if err != nil {
			return checkpoint.Result{}, err
		}
		result, err := a.save(ctx, &checkpoint.Checkpoint{Network: pruned})
		if err != nil {
			return checkpoint.Result{}, err
		}
		result.Detail, err = plan.Outline()
		return result, err
	})
}
