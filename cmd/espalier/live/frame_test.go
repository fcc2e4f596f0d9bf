package live_test

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"espalier/activities"
	"espalier/cmd/espalier/live"
	"espalier/config"
	"espalier/workers/runs"
	"espalier/workflows"
)

func frame(l live.Look, width, height int, s live.Style) []string {
	m := live.NewMeter(&config.Spec{Sweep: &config.Sweep{}})
	m.See(l)
	return live.Frame(l, m, width, height, s)
}

func TestFrameOfARun(t *testing.T) {
	t.Parallel()
	worked := training(4, func(v *runs.View) {
		v.ID = "quickstart-1a2b3c4d5e6f"
		v.Summary.Final, v.Summary.Accuracy, v.Summary.Sparsity = "ab", 0.9712, 0.8
		v.Step.Progress.SavedAt, v.Step.Progress.Worker = noon.Add(-3*time.Second), "espalier@host#77@1"
	})
	tests := map[string]struct {
		view  *runs.View
		width int
		want  []string
	}{
		"wide": {worked, 100, []string{
			"quickstart-1a2b3c4d5e6f  running  pass 2/3  so far 97.12 % at sparsity 80.00 %",
			"finetune  epoch 5/8, 25 %  loss 0.2500  accuracy 97.50 %  40 k images/s",
			"checkpoint 3s ago  espalier@host#77@1",
		}},
		"narrow": {worked, 40, []string{
			"quickstart-1a2b3c4d5e6f  running",
			"finetune  epoch 5/8, 25 %",
			"checkpoint 3s ago  espalier@host#77@1",
		}},
		"very narrow": {worked, 12, []string{"running", "finetune", "checkpoi..."}},
		"waiting": {training(4, func(v *runs.View) { v.Step.Waiting, v.Step.Attempt, v.Step.LastFailure = true, 2, "line\x1b[2J\nline" }), 100, []string{
			"tiny-1  running  pass 2/3", "finetune  waiting for a worker of queue cpu  attempt 2: line line",
		}},
		"loading":     {training(4, func(v *runs.View) { v.Step.Progress = &activities.Progress{Phase: "loading"} }), 80, []string{"tiny-1  running", "finetune  loading", "no checkpoint yet"}},
		"between":     {training(4, func(v *runs.View) { v.Step = nil }), 80, []string{"tiny-1  running"}},
		"wide runes":  {training(4, func(v *runs.View) { v.Step = nil; v.ID = "生命生命" }), 18, []string{"生命生命  running"}},
		"wider runes": {training(4, func(v *runs.View) { v.Step = nil; v.ID = "生命生命" }), 17, []string{"running"}},
	}
	for name, test := range tests {
		got := frame(live.Look{View: test.view, Now: noon}, test.width, 24, live.Style{})
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFrameOfASweep(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		look          live.Look
		width, height int
		want          string
	}{
		"wide": {lookAt(sweep(2, 4), 20), 140, 24, `
sweep-2  running  ~5h left
2 of 12 trials ended, 5 under way  1 failed
best trial 1, pass 3: accuracy 96.00 %, sparsity 50.00 %
trial  pass  step          epoch    loss  accuracy  images/s    saved  values        worker
    2   2/3  finetune  1/8, 25 %  0.2500   97.50 %      40 k   0s ago  sparsity=60%  espalier@host#77@1
    3   2/3  finetune  2/8, 25 %  0.2500   97.50 %      40 k   9s ago  sparsity=40%  espalier@host#77@1
    4   0/3  finetune  waiting for a worker of queue cpu, attempt 3: no luck
    5   2/3  finetune  4/8, 25 %  0.2500   97.50 %      40 k  27s ago  sparsity=60%  espalier@host#77@1
`},
		"low and narrow": {lookAt(sweep(2, 9), 20), 40, 10, `
sweep-2  running  ~5h left
2 of 12 trials ended, 10 under way
best trial 1, pass 3: accuracy 96.00...
trial  pass      epoch  accuracy
    2   2/3  1/8, 25 %   97.50 %
    3   2/3  2/8, 25 %   97.50 %
    4   0/3  waiting for a worker of...
    5   2/3  4/8, 25 %   97.50 %
... and 5 more
`},
		"not looked at": {live.Look{View: sweep(0, 1), Now: noon}, 80, 24, `
sweep-2  running
0 of 12 trials ended, 2 under way  1 failed
best trial 1, pass 3: accuracy 96.00 %, sparsity 50.00 %
trial  pass  values
    0     0  sparsity=40%
`},
		"written down": {live.Look{View: aged(sweep(0, 1), time.Hour), Now: noon}, 80, 24, `
sweep-2  running
0 of 12 trials ended, 2 under way  1 failed  as of 1h ago
best trial 1, pass 3: accuracy 96.00 %, sparsity 50.00 %
trial  pass  values
    0     0  sparsity=40%
`},
		"no worker": {live.Look{View: &runs.View{ID: "s", Kind: runs.KindSweep, State: workflows.StatePaused, Summary: workflows.Summary{Pass: 1, Passes: 2, Final: "ab", Accuracy: 0.5}}, Now: noon}, 80, 24, `
s  paused
1 of 2 trials ended
best accuracy 50.00 %, sparsity 0.00 %
`},
	}
	for name, test := range tests {
		got := strings.Join(frame(test.look, test.width, test.height, live.Style{}), "\n")
		if diff := cmp.Diff(strings.TrimSpace(test.want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whatever the terminal, a frame fits, and colours change nothing but colours.
func TestFramesFit(t *testing.T) {
	t.Parallel()
	looks := []live.Look{
		{View: training(3), Now: noon}, lookAt(sweep(2, 6), 100), lookAt(sweep(0, 1), 100), lookAt(sweep(1, 10), 3),
		{View: training(3, func(v *runs.View) {
			v.Step.Waiting, v.Step.Attempt, v.Step.LastFailure = true, 2, "失败 \x1b[31m\r\n失败"
		}), Now: noon},
	}
	for i, l := range looks {
		for width := range 150 {
			for _, height := range []int{0, 1, 2 + width%20} {
				got := frame(l, width, height, live.Style{})
				if len(got) < 1 || len(got) > max(1, height-1) {
					t.Fatalf("look %d on %d x %d has %d lines", i, width, height, len(got))
				}
				for _, line := range got {
					if ansi.StringWidth(line) > max(0, width-1) || strings.ContainsAny(line, "\x1b\r\n") {
						t.Fatalf("look %d on %d x %d has the line %q", i, width, height, line)
					}
				}
				coloured := ansi.Strip(strings.Join(frame(l, width, height, live.Style{Colour: true}), "\n"))
				if want := strings.Join(got, "\n"); coloured != want {
					t.Fatalf("look %d on %d x %d in colour is\n%s\nwant\n%s", i, width, height, coloured, want)
				}
			}
		}
	}
}
