package live

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"espalier/activities"
	"espalier/models/report"
	"espalier/workers/runs"
	"espalier/workflows"
)

// Frame lays a look out for a terminal: at least one line and at most height-1
// of them, since the cursor stands below, each of at most width-1 columns, since
// the last one would wrap.
func Frame(l Look, m *Meter, width, height int, s Style) []string {
	width, height = max(0, width-1), max(1, height-1)
	var lines []string
	if l.Kind == runs.KindSweep {
		lines = s.sweep(l, m, width, height)
	} else {
		lines = s.run(l, m, width)
	}
	return lines[:min(len(lines), height)]
}

// TrialRows is how many trials of a sweep a terminal of a height has room for,
// below two lines of the sweep and one of heads.
func TrialRows(height int) int { return max(0, height-1-3) }

// run is a run's line, one of its step and one of what is safe.
func (s Style) run(l Look, m *Meter, width int) []string {
	pass := ""
	if l.Step != nil && l.Step.Progress != nil && l.Step.Progress.Pass > 0 {
		pass = fmt.Sprintf("pass %d/%d", l.Step.Progress.Pass, l.Summary.Passes)
	}
	lines := []string{s.fit(width, part{l.ID, 1, strong}, part{l.State, 0, stateTone(l.State)}, part{pass, 2, plain}, part{left(m.Left(l)), 3, good}, part{soFar(l.View), 4, plain})}
	step := l.Step
	if step == nil {
		return lines
	}
	name := part{stepName(step), 0, plain}
	if why := waits(step, l.Now); why != "" {
		return append(lines, s.fit(width, name, part{why, 0, waiting}, part{tried(step), 1, bad}))
	}
	p := step.Progress
	if p == nil {
		return append(lines, s.fit(width, name, part{tried(step), 1, bad}))
	}
	if p.Epochs == 0 {
		lines = append(lines, s.fit(width, name, part{p.Phase, 1, plain}, part{tried(step), 2, bad}))
	} else {
		lines = append(lines, s.training(l, m, p, name, width))
	}
	return append(lines, s.fit(width, part{saved(p, l.Now), 0, quiet}, part{tried(step), 1, bad}, part{looked(p), 2, plain}, part{p.Worker, 3, quiet}))
}

// training is the line of a step that trains.
func (s Style) training(l Look, m *Meter, p *activities.Progress, name part, width int) string {
	rate := ""
	if p.Rate > 0 { // trainers may not tell
		rate = Rate(p.Rate)
	}
	return s.fit(width, name, part{"epoch " + epochOf(p), 0, strong}, part{About(m.StepLeft(l.View)), 2, good},
		part{fmt.Sprintf("loss %.4f", p.Loss), 4, plain}, part{"accuracy " + percent(p.Accuracy), 3, plain}, part{rate, 5, plain})
}

func looked(p *activities.Progress) string {
	if p.Look == nil {
		return ""
	}
	return fmt.Sprintf("%s %s after epoch %d", p.Look.Split, percent(p.Look.Accuracy), p.Look.Epoch)
}

func saved(p *activities.Progress, now time.Time) string {
	age := ago(p.SavedAt, now)
	if age == "" {
		return "no checkpoint yet"
	}
	return "checkpoint " + age
}

func left(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return About(d) + " left"
}

// sweep is a head, a line for each trial that runs, and how many there is no
// room for.
func (s Style) sweep(l Look, m *Meter, width, height int) []string {
	lines := []string{
		s.fit(width, part{l.ID, 1, strong}, part{l.State, 0, stateTone(l.State)}, part{left(m.Left(l)), 2, good}),
		s.fit(width, part{ended(l.View), 0, plain}, part{failed(l.View), 1, bad}, part{asOf(l), 1, waiting}),
	}
	if text := best(l.View); text != "" {
		lines = append(lines, s.fit(width, part{text, 0, good}))
	}
	room := height - len(lines) - 1 // below the heads
	trials, more := Running(l.Sweep, max(0, room))
	if more > 0 && len(trials) > 0 { // a line for those that are left out
		trials, more = Running(l.Sweep, max(0, room-1))
	}
	if len(trials) > 0 {
		rows := make([]row, len(trials))
		for i, t := range trials {
			rows[i] = trialRow(l, m, t)
		}
		lines = append(lines, s.grid(width, trialColumns, rows)...)
	}
	if more > 0 {
		lines = append(lines, s.fit(width, part{fmt.Sprintf("... and %d more", more), 0, quiet}))
	}
	return lines
}

// best is what the sweep's best trial has reached, or nothing.
func best(v *runs.View) string {
	if r := v.Sweep; r != nil && len(r.Front) > 0 {
		p := r.Front[0]
		words := make([]string, len(r.Objectives))
		for i, o := range r.Objectives {
			words[i] = strings.ReplaceAll(o, "_", " ") + " " + Objective(o, p.Values[i])
		}
		return fmt.Sprintf("best trial %d, pass %d: %s", p.Trial, p.Pass, strings.Join(words, ", "))
	}
	if v.Summary.Final == "" {
		return ""
	}
	return fmt.Sprintf("best accuracy %s, sparsity %s", percent(v.Summary.Accuracy), percent(v.Summary.Sparsity))
}

// trialColumns are those of a sweep's trials. What a column shows has no unit
// where its head has it.
var trialColumns = []column{
	{"trial", true, 0}, {"pass", true, 1}, {"step", false, 5}, {"epoch", true, 2}, {"left", true, 3}, {"loss", true, 6},
	{"accuracy", true, 4}, {"images/s", true, 8}, {"so far", true, 9}, {"sparsity", true, 7}, {"saved", true, 10}, {"values", false, 11}, {"worker", false, 12},
}

// spans is the first column that a trial's note stands in.
const spans = 3

func trialRow(l Look, m *Meter, t workflows.SweptTrial) row {
	var r row
	r.cells = make([]string, len(trialColumns))
	set := func(head, text string) {
		for i, c := range trialColumns {
			if c.head == head {
				r.cells[i] = text
			}
		}
	}
	set("trial", fmt.Sprint(t.Trial))
	set("pass", fmt.Sprint(t.Pass))
	set("values", named(t))
	if t.Last != nil {
		set("so far", percent(t.Last.Accuracy))
		set("sparsity", percent(t.Last.Sparsity))
	}
	v := trialView(l, t)
	if v == nil || v.Step == nil {
		return r
	}
	set("step", stepName(v.Step))
	set("pass", fmt.Sprintf("%d/%d", t.Pass, v.Summary.Passes))
	if why := waits(v.Step, l.Now); why != "" {
		r.note = join(", ", why, tried(v.Step))
		return r
	}
	p := v.Step.Progress
	if p == nil {
		return r
	}
	set("pass", fmt.Sprintf("%d/%d", p.Pass, v.Summary.Passes))
	set("worker", p.Worker)
	set("saved", ago(p.SavedAt, l.Now))
	if p.Epochs == 0 {
		set("step", join(", ", stepName(v.Step), p.Phase))
		return r
	}
	set("epoch", epochOf(p))
	set("left", About(m.StepLeft(v)))
	set("loss", fmt.Sprintf("%.4f", p.Loss))
	set("accuracy", percent(p.Accuracy))
	if p.Rate > 0 {
		set("images/s", strings.TrimSuffix(Rate(p.Rate), " images/s"))
	}
	return r
}

// trialView is the look at a trial by itself, or nil.
func trialView(l Look, t workflows.SweptTrial) *runs.View {
	for _, v := range l.Trials {
		if v.ID == t.Run {
			return v
		}
	}
	return nil
}

// named are a trial's values by names as short as tells them apart.
func named(t workflows.SweptTrial) string {
	paths := make([]string, len(t.Values))
	for i, v := range t.Values {
		paths[i] = v.Path
	}
	words := make([]string, len(t.Values))
	for i, v := range t.Values {
		words[i] = report.Short(v.Path, paths) + "=" + v.Value
	}
	return strings.Join(words, " ")
}

// clean takes out what would move the cursor.
func clean(text string) string {
	// Of an escape sequence the rest must go too.
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, ansi.Strip(text))
}
