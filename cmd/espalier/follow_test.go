package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"espalier/activities"
	"espalier/cmd/espalier/live"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workflows"
)

func training(epoch int) live.Look {
	return live.Look{Now: time.Date(2026, 11, 29, 12, 0, epoch, 0, time.UTC), View: &runs.View{
		ID: "tiny-1", State: workflows.StateRunning, Summary: workflows.Summary{Passes: 3},
		Step: &runs.Step{Activity: "Finetune", Queue: "cpu", Attempt: 1, Progress: &activities.Progress{
			Pass: 2, Epochs: 8, Cursor: checkpoint.Cursor{Epoch: epoch, Batch: 25}, Batches: 100, Loss: 0.25, Accuracy: 0.975, Rate: 40000,
		}},
	}}
}

func TestPlainLogIsCalm(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := (&app{errs: &out, progress: "auto"}).newWatcher()
	for epoch := range 8 {
		w.see(training(epoch))
	}
	w.tell("no answer")
	w.tell("no answer")
	next := training(0)
	next.Summary.Pass = 3
	w.see(next)
	w.clear()
	const want = `tiny-1 running | finetune, pass 2/3 | epoch 1/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s
no answer
tiny-1 running | finetune, pass 2/3 | epoch 1/8, 25 % | loss 0.2500 | accuracy 97.50 % | 40 k images/s
`
	if got := out.String(); got != want {
		t.Errorf("one step, one silence and the next step make these lines:\n%swant\n%s", got, want)
	}
}

// Colours and moving lines are for terminals whose user wants them.
func TestProgressIsShownAsTheTerminalWantsIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		progress string
		env      config.Env
		terminal bool
		want     string // plain, live, coloured, json or none
	}{
		"a terminal":                {"auto", config.Env{}, true, "coloured"},
		"a pipe":                    {"auto", config.Env{}, false, "plain"},
		"without colours":           {"auto", config.Env{NoColor: true}, true, "plain"},
		"dumb, or in CI":            {"auto", config.Env{Plain: true}, true, "plain"},
		"live without colours":      {"live", config.Env{NoColor: true}, true, "live"},
		"live, where nothing moves": {"live", config.Env{}, false, "plain"},
		"plain":                     {"plain", config.Env{}, true, "plain"},
		"json":                      {"json", config.Env{}, true, "json"},
		"none":                      {"none", config.Env{}, true, "none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there, err := os.Pipe()
			if test.terminal {
				here, there, err = pty.Open()
			}
			if err != nil {
				t.Fatal(err)
			}
			defer here.Close()
			w := (&app{errs: there, progress: test.progress, env: test.env}).newWatcher()
			w.see(training(4))
			there.Close()
			text := make([]byte, 4096)
			n, _ := here.Read(text) // nothing, or the end, is none
			if got := looks(string(text[:n])); got != test.want {
				t.Errorf("progress is %s, want %s: %q", got, test.want, text[:n])
			}
		})
	}
}

// looks says how progress was shown.
func looks(text string) string {
	switch {
	case text == "":
		return "none"
	case strings.HasPrefix(text, "{"):
		return "json"
	case strings.Contains(text, "\x1b[1m"):
		return "coloured"
	case strings.Contains(text, "\x1b["):
		return "live"
	}
	return "plain"
}

func TestCommandLinesAreForShells(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"espalier run a.yaml --home /tmp/x":  {"run", "a.yaml", "--home", "/tmp/x"},
		"espalier run 'my spec.yaml'":        {"run", "my spec.yaml"},
		`espalier note r 'it'\''s $HOME' ''`: {"note", "r", "it's $HOME", ""},
	} {
		if got := typedAs(args); got != want {
			t.Errorf("%q is typed as %s, want %s", args, got, want)
		}
	}
}
