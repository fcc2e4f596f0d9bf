package activities_test

import (
	"testing"

	"espalier/activities"
)

// An evaluation that measures the time is another step than one that does not.
func TestEvaluationMeasuresTheTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	in := activities.EvaluateInput{Head: head("a", prepared.Checkpoint), Data: digits, DataDigest: prepared.DataDigest}
	plain, err := do[activities.StepResult](b, b.steps.Evaluate, in)
	if err != nil {
		t.Fatal(err)
	}
	in.Latency = true
	timed, err := do[activities.StepResult](b, b.steps.Evaluate, in)
	if err != nil {
		t.Fatal(err)
	}
	if _, there := plain.Metrics[activities.MetricLatency]; there || timed.Metrics[activities.MetricLatency] <= 0 {
		t.Errorf("latency %v where it was not asked for, %v where it was", plain.Metrics, timed.Metrics)
	}
	if plain.Key == timed.Key || plain.Metrics[activities.MetricTestAcc] != timed.Metrics[activities.MetricTestAcc] {
		t.Errorf("steps %s and %s with accuracies %v and %v", plain.Key, timed.Key, plain.Metrics[activities.MetricTestAcc], timed.Metrics[activities.MetricTestAcc])
	}
}
