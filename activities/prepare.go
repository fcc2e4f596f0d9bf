package activities

import (
	"context"
	"fmt"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/prune"
	"espalier/models/zoo"
)

// Prepare checks the data set and makes the initial network: the architecture
// for the data's shape and classes, with weights drawn from the seed.
func (s *Steps) Prepare(ctx context.Context, in PrepareInput) (PrepareResult, error) {
	set, err := s.dataset(ctx, in.Data, "")
	if err != nil {
		return PrepareResult{}, failure(ctx, err)
	}
	net, err := initial(in, set)
	if err != nil {
		return PrepareResult{}, failure(ctx, &inputError{err})
	}
	params := struct {
		Network any
		Shape   any
		Classes int
	}{in.Network, set.Shape, set.Classes}
	result, err := s.run(ctx, in.Head, NamePrepare, params, in.Seed, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		return a.save(ctx, &checkpoint.Checkpoint{Network: net})
	})
	return PrepareResult{StepResult: result, DataDigest: set.Digest}, err
}

// initial builds the network for the data's shape and classes, and refuses a
// pruning that cannot work on it before any training is paid for.
func initial(in PrepareInput, set *data.Dataset) (*models.Network, error) {
	n := in.Network
	net, err := zoo.Build(zoo.Options{Arch: n.Arch, Hidden: n.Hidden, Dropout: n.Dropout, Input: set.Shape, Classes: set.Classes})
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", n.Arch, err)
	}
	if in.Prune != nil {
		if err := prune.Check(net, in.Prune.options()); err != nil {
			return nil, fmt.Errorf("prune: %w", err)
		}
	}
	zoo.Init(net, in.Seed)
	return net, nil
}
