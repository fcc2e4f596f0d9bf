package live

import (
	"fmt"
	"strings"
	"time"

	"espalier/activities"
	"espalier/workers/runs"
	"espalier/workflows"
	"espalier/workflows/search"
)

// Line says in one line what a run or a sweep is doing. m may be nil.
func Line(l Look, m *Meter) string {
	parts := []string{l.ID + " " + l.State}
	if l.Kind == runs.KindSweep {
		parts = append(parts, ended(l.View), failed(l.View))
	} else if l.Step != nil {
		parts = append(parts, stepParts(l, m)...)
	}
	parts = append(parts, asOf(l))
	if m != nil {
		if left := About(m.Left(l)); left != "" {
			parts = append(parts, left+" left")
		}
	}
	return join(" | ", parts...)
}

// stepParts is what Line says of the step under way.
func stepParts(l Look, m *Meter) []string {
	step := l.Step
	name := stepName(step)
	parts := []string{name}
	if why := waits(step, l.Now); why != "" {
		parts = append(parts, why)
	} else if p := step.Progress; p != nil {
		if p.Pass > 0 && !p.Tied {
			parts[0] = fmt.Sprintf("%s, pass %d/%d", name, p.Pass, l.Summary.Passes)
		}
		parts = append(parts, progressParts(l, m, p)...)
	}
	return append(parts, tried(step))
}

// stepName tells the training of a quantized network's values from that of the
// last pass, which is the same activity.
func stepName(step *runs.Step) string {
	name := strings.ToLower(step.Activity)
	p := step.Progress
	switch {
	case p == nil || !p.Tied:
		return name
	case p.Portion > 0:
		return fmt.Sprintf("%s of centroids of %.6g %% of the weights", name, 100*p.Portion)
	}
	return name + " of centroids"
}

func progressParts(l Look, m *Meter, p *activities.Progress) []string {
	if p.Epochs == 0 {
		return []string{p.Phase}
	}
	parts := []string{"epoch " + epochOf(p), fmt.Sprintf("loss %.4f", p.Loss), "accuracy " + percent(p.Accuracy)}
	if p.Rate > 0 { // trainers may not tell
		parts = append(parts, Rate(p.Rate))
	}
	if m != nil {
		if left := About(m.StepLeft(l.View)); left != "" {
			parts = append(parts, left+" of this step")
		}
	}
	if p.Look != nil {
		parts = append(parts, fmt.Sprintf("%s %s after epoch %d", p.Look.Split, percent(p.Look.Accuracy), p.Look.Epoch))
	}
	parts = append(parts, soFar(l.View))
	if saved := ago(p.SavedAt, l.Now); saved != "" {
		parts = append(parts, "saved "+saved)
	}
	if p.Worker != "" {
		parts = append(parts, p.Worker)
	}
	return parts
}

// soFar is what the last pass that is kept has reached, or nothing.
func soFar(v *runs.View) string {
	if v.Summary.Final == "" {
		return ""
	}
	return fmt.Sprintf("so far %s at sparsity %s", percent(v.Summary.Accuracy), percent(v.Summary.Sparsity))
}

// ended is how many trials of a sweep have ended, and how many are under way.
func ended(v *runs.View) string {
	r := v.Sweep
	if r == nil {
		return fmt.Sprintf("%d of %d trials ended", v.Summary.Pass, v.Summary.Passes)
	}
	return fmt.Sprintf("%d of %d trials ended, %d under way", r.Ended, r.Total, r.Live)
}

// old is the age from which on it is said how old a look is.
const old = 3 * time.Second

// asOf is how old a look is that a worker wrote down, or nothing.
func asOf(l Look) string {
	if l.AsOf.IsZero() || l.Now.Sub(l.AsOf) < old {
		return ""
	}
	return "as of " + ago(l.AsOf, l.Now)
}

// failed is how many trials of a sweep failed, or nothing.
func failed(v *runs.View) string {
	if v.Summary.Failed == 0 {
		return ""
	}
	return fmt.Sprintf("%d failed", v.Summary.Failed)
}

// TrialLine says in one line where a trial is.
func TrialLine(t workflows.SweptTrial) string {
	text := fmt.Sprintf("trial %d %s", t.Trial, t.State)
	if t.Last != nil {
		text += fmt.Sprintf(", pass %d: accuracy %s, sparsity %s", t.Last.Pass, percent(t.Last.Accuracy), percent(t.Last.Sparsity))
	}
	if t.Why != "" {
		text += ", " + t.Why
	}
	return text + " | " + workflows.Settings(search.Trial{Values: t.Values})
}

// join joins the parts that are not empty.
func join(between string, parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, between)
}
