package activities_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/config"
	"espalier/models/prune"
)

// scanned is a trained network and what asks for the curves of its layers.
func (b bench) scanned(t *testing.T, how config.Prune, of config.Data) activities.LayersInput {
	t.Helper()
	prepared, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: network, Data: of, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	trained, err := do[activities.StepResult](b, b.steps.Train, activities.TrainInput{Head: head("a", prepared.Checkpoint), Data: of, DataDigest: prepared.DataDigest, Train: sgd})
	if err != nil {
		t.Fatal(err)
	}
	return activities.LayersInput{Head: head("a", trained.Checkpoint), Data: of, DataDigest: prepared.DataDigest, Prune: how, Seed: 1}
}

// Each point of a curve is what a step of pruning and one of evaluation find.
func TestCurveOfALayerAgreesWithPruningIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	held := digits
	held.Validation = 100
	for name, test := range map[string]struct {
		how   config.Prune
		data  config.Data
		split string
		n     int
		want  []prune.Target
	}{
		"weights, on the test samples":             {config.Prune{Method: "han"}, digits, "test", 200, []prune.Target{{Name: "fc1", Size: 784 * 16}, {Name: "fc2", Size: 160}}},
		"weights by gradients of training samples": {config.Prune{Method: "taylor", Samples: 64}, digits, "test", 200, []prune.Target{{Name: "fc1", Size: 784 * 16}, {Name: "fc2", Size: 160}}},
		"neurons, on samples held out":             {config.Prune{Method: "filter-norm", Granularity: "channel"}, held, "validation", 100, []prune.Target{{Name: "fc1", Size: 16}, {Name: "fc2", Size: 10, Closed: "output"}}},
	} {
		in := b.scanned(t, test.how, test.data)
		in.Draw = test.how.Samples > 0
		layers, err := do[activities.LayersResult](b, b.steps.Layers, in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, layers.Targets); diff != "" {
			t.Errorf("%s: targets (-want +got)\n%s", name, diff)
		}
		if layers.Report.Split != test.split || layers.Report.Samples != test.n || layers.Report.Method != test.how.Method {
			t.Errorf("%s: %+v, want %d %s samples", name, layers.Report, test.n, test.split)
		}
		shares := []float64{0.25, 0.5, 0.9}
		found, err := do[activities.SensitivityResult](b, b.steps.Sensitivity, activities.SensitivityInput{LayersInput: in, Layer: "fc1", Shares: shares})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(found.Curve.Points) != 3 || found.Curve.Size != test.want[0].Size {
			t.Fatalf("%s: %+v, want three points", name, found.Curve)
		}
		for i, p := range found.Curve.Points {
			one := activities.PruneInput{
				Head: in.Head, Prune: test.how, Layers: map[string]float64{"fc1": shares[i]},
				Data: &in.Data, DataDigest: in.DataDigest, Draw: in.Draw, Seed: in.Seed,
			}
			one.Prune.Scope = "layer"
			if test.how.Granularity == "" {
				one.Prune.Exclude = []string{"fc2"}
			}
			pruned, err := do[activities.StepResult](b, b.steps.Prune, one)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			measured, err := do[activities.StepResult](b, b.steps.Evaluate, activities.EvaluateInput{Head: head("a", pruned.Checkpoint), Data: test.data, DataDigest: in.DataDigest})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if want := measured.Metrics[test.split+"_accuracy"]; p.Accuracy != want || p.Share != shares[i] {
				t.Errorf("%s: point %+v, a pruned network has %g", name, p, want)
			}
		}
	}
}

func TestCurveIsFoundAgainAndTellsWhatItLeftOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := activities.SensitivityInput{LayersInput: b.scanned(t, config.Prune{Method: "filter-norm", Granularity: "channel"}, digits), Layer: "fc1", Shares: []float64{0.5, 0.99}}
	first, err := do[activities.SensitivityResult](b, b.steps.Sensitivity, in)
	if err != nil {
		t.Fatal(err)
	}
	// What a pass does beside its choice is no part of a scan.
	in.Run, in.Prune.MaxPerPass, in.Prune.Multiple, in.Prune.Schedule.Target.Channels = "another", 0.1, 8, 0.5
	again, err := do[activities.SensitivityResult](b, b.steps.Sensitivity, in)
	if err != nil {
		t.Fatal(err)
	}
	if first.Reused || !again.Reused || again.Key != first.Key {
		t.Errorf("first %+v, again %+v; want the second found under the same key", first.StepResult, again.StepResult)
	}
	if diff := cmp.Diff(first.Curve, again.Curve); diff != "" {
		t.Errorf("curve found again (-first +again)\n%s", diff)
	}
	if left := first.Curve.LeftOut; len(left) != 1 || left[0].Share != 0.99 || !strings.Contains(left[0].Why, "at least 1 stay") {
		t.Errorf("left out %+v, want that one neuron stays", left)
	}
	in.Layer = "fc9"
	var app *temporal.ApplicationError
	if _, err := do[activities.SensitivityResult](b, b.steps.Sensitivity, in); !errors.As(err, &app) || app.Type() != activities.FailureInput {
		t.Errorf("a layer that is not there: %v, want a final failure of the input", err)
	}
}

func TestScanLeavesAStoppingWorker(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := b.scanned(t, config.Prune{Method: "han"}, digits)
	stop := make(chan struct{})
	b.env.SetWorkerStopChannel(stop)
	close(stop)
	_, err := do[activities.SensitivityResult](b, b.steps.Sensitivity, activities.SensitivityInput{LayersInput: in, Layer: "fc1", Shares: []float64{0.5}})
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.FailureDrained || app.NonRetryable() {
		t.Fatalf("a scan on a stopping worker: %v, want it drained and tried again", err)
	}
}

// Whatever chooses the channels or weights, a layer can be looked at alone.
func TestEveryMethodCanBeScanned(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{
		Head: head("a", ""), Network: config.Network{Arch: "lenet-5", BatchNorm: true, ReLU: true, Width: 0.2}, Data: digits, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range prune.Methods() {
		about, err := prune.Describe(method)
		if err != nil {
			t.Fatal(err)
		}
		for _, granularity := range about.Granularities {
			in := activities.LayersInput{
				Head: head("a", prepared.Checkpoint), Data: digits, DataDigest: prepared.DataDigest, Seed: 1, Draw: about.Data > 0,
				Prune: config.Prune{Method: method, Granularity: granularity, Samples: min(about.Data, 32), Deviations: 1, Threshold: 0.1},
			}
			layers, err := do[activities.LayersResult](b, b.steps.Layers, in)
			if err != nil {
				t.Fatalf("%s of %s: %v", granularity, method, err)
			}
			i := slices.IndexFunc(layers.Targets, func(p prune.Target) bool { return p.Closed == "" })
			if i < 0 {
				t.Errorf("%s of %s: nothing can be pruned alone: %+v", granularity, method, layers.Targets)
				continue
			}
			target := layers.Targets[i]
			found, err := do[activities.SensitivityResult](b, b.steps.Sensitivity, activities.SensitivityInput{LayersInput: in, Layer: target.Name, Shares: []float64{0.5}})
			if err != nil {
				t.Fatalf("%s of %s: %v", granularity, method, err)
			}
			if points := found.Curve.Points; len(points) != 1 || points[0].Removed != (target.Size+1)/2 {
				t.Errorf("%s of %s: %+v, want half of %d removed", granularity, method, found.Curve, target.Size)
			}
		}
	}
}
