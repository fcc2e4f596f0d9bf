package activities

import (
	"context"
	"fmt"
	"time"

	"espalier/config"
	"espalier/models"
	"espalier/models/data"
	"espalier/models/train"
)

// Probed is what a short look at a spec's training finds on this machine.
type Probed struct {
	Network     *models.Network // the initial one
	Train, Test int             // images
	DataDigest  string
	Rate        float64 // training images a second
}

// probeFor is how long a probe trains.
const probeFor = time.Second

// Probe builds a spec's network and data set and trains for a second, so that
// the time of a run can be predicted. It is no activity and keeps nothing.
func (s *Steps) Probe(ctx context.Context, n config.Network, d config.Data, t config.Train) (*Probed, error) {
	set, err := s.dataset(ctx, d, "")
	if err != nil {
		return nil, err
	}
	net, err := s.initial(ctx, PrepareInput{Network: n, Data: d, Seed: t.Seed}, set)
	if err != nil {
		return nil, err
	}
	if err := checkBatches(net, set.Train.Len(), t.Batch); err != nil {
		return nil, err
	}
	sess, err := s.Engine.Open(net, trainOptions(t).Engine())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", net.Name, err)
	}
	defer sess.Close()
	loader := data.NewAugmentedLoader(set.Train, t.Batch, t.Seed, augmentation(d.Augment))
	defer loader.Close()
	trainer, err := train.New(net, sess, loader, trainOptions(t), nil)
	if err != nil {
		return nil, err
	}
	steps, begun := 0, time.Now()
	for !trainer.Done() && time.Since(begun) < probeFor && ctx.Err() == nil {
		if _, err := trainer.Step(); err != nil {
			return nil, err
		}
		steps++
	}
	rate := float64(steps*t.Batch) / time.Since(begun).Seconds()
	return &Probed{Network: net, Train: set.Train.Len(), Test: set.Test.Len(), DataDigest: set.Digest, Rate: rate}, ctx.Err()
}
