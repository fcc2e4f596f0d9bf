package main

import (
	"strings"
	"testing"
	"time"

	"espalier/activities"
	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workflows"
)

func training(epoch int) *runs.View {
	return &runs.View{
		ID: "tiny-1", State: workflows.StateRunning, Summary: workflows.Summary{Passes: 3},
		Step: &runs.Step{Activity: "Finetune", Queue: "cpu", Attempt: 1, Progress: &activities.Progress{
			Pass: 2, Epochs: 8, Cursor: checkpoint.Cursor{Epoch: epoch, Batch: 25}, Batches: 100, Loss: 0.25, Accuracy: 0.975, Rate: 40000,
		}},
	}
}

func TestLineSaysWhatARunDoes(t *testing.T) {
	t.Parallel()
	changed := func(change func(*runs.View)) *runs.View { v := training(4); change(v); return v }
	for _, test := range []struct {
		view *runs.View
		want string
	}{
		{&runs.View{ID: "tiny-1", State: workflows.StateDone}, "tiny-1 done"},
		{training(4), "tiny-1 running | finetune, pass 2/3 | epoch 5/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s"},
		{training(8), "tiny-1 running | finetune, pass 2/3 | epoch 8/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s"},
		{changed(func(v *runs.View) { v.Step.Progress.SavedAt = time.Now().Add(-3 * time.Second) }), "tiny-1 running | finetune, pass 2/3 | epoch 5/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s | saved 3s ago"},
		{changed(func(v *runs.View) {
			v.Step.Progress.Look = &activities.Look{Split: "test", Epoch: 4, Accuracy: 0.9125}
		}), "tiny-1 running | finetune, pass 2/3 | epoch 5/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s | test 91.25 % after epoch 4"},
		{changed(func(v *runs.View) { v.Step.Progress = &activities.Progress{Phase: "loading"} }), "tiny-1 running | finetune | loading"},
		{changed(func(v *runs.View) { v.Step.Waiting, v.Step.Queue = true, "gpu" }), "tiny-1 running | finetune | waiting for a worker of queue gpu"},
		{changed(func(v *runs.View) {
			v.Step.Waiting, v.Step.Again, v.Step.Attempt, v.Step.LastFailure = true, time.Now().Add(10*time.Second), 3, "no luck"
		}), "tiny-1 running | finetune | tried again in 10s | attempt 3: no luck"},
	} {
		if got := line(test.view); got != test.want {
			t.Errorf("it says\n%s\nwant\n%s", got, test.want)
		}
	}
}

func TestPlainLogIsCalm(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := &watcher{out: &out}
	for epoch := range 8 {
		w.see(training(epoch))
	}
	w.tell("no answer")
	w.tell("no answer")
	next := training(0)
	next.Summary.Pass = 3
	w.see(next)
	w.clear()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("one step, one silence and the next step make these lines:\n%s", out.String())
	}
}

func TestTerminalLineFitsAndIsCleared(t *testing.T) {
	t.Parallel()
	width := 30
	var out strings.Builder
	w := &watcher{out: &out, width: func() int { return width }}
	for _, columns := range []int{30, 10, 2, 0} {
		width = columns
		out.Reset()
		w.see(training(1))
		text, ok := strings.CutPrefix(out.String(), "\r\x1b[K")
		if !ok || strings.Contains(text, "\n") || len([]rune(text)) > max(0, columns-3) {
			t.Errorf("on %d columns it draws %q", columns, out.String())
		}
	}
	out.Reset()
	w.clear()
	if out.String() != "\r\x1b[K" {
		t.Errorf("clear draws %q", out.String())
	}
}
