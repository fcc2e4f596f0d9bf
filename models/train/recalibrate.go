package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"espalier/models"
	"espalier/models/engine"
)

// Recalibrate returns net with the running statistics of batch normalization
// measured anew: the plain average of the means, and of the unbiased variances,
// of so many training batches, from the first of epoch 0 on, each normalized by
// its own as in training. That repairs the statistics of a network whose
// weights were changed without training, and those that an average of weights
// never had (Izmailov et al. 2018, section 3.2). Weights stay; dropout is off.
// No batch may be larger than the first. net is not changed; without batch
// normalization the answer is a copy.
func Recalibrate(ctx context.Context, eng engine.Engine, net *models.Network, src Source, batches int) (*models.Network, error) {
	if batches < 1 {
		return nil, fmt.Errorf("recalibrate: %d batches, want at least 1", batches)
	}
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("recalibrate: %w", err)
	}
	if !slices.ContainsFunc(net.Nodes, func(n models.Node) bool { return n.Op == models.OpBatchNorm }) {
		return net.Clone(), nil
	}
	sums, err := measured(ctx, eng, net, src, batches)
	if err != nil {
		return nil, fmt.Errorf("recalibrate: %w", err)
	}
	anew := net.Clone()
	for i, p := range anew.Params {
		if p.Role.Trained() {
			continue
		}
		for k, sum := range sums[i] {
			p.Data[k] = float32(sum / float64(batches))
			if !finite(float64(p.Data[k])) {
				return nil, fmt.Errorf("recalibrate: %s[%d] is %g", p.Name, k, p.Data[k])
			}
		}
	}
	return anew, nil
}

// measured are the sums of the statistics of the batches, by parameter: nil for
// those that are trained.
func measured(ctx context.Context, eng engine.Engine, net *models.Network, src Source, batches int) (sums [][]float64, err error) {
	if n := src.Batches(); n < 1 {
		return nil, fmt.Errorf("the data gives %d batches an epoch, want at least 1", n)
	}
	x, labels, err := numbered(src, 0)
	if err != nil {
		return nil, err
	}
	sess, err := eng.Open(momentary(net), engine.Options{Batch: len(labels)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sess.Close()) }()
	sums = make([][]float64, len(net.Params))
	for i := range batches {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i > 0 {
			if x, labels, err = numbered(src, i); err != nil {
				return nil, err
			}
		}
		for _, p := range sess.Params() {
			if !p.Role.Trained() {
				clear(p.Value) // to 0 the batch's own are added without rounding
			}
		}
		if _, err := sess.Backward(x, labels, int64(i)); err != nil {
			return nil, fmt.Errorf("batch %d: %w", i, err)
		}
		accumulate(sums, sess.Params())
	}
	return sums, nil
}

// numbered is batch i, counted on through the epochs.
func numbered(src Source, i int) (x []float32, labels []int32, err error) {
	epoch, batch := i/src.Batches(), i%src.Batches()
	if x, labels, err = src.Batch(epoch, batch); err != nil {
		return nil, nil, fmt.Errorf("epoch %d, batch %d: %w", epoch, batch, err)
	}
	return x, labels, nil
}

func accumulate(sums [][]float64, params []engine.Param) {
	for i, p := range params {
		if p.Role.Trained() {
			continue
		}
		if sums[i] == nil {
			sums[i] = make([]float64, len(p.Value))
		}
		for k, v := range p.Value {
			sums[i][k] += float64(v)
		}
	}
}

// momentary is net with running statistics that are those of the last batch
// alone, and without dropout.
func momentary(net *models.Network) *models.Network {
	c := net.Clone()
	for i := range c.Nodes {
		switch c.Nodes[i].Op {
		case models.OpBatchNorm:
			c.Nodes[i].Attrs.Momentum = 1
		case models.OpDropout:
			c.Nodes[i].Attrs.Rate = 0
		}
	}
	return c
}
