package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"espalier/cmd/espalier/live"
	"espalier/workflows"
)

// plainEvery is the beat of a log's progress lines.
const plainEvery = 10 * time.Second

// watcher shows what a run is doing: a frame that changes on a terminal, a plain
// log elsewhere, or JSON lines.
type watcher struct {
	out    io.Writer
	screen *live.Screen // of a terminal; nil for a plain log
	size   func() (width, height int)
	style  live.Style
	json   *json.Encoder
	meter  *live.Meter
	last   string // the state, step and pass told last
	when   time.Time

	trials map[int]string // what was told last of each trial of a sweep

	blamed string    // what was told last of why no worker takes the step
	asked  time.Time // when the workers were looked at last
}

func (a *app) newWatcher() *watcher {
	w := &watcher{out: a.errs, meter: live.NewMeter(nil), asked: time.Now()}
	file, ok := a.errs.(*os.File)
	terminal := ok && term.IsTerminal(int(file.Fd()))
	switch {
	case a.progress == "json":
		w.json = json.NewEncoder(a.errs)
	case a.progress == "none":
		w.out = io.Discard
	case terminal && (a.progress == "live" || a.progress == "auto" && !a.env.Plain && !a.env.NoColor):
		w.draw(func() (width, height int) { return size(file) }, live.Style{Colour: !a.env.NoColor})
	}
	return w
}

// draw makes the watcher draw on a terminal.
func (w *watcher) draw(size func() (width, height int), s live.Style) {
	w.screen, w.size, w.style = live.NewScreen(w.out, size), size, s
}

// size is that of a terminal; one that does not say has the usual one.
func size(file *os.File) (width, height int) {
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// room is how many trials are shown one by one.
func (w *watcher) room() int {
	if w.screen == nil {
		return 0
	}
	_, height := w.size()
	return live.TrialRows(height)
}

func (w *watcher) see(l live.Look) {
	if w.json != nil {
		// A watcher that cannot write has nobody to tell so.
		_ = w.json.Encode(l.View)
		return
	}
	w.meter.See(l)
	if w.screen != nil {
		w.screen.Draw(func(width, height int) []string { return live.Frame(l, w.meter, width, height, w.style) })
		return
	}
	now := fmt.Sprint(l.State, l.Summary.Pass)
	if l.Step != nil {
		now = fmt.Sprint(now, l.Step.Activity, l.Step.Attempt, l.Step.Waiting)
	}
	if l.Sweep != nil {
		w.seeTrials(l.Sweep.Trials)
	}
	if now != w.last || l.Now.Sub(w.when) >= plainEvery {
		w.last, w.when = now, l.Now
		fmt.Fprintln(w.out, live.Line(l, w.meter))
	}
}

// seeTrials tells of the trials of a sweep that are not where they were.
func (w *watcher) seeTrials(trials []workflows.SweptTrial) {
	if w.trials == nil {
		w.trials = make(map[int]string)
	}
	for _, t := range trials {
		if text := live.TrialLine(t); text != w.trials[t.Trial] {
			w.trials[t.Trial] = text
			fmt.Fprintln(w.out, text)
		}
	}
}

// tell says what is so for now, in the place of what the run does.
func (w *watcher) tell(text string) {
	if w.screen != nil {
		w.screen.Draw(func(width, _ int) []string { return []string{live.Cut(text, width-1)} })
	} else if w.json == nil && text != w.last {
		w.last = text
		fmt.Fprintln(w.out, text)
	}
}

// say writes a line that stays.
func (w *watcher) say(text string) {
	switch {
	case w.screen != nil:
		w.screen.Say(text)
	case w.json == nil:
		fmt.Fprintln(w.out, text)
	}
}

func (w *watcher) clear() {
	if w.screen != nil {
		w.screen.Clear()
	}
}
