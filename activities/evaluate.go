package activities

import (
	"context"
	"fmt"
	"time"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/measure"
)

// evaluationBatch is large enough to keep the matrix products busy. It is the
// most: see batchFor.
const evaluationBatch = 500

// evaluationValues bounds the values of one node's output over a batch, 16 MiB
// of them, so that large images do not ask for gigabytes.
const evaluationValues = 1 << 22

// batchFor is the number of samples that net is evaluated on at once. It
// follows from the network, so that it needs no place in the step's key.
func batchFor(net *models.Network) (int, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return 0, err
	}
	largest := 1
	for _, shape := range shapes {
		largest = max(largest, shape.Size())
	}
	return max(1, min(evaluationBatch, evaluationValues/largest)), nil
}

// Evaluate measures a network: its accuracy on the test set (and on the
// held-out validation samples, if there are any), its sparsity, its size and,
// if that is asked for, its time.
func (s *Steps) Evaluate(ctx context.Context, in EvaluateInput) (StepResult, error) {
	return s.run(ctx, in.Head, NameEvaluate, in.KeyParams(), 0, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		parent, set, err := a.given(ctx, in.Data, in.DataDigest)
		if err != nil {
			return checkpoint.Result{}, err
		}
		metrics, err := during(ctx, PartCompute, func(ctx context.Context) (map[string]float64, error) {
			return s.measure(ctx, in, parent.Network, set)
		})
		return checkpoint.Result{Metrics: metrics}, err
	})
}

// measure is what the evaluation asks for of a network.
func (s *Steps) measure(ctx context.Context, in EvaluateInput, net *models.Network, set *data.Dataset) (map[string]float64, error) {
	metrics := make(map[string]float64)
	if err := s.accuracies(ctx, net, set, metrics); err != nil {
		return nil, err
	}
	if in.Latency {
		took, err := s.latency(ctx, net)
		if err != nil {
			return nil, err
		}
		metrics[MetricLatency] = took.Seconds()
	}
	return metrics, costs(net, metrics)
}

func (s *Steps) accuracies(ctx context.Context, net *models.Network, set *data.Dataset, metrics map[string]float64) error {
	test, err := s.accuracy(ctx, net, set.Test)
	if err != nil {
		return err
	}
	metrics[MetricTestAcc], metrics[MetricTestLoss], metrics[MetricTestN] = test.Accuracy, test.Loss, float64(test.N)
	metrics[MetricTestLow], metrics[MetricTestHigh] = test.Low, test.High
	if set.Extra.Len() > 0 {
		extra, err := s.accuracy(ctx, net, set.Extra)
		if err != nil {
			return err
		}
		metrics[MetricExtraAcc], metrics[MetricExtraN] = extra.Accuracy, float64(extra.N)
		metrics[MetricExtraLow], metrics[MetricExtraHigh] = extra.Low, extra.High
	}
	if set.Validation.Len() == 0 {
		return nil
	}
	val, err := s.accuracy(ctx, net, set.Validation)
	metrics[MetricValAcc] = val.Accuracy
	return err
}

// accuracy evaluates a network in a session of its own.
func (s *Steps) accuracy(ctx context.Context, net *models.Network, split *data.Split) (measure.Evaluation, error) {
	batch, err := batchFor(net)
	if err != nil {
		return measure.Evaluation{}, err
	}
	sess, err := s.Engine.Open(net, engine.Options{Batch: batch, Inference: true})
	if err != nil {
		return measure.Evaluation{}, &inputError{fmt.Errorf("open %s: %w", net.Name, err)}
	}
	defer sess.Close()
	e, err := measure.Evaluate(ctx, sess, split, batch)
	if err != nil && ctx.Err() == nil {
		// Logits that are not finite will not be so the next time either.
		err = &inputError{err}
	}
	return e, err
}

func costs(net *models.Network, metrics map[string]float64) error {
	c, err := measure.Costs(net)
	if err != nil {
		return err
	}
	metrics[MetricSparsity] = c.Sparsity()
	metrics[MetricWeights], metrics[MetricNonZero] = float64(c.Weights), float64(c.NonZeroWeights)
	metrics[MetricParams], metrics[MetricNonZeroParam] = float64(c.Params), float64(c.NonZero)
	metrics[MetricDenseBytes], metrics[MetricSparseBytes] = float64(c.Bytes), float64(c.SparseBytes)
	metrics[MetricMACs], metrics[MetricLiveMACs] = float64(c.MACs), float64(c.EffectiveMACs)
	return nil
}

// latencyRounds are measured of each network whose time is asked for.
const latencyRounds = 15

// latency is the median time of a network for one sample, on this machine.
func (s *Steps) latency(ctx context.Context, net *models.Network) (time.Duration, error) {
	begun := time.Now()
	clock := func() time.Duration { return time.Since(begun) }
	l, err := measure.Latencies(ctx, clock, s.Engine, []*models.Network{net}, 1, latencyRounds)
	if err != nil {
		return 0, err
	}
	return l[0].Median, nil
}
