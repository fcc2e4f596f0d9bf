package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.temporal.io/sdk/temporal"
	"golang.org/x/term"

	"espalier/activities"
	"espalier/workers/runs"
	"espalier/workflows"
)

// lookEvery is the beat of a watch; plainEvery that of a log's progress lines.
const (
	lookEvery  = 500 * time.Millisecond
	plainEvery = 10 * time.Second
)

// lookWithin is how long one look may take before the server counts as silent.
const lookWithin = 5 * time.Second

// trialsWithin is how long a worker may take to tell of a sweep's trials.
const trialsWithin = time.Second

// errServersGone says that the process which embeds the servers has ended.
var errServersGone = errors.New("the process with the servers has ended")

// finisher prints what has ended, or answers why there is nothing to print.
type finisher func(context.Context, *runs.Client, *runs.View) error

// follow watches a run to its end and then finishes it.
func (a *app) follow(ctx context.Context, c *connection, id string, finish finisher) error {
	w := a.newWatcher()
	defer w.clear()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		v, err := glance(ctx, c.runs, id)
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case errors.Is(err, runs.ErrNotFound):
			return err
		case err != nil && c.gone():
			return errServersGone
		case err != nil:
			if full := a.errFull(c); full != nil {
				return full
			}
			w.tell(fmt.Sprintf("temporal at %s does not answer; trying again", c.address))
		default:
			w.see(v)
			a.blame(ctx, c, w, v)
			if v.State == workflows.StateDone || v.State == workflows.StateFailed || v.State == workflows.StateCancelled {
				w.clear()
				return finish(ctx, c.runs, v)
			}
		}
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-tick.C:
		}
	}
}

// blameEvery is how often a watch looks whether any worker takes a step that waits.
const blameEvery = 3 * time.Second

// blame tells once if no live worker has what a step needs that waits.
func (a *app) blame(ctx context.Context, c *connection, w *watcher, v *runs.View) {
	if time.Since(w.asked) < blameEvery {
		return
	}
	w.asked = time.Now()
	why := a.stuck(ctx, c, v)
	if why != w.blamed && why != "" && w.json == nil {
		w.clear()
		fmt.Fprintf(w.out, "%s waits: %s\n", v.ID, why)
	}
	w.blamed = why
}

// glance looks at a run once.
func glance(ctx context.Context, c *runs.Client, id string) (*runs.View, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	v, err := c.Look(ctx, id, false)
	if err != nil || v.Kind != runs.KindSweep || !v.Closed.IsZero() {
		return v, err
	}
	// Its trials too, if a worker is there to tell of them.
	short, stop := context.WithTimeout(ctx, trialsWithin)
	defer stop()
	if all, err := c.Look(short, id, true); err == nil {
		return all, nil
	}
	return v, nil
}

// finish prints a finished run's result, or answers why there is none.
func (a *app) finish(ctx context.Context, c *runs.Client, v *runs.View) error {
	switch v.Kind {
	case runs.KindSensitivity:
		return a.finishScan(ctx, c, v.ID, scanFiles{})
	case runs.KindSweep:
		return a.finishSweep(ctx, c, v.ID)
	}
	id := v.ID
	result, err := c.Result(ctx, id)
	if err != nil {
		return ended(id, err)
	}
	if a.json {
		return a.printJSON(result)
	}
	fmt.Fprintf(a.out, "\n%s\n\n", id)
	printRows(a.out, result.Rows)
	if result.Stopped != "" {
		fmt.Fprintln(a.out, "\nstopped:", result.Stopped)
	}
	fmt.Fprintf(a.out, "\nfinal checkpoint %s\n", result.Final)
	return nil
}

// ended says why a run has no result.
func ended(id string, err error) error {
	var execution *temporal.WorkflowExecutionError
	if !errors.As(err, &execution) {
		return fmt.Errorf("result of run %s: %w", id, err)
	}
	return runFailedError{fmt.Errorf("run %s: %s", id, reason(err))}
}

// reason is the innermost message of a failed run, without Temporal's wrapping.
func reason(err error) string {
	var (
		app      *temporal.ApplicationError
		canceled *temporal.CanceledError
		ended    *temporal.TerminatedError
	)
	switch {
	case errors.As(err, &app):
		return app.Message() + advice(app.Type())
	case errors.As(err, &canceled):
		return "cancelled; submitting its spec again goes on from the last checkpoint"
	case errors.As(err, &ended):
		return "terminated"
	default:
		return err.Error()
	}
}

// advice says what to do about a kind of failure.
func advice(kind string) string {
	switch kind {
	case activities.FailureFull:
		return "; make room and run the spec again: it goes on from the last checkpoint"
	case activities.FailureDenied:
		return "; mend the credentials and run the spec again: it goes on from the last checkpoint"
	case activities.FailureDiverged:
		return "; lower the learning rate, or clip the gradients (train.clip)"
	default:
		return ""
	}
}

// watcher prints what a run is doing: one line that changes on a terminal, a
// plain log elsewhere, or JSON lines.
type watcher struct {
	out   io.Writer
	width func() int // of the terminal; nil for a plain log
	json  *json.Encoder
	last  string // the state, step and pass told last
	when  time.Time

	trials map[int]string // what was told last of each trial of a sweep

	blamed string    // what was told last of why no worker takes the step
	asked  time.Time // when the workers were looked at last
}

func (a *app) newWatcher() *watcher {
	w := &watcher{out: a.errs, asked: time.Now()}
	file, ok := a.errs.(*os.File)
	switch {
	case a.progress == "json":
		w.json = json.NewEncoder(a.errs)
	case a.progress == "none":
		w.out = io.Discard
	case a.progress == "auto" && ok && term.IsTerminal(int(file.Fd())):
		w.width = func() int {
			if width, _, err := term.GetSize(int(file.Fd())); err == nil {
				return width
			}
			return 80
		}
	}
	return w
}

func (w *watcher) see(v *runs.View) {
	if w.json != nil {
		// A watcher that cannot write has nobody to tell so.
		_ = w.json.Encode(v)
		return
	}
	now := fmt.Sprint(v.State, v.Summary.Pass)
	if v.Step != nil {
		now = fmt.Sprint(now, v.Step.Activity, v.Step.Attempt, v.Step.Waiting)
	}
	if w.width != nil {
		w.draw(line(v))
		return
	}
	if v.Sweep != nil {
		w.seeTrials(v.Sweep.Trials)
	}
	if now != w.last || time.Since(w.when) >= plainEvery {
		w.last, w.when = now, time.Now()
		fmt.Fprintln(w.out, line(v))
	}
}

// seeTrials tells of the trials of a sweep that are not where they were.
func (w *watcher) seeTrials(trials []workflows.SweptTrial) {
	if w.trials == nil {
		w.trials = make(map[int]string)
	}
	for _, t := range trials {
		if text := trialLine(t); text != w.trials[t.Trial] {
			w.trials[t.Trial] = text
			fmt.Fprintln(w.out, text)
		}
	}
}

func (w *watcher) tell(text string) {
	if w.width != nil {
		w.draw(text)
	} else if w.json == nil && text != w.last {
		w.last = text
		fmt.Fprintln(w.out, text)
	}
}

// draw replaces the line. It leaves room at the end for the ^C that terminals
// echo, which would wrap and leave the line behind.
func (w *watcher) draw(text string) {
	if runes, room := []rune(text), max(0, w.width()-3); len(runes) > room {
		text = string(runes[:room])
	}
	fmt.Fprintf(w.out, "\r\x1b[K%s", text)
}

func (w *watcher) clear() {
	if w.width != nil {
		fmt.Fprint(w.out, "\r\x1b[K")
	}
}
