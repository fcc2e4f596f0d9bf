package live_test

import (
	"testing"
	"time"

	"espalier/activities"
	"espalier/cmd/espalier/live"
	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workflows"
	"espalier/workflows/search"
)

// noon is when tests look.
var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// training is a run in the middle of an epoch of its second pass.
func training(epoch int, changes ...func(*runs.View)) *runs.View {
	v := &runs.View{
		ID: "tiny-1", State: workflows.StateRunning, Summary: workflows.Summary{Passes: 3}, Started: noon.Add(-time.Minute),
		Step: &runs.Step{Activity: "Finetune", Queue: "cpu", Attempt: 1, Heartbeat: noon, Progress: &activities.Progress{
			Pass: 2, Epochs: 8, Cursor: checkpoint.Cursor{Epoch: epoch, Batch: 25}, Batches: 100, Loss: 0.25, Accuracy: 0.975, Rate: 40000,
		}},
	}
	for _, change := range changes {
		change(v)
	}
	return v
}

func TestLineSaysWhatARunDoes(t *testing.T) {
	t.Parallel()
	const at5 = "tiny-1 running | finetune, pass 2/3 | epoch 5/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s"
	tests := map[string]struct {
		view *runs.View
		want string
	}{
		"done":     {&runs.View{ID: "tiny-1", State: workflows.StateDone}, "tiny-1 done"},
		"training": {training(4), at5},
		"the last epoch's end": {training(8),
			"tiny-1 running | finetune, pass 2/3 | epoch 8/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s"},
		"saved": {training(4, func(v *runs.View) { v.Step.Progress.SavedAt = noon.Add(-3 * time.Second) }), at5 + " | saved 3s ago"},
		"looked at a split": {training(4, func(v *runs.View) {
			v.Step.Progress.Look = &activities.Look{Split: "test", Epoch: 4, Accuracy: 0.9125}
		}), at5 + " | test 91.25 % after epoch 4"},
		"with what it has reached": {training(4, func(v *runs.View) {
			v.Summary.Final, v.Summary.Accuracy, v.Summary.Sparsity = "ab", 0.9, 0.8
			v.Step.Progress.Worker = "espalier@host#1"
		}), at5 + " | so far 90.00 % at sparsity 80.00 % | espalier@host#1"},
		"loading": {training(4, func(v *runs.View) { v.Step.Progress = &activities.Progress{Phase: "loading"} }),
			"tiny-1 running | finetune | loading"},
		"of centroids": {training(4, func(v *runs.View) { v.Step.Progress.Tied = true }),
			"tiny-1 running | finetune of centroids | epoch 5/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s"},
		"of some centroids": {training(4, func(v *runs.View) { v.Step.Progress.Tied, v.Step.Progress.Portion = true, 0.75 }),
			"tiny-1 running | finetune of centroids of 75 % of the weights | epoch 5/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s"},
		"waiting": {training(4, func(v *runs.View) { v.Step.Waiting, v.Step.Queue = true, "gpu" }),
			"tiny-1 running | finetune | waiting for a worker of queue gpu"},
		"tried again": {training(4, func(v *runs.View) {
			v.Step.Waiting, v.Step.Again, v.Step.Attempt, v.Step.LastFailure = true, noon.Add(10*time.Second), 3, "no luck"
		}), "tiny-1 running | finetune | tried again in 10s | attempt 3: no luck"},
		"a sweep": {sweep(2, 6), "sweep-2 running | 2 of 12 trials ended, 7 under way | 1 failed"},
		"a sweep without a worker": {&runs.View{ID: "sweep-2", Kind: runs.KindSweep, State: workflows.StateRunning, Summary: workflows.Summary{Pass: 3, Passes: 9}},
			"sweep-2 running | 3 of 9 trials ended"},
		"a sweep as it was just now": {aged(sweep(2, 6), 2*time.Second), "sweep-2 running | 2 of 12 trials ended, 7 under way | 1 failed"},
		"a sweep as it was":          {aged(sweep(2, 6), time.Minute), "sweep-2 running | 2 of 12 trials ended, 7 under way | 1 failed | as of 1m0s ago"},
	}
	for name, test := range tests {
		if got := live.Line(live.Look{View: test.view, Now: noon}, nil); got != test.want {
			t.Errorf("%s: it says\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

func TestTrialLine(t *testing.T) {
	t.Parallel()
	trial := sweep(2, 1).Sweep.Trials[2]
	if got, want := live.TrialLine(trial), "trial 2 running | prune.schedule.target.sparsity=60%"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	trial.State, trial.Why, trial.Last = workflows.StateFailed, "no luck", &workflows.Row{Pass: 1, Accuracy: 0.5, Sparsity: 0.6}
	if got, want := live.TrialLine(trial), "trial 2 failed, pass 1: accuracy 50.00 %, sparsity 60.00 %, no luck | prune.schedule.target.sparsity=60%"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// sweep is one of twelve trials, of which some ended and others run; one waits.
func sweep(ended, running int) *runs.View {
	r := &workflows.SweepResult{Run: "sweep-2", Objectives: []string{"accuracy", "sparsity"}, Total: 12, Ended: ended, Live: running + 1, Failures: 1}
	for i := range ended + running + 1 {
		trial := workflows.SweptTrial{Trial: i, Run: "sweep-2-" + string(rune('a'+i)), State: workflows.StateRunning,
			Values: []search.Setting{{Path: "prune.schedule.target.sparsity", Value: []string{"40%", "50%", "60%"}[i%3]}}}
		switch {
		case i < ended:
			trial.State, trial.Pass, trial.Last = workflows.StateDone, 3, &workflows.Row{Pass: 3, Accuracy: 0.96, Sparsity: 0.5, Kept: true}
		case i == ended+running:
			trial.State = workflows.StateWaiting
		}
		r.Trials = append(r.Trials, trial)
	}
	r.Front = []workflows.SweepPoint{{Point: search.Point{Trial: 1, Pass: 3, Values: []float64{0.96, 0.5}}}}
	return &runs.View{ID: "sweep-2", Kind: runs.KindSweep, State: workflows.StateRunning, Started: noon.Add(-time.Hour),
		Summary: workflows.Summary{Pass: ended, Passes: 12, Failed: 1}, Sweep: r}
}

// aged is a look that was written down by that much before noon.
func aged(v *runs.View, by time.Duration) *runs.View {
	v.AsOf = noon.Add(-by)
	return v
}

// lookAt looks at a sweep's running trials too, each in another epoch.
func lookAt(v *runs.View, limit int) live.Look {
	l := live.Look{View: v, Now: noon}
	trials, _ := live.Running(v.Sweep, limit)
	for i, t := range trials {
		l.Trials = append(l.Trials, training(i, func(v *runs.View) {
			v.ID, v.Kind = t.Run, runs.KindTrial
			v.Step.Progress.Worker, v.Step.Progress.SavedAt = "espalier@host#77@1", noon.Add(-time.Duration(i)*9*time.Second)
			if i == 2 {
				v.Step.Waiting, v.Step.Attempt, v.Step.LastFailure = true, 3, "no luck"
			}
		}))
	}
	return l
}
