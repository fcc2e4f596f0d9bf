package activities

import (
	"context"
	"fmt"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/prune"
)

// Prepare checks the data set and makes the initial network: the architecture
// for the data's shape and classes, with weights drawn from the seed or read
// from a file, or the network of a file or of a checkpoint.
func (s *Steps) Prepare(ctx context.Context, in PrepareInput) (PrepareResult, error) {
	set, err := s.dataset(ctx, in.Data, "")
	if err != nil {
		return PrepareResult{}, failure(ctx, err)
	}
	net, err := s.initial(ctx, in, set)
	if err != nil {
		return PrepareResult{}, failure(ctx, err)
	}
	params := struct {
		Network any
		Shape   any
		Classes int
	}{in.Network.Known(), set.Shape, set.Classes}
	result, err := s.run(ctx, in.Head, NamePrepare, params, in.Seed, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		return a.save(ctx, &checkpoint.Checkpoint{Network: net})
	})
	return PrepareResult{StepResult: result, DataDigest: set.Digest}, err
}

// initial builds the network for the data's shape and classes, and refuses a
// pruning that cannot work on it before any training is paid for.
func (s *Steps) initial(ctx context.Context, in PrepareInput, set *data.Dataset) (*models.Network, error) {
	if err := augmentation(in.Data.Augment).Validate(set.Shape); err != nil {
		return nil, &inputError{fmt.Errorf("data %s: %w", in.Data.Name, err)}
	}
	net, err := s.firstNetwork(ctx, in.Network, set, in.Seed)
	if err != nil {
		return nil, err
	}
	if in.Prune != nil {
		if err := prune.Check(net, in.Prune.options()); err != nil {
			return nil, &inputError{fmt.Errorf("prune: %w", err)}
		}
	}
	if in.Quantize != nil {
		if err := in.Quantize.Check(net); err != nil {
			return nil, &inputError{err}
		}
	}
	for _, t := range in.Teachers {
		if _, err := s.stored(ctx, t.Checkpoint, set); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Key, err)
		}
	}
	return net, nil
}
