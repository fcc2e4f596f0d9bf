package activities_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
)

// curveOf is the curve that the result of a step has.
func (b bench) curveOf(t *testing.T, key string) activities.Curve {
	t.Helper()
	result, err := b.steps.Repo.Result(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var curve activities.Curve
	if err := json.Unmarshal(result.Detail, &curve); err != nil {
		t.Fatal(err)
	}
	return curve
}

func TestCurveHasThePointsThatWereAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	plain, err := b.train("a", prepared, sgd)
	if err != nil {
		t.Fatal(err)
	}
	how := sgd
	how.Epochs, how.EvaluateEvery, how.EMA = 5, 2, 0.9
	curved, err := b.train("a", prepared, how)
	if err != nil {
		t.Fatal(err)
	}
	how.EvaluateEvery = 0
	silent, err := b.train("a", prepared, how)
	if err != nil {
		t.Fatal(err)
	}
	if curved.Checkpoint != silent.Checkpoint || curved.Checkpoint == plain.Checkpoint {
		t.Errorf("evaluated on the way the training ends in %s, otherwise in %s", curved.Checkpoint, silent.Checkpoint)
	}
	curve := b.curveOf(t, curved.Key)
	var epochs []int
	for _, p := range curve.Points {
		epochs = append(epochs, p.Epoch)
		if !(p.TrainLoss > 0 && p.TrainAccuracy > 0 && p.Loss > 0 && p.Accuracy > 0) {
			t.Errorf("point %+v", p)
		}
	}
	if diff := cmp.Diff([]int{2, 4, 5}, epochs); diff != "" || curve.Split != "test" {
		t.Errorf("points after epochs %v of the %s set, want 2, 4 and 5 of the test set", epochs, curve.Split)
	}
	measured, err := do[activities.StepResult](b, b.steps.Evaluate, activities.EvaluateInput{Head: head("a", curved.Checkpoint), Data: digits, DataDigest: prepared.DataDigest})
	if err != nil {
		t.Fatal(err)
	}
	if last, want := curve.Points[2].Accuracy, measured.Metrics[activities.MetricTestAcc]; last != want {
		t.Errorf("the last point has accuracy %g, the result %g", last, want)
	}
}

// A worker that stops again and again leaves the same result and curve.
func TestCurveSurvivesInterruptions(t *testing.T) {
	t.Parallel()
	how := sgd
	how.Epochs, how.EvaluateEvery = 40, 1
	whole := newBench(t)
	want, err := whole.train("a", whole.prepare(t), how)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	got, stops := b.stopped(t, how)
	if got.Checkpoint != want.Checkpoint {
		t.Errorf("after %d stops checkpoint %s, want %s", stops, got.Checkpoint, want.Checkpoint)
	}
	if diff := cmp.Diff(whole.curveOf(t, want.Key), b.curveOf(t, got.Key)); diff != "" {
		t.Errorf("after %d stops (-whole +stopped):\n%s", stops, diff)
	}
	if stops == 0 {
		t.Skip("the training was over before it could be stopped")
	}
}

// mostStops bounds how often a training is stopped: a machine that is busy with
// other things would never end it.
const mostStops = 8

// stopped is a training by a worker that stops again and again, and how often.
func (b bench) stopped(t *testing.T, how config.Train) (got activities.StepResult, stops int) {
	t.Helper()
	prepared := b.prepare(t)
	for {
		stop := make(chan struct{})
		b.env.SetWorkerStopChannel(stop)
		timer := time.AfterFunc(20*time.Millisecond, func() {
			if stops < mostStops {
				close(stop)
			}
		})
		got, err := b.train("a", prepared, how)
		timer.Stop()
		var app *temporal.ApplicationError
		if err == nil {
			return got, stops
		}
		if !errors.As(err, &app) || app.Type() != activities.FailureDrained {
			t.Fatal(err)
		}
		stops++
	}
}

// The journal tells of each epoch, though no curve was asked for and attempts
// ended in the middle.
func TestJournalsTellOfEveryEpoch(t *testing.T) {
	t.Parallel()
	how := sgd
	how.Epochs = 30
	told := func(b bench, key string) []activities.Epoch {
		var entries []checkpoint.Entry
		for entry, err := range b.steps.Repo.History(t.Context(), key) {
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, entry)
		}
		epochs := activities.Epochs(entries)
		for i := range epochs {
			if epochs[i].Epoch != i+1 || epochs[i].Looked || !(epochs[i].Seconds > 0 && epochs[i].LR > 0 && epochs[i].TrainLoss > 0) {
				t.Errorf("epoch %d is told as %+v", i+1, epochs[i])
			}
			epochs[i].Seconds = 0
		}
		return epochs
	}
	whole, other := newBench(t), newBench(t)
	want, err := whole.train("a", whole.prepare(t), how)
	if err != nil {
		t.Fatal(err)
	}
	got, stops := other.stopped(t, how)
	once, again := told(whole, want.Key), told(other, got.Key)
	if diff := cmp.Diff(once, again); diff != "" || len(once) != how.Epochs {
		t.Errorf("%d epochs, and after %d stops (-whole +stopped):\n%s", len(once), stops, diff)
	}
	if result, err := whole.steps.Repo.Result(t.Context(), want.Key); err != nil || result.Detail != nil || len(result.Metrics) != 2 {
		t.Errorf("the result is %+v, %v; want no more in it than before", result, err)
	}
}

// What is new about a training is part of its key and does something.
func TestNewSettingsTrainOtherWeights(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	seen := map[checkpoint.Digest]string{}
	train := func(name string, in config.Data, how config.Train) {
		out, err := do[activities.StepResult](b, b.steps.Train, activities.TrainInput{
			Head: head("a", prepared.Checkpoint), Data: in, DataDigest: prepared.DataDigest, Train: how,
		})
		if err != nil {
			t.Fatal(name, err)
		}
		if twin, ok := seen[out.Checkpoint]; ok || out.Reused {
			t.Errorf("%s: reused %t, the weights of %s", name, out.Reused, twin)
		}
		seen[out.Checkpoint] = name
	}
	train("plain", digits, sgd)
	shifted, flipped := digits, digits
	shifted.Augment.Shift, flipped.Augment.Flip = 2, true
	train("shift", shifted, sgd)
	train("flip", flipped, sgd)
	for name, change := range map[string]func(*config.Train){
		"ema":      func(how *config.Train) { how.EMA = 0.9 },
		"l1":       func(how *config.Train) { how.L1.Biases = 0.1 },
		"l2":       func(how *config.Train) { how.L2 = config.Penalty{Weights: 0.1, Only: []string{"fc1"}} },
		"schedule": func(how *config.Train) { how.Schedule = config.Schedule{Kind: "step", At: []int{1}, Factor: 0.1} },
		"decay": func(how *config.Train) {
			how.Optimizer.SGD = &config.SGD{LR: 0.05, Momentum: 0.9, WeightDecay: 0.1, WeightDecayOn: []string{"biases"}}
		},
	} {
		how := sgd
		change(&how)
		train(name, digits, how)
	}
}

func TestBadAugmentationsAndNormalizationsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for want, change := range map[string]func(*config.Data){
		"shift 28": func(d *config.Data) { d.Augment.Shift = 28 },
		"3 means and 3 deviatio": func(d *config.Data) {
			d.Normalize = config.Normalize{Mean: []float64{0, 0, 0}, Deviation: []float64{1, 1, 1}}
		},
	} {
		in := digits
		change(&in)
		_, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: network, Data: in, Seed: 1})
		wantInput(t, err, want)
	}
}
