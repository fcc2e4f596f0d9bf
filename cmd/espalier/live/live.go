// Package live shows what runs and sweeps are doing while they do it: as a
// frame of lines that a terminal keeps in place, or line by line for a log.
//
// A [Look] is what was seen at one moment. A [Meter] learns from looks how fast
// steps go and says what is left. [Frame] lays a look out as lines that fit a
// terminal, and a [Screen] keeps such lines in place. Nothing here asks a server
// or the clock, and only Screen writes.
package live

import (
	"time"

	"espalier/workers/runs"
	"espalier/workflows"
)

// Look is what was seen of a run or a sweep at one moment.
type Look struct {
	*runs.View
	// Trials are those trials of a sweep that were looked at by themselves.
	Trials []*runs.View
	Now    time.Time
}

// Running are the trials of a sweep that run, in their order, at most limit of
// them, and how many more there are.
func Running(r *workflows.SweepResult, limit int) (trials []workflows.SweptTrial, more int) {
	if r == nil {
		return nil, 0
	}
	all, idle := 0, 0
	for _, t := range r.Trials {
		switch t.State {
		case workflows.StateRunning, workflows.StatePaused:
			if all++; len(trials) < limit {
				trials = append(trials, t)
			}
		case workflows.StateWaiting, workflows.StateRung:
			idle++
		}
	}
	if r.LeftOut > 0 { // the table has no room for all of them
		all = max(all, r.Live-idle)
	}
	return trials, all - len(trials)
}
