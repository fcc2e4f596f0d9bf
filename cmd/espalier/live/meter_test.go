package live_test

import (
	"strings"
	"testing"
	"time"

	"espalier/cmd/espalier/live"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workflows"
)

// threePasses trains 10 epochs, and 8 after each of three prunings.
const threePasses = `name: tiny
network: {arch: mlp, hidden: [8]}
data: {name: digits, train: 3200, test: 100}
train: {epochs: 10, batch: 32, optimizer: {sgd: {lr: 0.1}}, seed: 1}
prune: {method: han, schedule: {passes: 3, target: {sparsity: 80%}}, finetune: {epochs: 8}}
`

func parsed(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, err := config.Parse("spec.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// at is a look at a run's second pass, so many seconds after noon.
func at(seconds, epoch, batch int) live.Look {
	now := noon.Add(time.Duration(seconds) * time.Second)
	return live.Look{Now: now, View: training(epoch, func(v *runs.View) {
		v.Step.Heartbeat, v.Step.Progress.Cursor = now, checkpoint.Cursor{Epoch: epoch, Batch: batch}
	})}
}

func TestWhatIsLeftGoesByWhatWasSeen(t *testing.T) {
	t.Parallel()
	m := live.NewMeter(parsed(t, threePasses))
	expect := func(l live.Look, step, run time.Duration) {
		t.Helper()
		m.See(l)
		if got := m.StepLeft(l.View).Round(time.Millisecond); got != step {
			t.Errorf("the step takes %s, want %s", got, step)
		}
		if got := m.Left(l).Round(time.Millisecond); got != run {
			t.Errorf("the run takes %s, want %s", got, run)
		}
	}
	// 100 batches of 32 images at 40,000 images a second: 80 ms an epoch.
	expect(at(0, 2, 0), 480*time.Millisecond, 1120*time.Millisecond)
	// It took 10 s to do half an epoch, so 5.5 epochs and the 8 of the third pass.
	expect(at(10, 2, 50), 110*time.Second, 270*time.Second)
	// A heartbeat without news is none.
	expect(at(11, 2, 50), 110*time.Second, 270*time.Second)
	// Another attempt goes on further back; what the last one measured is gone.
	expect(at(12, 1, 0), 560*time.Millisecond, 1200*time.Millisecond)
	expect(at(22, 2, 0), 60*time.Second, 140*time.Second)
	// Between two trainings the step's speed is known no more, the run's is.
	pruning := at(30, 0, 0)
	pruning.Step.Progress.Epochs, pruning.Step.Activity = 0, "Evaluate"
	expect(pruning, 0, 80*time.Second)
	pruning.State = workflows.StatePaused
	expect(pruning, 0, 0)
}

func TestWhatIsLeftIsSaidOfWhatIsKnownOnly(t *testing.T) {
	t.Parallel()
	m := live.NewMeter(nil)
	first, second := at(0, 2, 0), at(10, 3, 0)
	m.See(first)
	if got := m.StepLeft(first.View); got != 0 {
		t.Errorf("after one heartbeat the step takes %s, want nothing said", got)
	}
	m.See(second)
	if got := m.StepLeft(second.View); got != 50*time.Second {
		t.Errorf("the step takes %s, want 50s", got)
	}
	if got := m.Left(second); got != 0 {
		t.Errorf("a run without a spec takes %s, want nothing said", got)
	}
}

func TestWhatIsLeftOfASweep(t *testing.T) {
	t.Parallel()
	text := threePasses + "sweep:\n  search: SEARCH\n  params: {prune.schedule.target.sparsity: [10%, 20%]}\n  objectives: [accuracy, sparsity]\n"
	look := func(seconds, ended int) live.Look {
		return live.Look{View: sweep(ended, 3), Now: noon.Add(time.Duration(seconds) * time.Second)}
	}
	m := live.NewMeter(parsed(t, strings.Replace(text, "SEARCH", "grid", 1)))
	m.See(look(0, 0))
	if got := m.Left(look(0, 0)); got != 0 {
		t.Errorf("before a trial has ended it takes %s, want nothing said", got)
	}
	m.See(look(60, 2))
	if got := m.Left(look(60, 2)); got != 5*time.Minute {
		t.Errorf("with 2 of 12 done in a minute it takes %s, want 5m", got)
	}
	// Who comes later goes by all the time since it began, an hour before noon.
	late := live.NewMeter(parsed(t, strings.Replace(text, "SEARCH", "grid", 1)))
	late.See(look(0, 6))
	if got := late.Left(look(0, 6)); got != time.Hour {
		t.Errorf("with 6 of 12 done in an hour it takes %s, want 1h", got)
	}
	halving := live.NewMeter(parsed(t, strings.Replace(text, "SEARCH", "{asha: {trials: 2, eta: 2, by: grid}}", 1)))
	halving.See(look(0, 6))
	if got := halving.Left(look(0, 6)); got != 0 {
		t.Errorf("of halving it says %s, want nothing said", got)
	}
}

func TestTimesAreSpelledShort(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration]string{
		0: "", -time.Second: "", time.Millisecond: "~1s", 45 * time.Second: "~45s", 90 * time.Second: "~1m30s",
		12*time.Minute + 10*time.Second: "~12m", 80 * time.Minute: "~1h20m", 76 * time.Hour: "~3d4h",
	} {
		if got := live.About(in); got != want {
			t.Errorf("about %s is %q, want %q", in, got, want)
		}
	}
	for rate, want := range map[float64]string{523.24: "523.2 images/s", 41_500: "41.5 k images/s"} {
		if got := live.Rate(rate); got != want {
			t.Errorf("%g images a second are %q, want %q", rate, got, want)
		}
	}
}
