package activities

import (
	"context"
	"fmt"

	"espalier/models/checkpoint"
	"espalier/models/zoo"
)

// Prepare checks the data set and makes the initial network: the architecture
// for the data's shape and classes, with weights drawn from the seed.
func (s *Steps) Prepare(ctx context.Context, in PrepareInput) (PrepareResult, error) {
	set, err := s.dataset(ctx, in.Data, "")
	if err != nil {
		return PrepareResult{}, failure(ctx, err)
	}
	params := struct {
		Network any
		Shape   any
		Classes int
	}{in.Network, set.Shape, set.Classes}
	result, err := s.run(ctx, in.Head, NamePrepare, params, in.Seed, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		net, err := zoo.Build(zoo.Options{Arch: in.Network.Arch, Hidden: in.Network.Hidden, Dropout: in.Network.Dropout, Input: set.Shape, Classes: set.Classes})
		if err != nil {
			return checkpoint.Result{}, &inputError{fmt.Errorf("network %s: %w", in.Network.Arch, err)}
		}
		zoo.Init(net, in.Seed)
		return a.save(ctx, &checkpoint.Checkpoint{Network: net})
	})
	return PrepareResult{StepResult: result, DataDigest: set.Digest}, err
}
