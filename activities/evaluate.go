package activities

import (
	"context"
	"fmt"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/measure"
)

// evaluationBatch is large enough to keep the matrix products busy.
const evaluationBatch = 500

// Evaluate measures a network: its accuracy on the test set (and on the
// held-out validation samples, if there are any), its sparsity, and its size.
func (s *Steps) Evaluate(ctx context.Context, in EvaluateInput) (StepResult, error) {
	params := struct {
		Data  string
		Batch int
	}{in.DataDigest, evaluationBatch}
	return s.run(ctx, in.Head, NameEvaluate, params, 0, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		parent, err := a.parent(ctx)
		if err != nil {
			return checkpoint.Result{}, err
		}
		set, err := s.dataset(ctx, in.Data, in.DataDigest)
		if err != nil {
			return checkpoint.Result{}, err
		}
		metrics := make(map[string]float64)
		if err := s.accuracies(ctx, parent.Network, set, metrics); err != nil {
			return checkpoint.Result{}, err
		}
		return checkpoint.Result{Metrics: metrics}, costs(parent.Network, metrics)
	})
}

func (s *Steps) accuracies(ctx context.Context, net *models.Network, set *data.Dataset, metrics map[string]float64) error {
	sess, err := s.Engine.Open(net, engine.Options{Batch: evaluationBatch})
	if err != nil {
		return fmt.Errorf("open %s: %w", net.Name, err)
	}
	defer sess.Close()
	test, err := measure.Evaluate(ctx, sess, set.Test, evaluationBatch)
	if err != nil {
		return err
	}
	metrics[MetricTestAcc], metrics[MetricTestLoss], metrics[MetricTestN] = test.Accuracy, test.Loss, float64(test.N)
	metrics[MetricTestLow], metrics[MetricTestHigh] = test.Low, test.High
	if set.Validation == nil || set.Validation.Len() == 0 {
		return nil
	}
	val, err := measure.Evaluate(ctx, sess, set.Validation, evaluationBatch)
	metrics[MetricValAcc] = val.Accuracy
	return err
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
