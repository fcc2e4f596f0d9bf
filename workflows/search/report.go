package search

import (
	"math"
	"slices"
	"time"
)

// The kinds of events. They are wire names.
const (
	Passed = "passed" // the trial got to a pass
	Ended  = "ended"  // the job has ended, wherever it got to
	Failed = "failed" // the job has failed
	Ticked = "ticked" // time has passed; of no trial
)

// Event is what happened to a trial under way.
type Event struct {
	Kind   string    `json:"kind"`
	Trial  int       `json:"trial"`
	Pass   int       `json:"pass,omitempty"`   // of Passed; 0 is the dense network
	Values []float64 `json:"values,omitempty"` // of Passed: those of the objectives
	// Time is how long ago the sweep began.
	Time time.Duration `json:"time,omitempty"`
	Cost float64       `json:"cost,omitempty"` // since the trial's last event
}

// Report takes in an event, and says whether the trial is to be stopped at the
// pass that it got to; its job then ends like any other. An event that is known
// already, or of a trial that is not under way, changes nothing but time and
// cost.
func (s *State) Report(e Event) (stop bool, err error) {
	if err := s.open(); err != nil {
		return false, err
	}
	s.Time = max(s.Time, e.Time)
	if e.Cost > 0 && !math.IsInf(e.Cost, 0) {
		s.Cost += e.Cost
	}
	i := slices.IndexFunc(s.Live, func(l Live) bool { return l.Trial == e.Trial })
	if i < 0 || e.Kind == Ticked {
		return false, nil
	}
	live := &s.Live[i]
	if e.Kind == Passed {
		return s.passed(live, e), nil
	}
	done := *live
	s.Live = slices.Delete(s.Live, i, i+1)
	if e.Kind == Failed {
		s.failed(done)
	} else {
		s.ended(done)
	}
	s.drop()
	return false, nil
}

// passed takes in what a trial reached.
func (s *State) passed(live *Live, e Event) (stop bool) {
	if e.Pass <= live.Pass || !s.sound(e.Values) {
		return live.Stopped && e.Pass <= live.Pass
	}
	live.Pass, live.Values = e.Pass, slices.Clone(e.Values)
	s.gather(live)
	if m := s.Spec.Median; m != nil {
		live.Averages = live.Averages.after(e.Pass, e.Values[0])
		live.Stopped = live.Stopped || m.behind(live.Averages, s.Past, s.Spec.Objectives[0].Maximize)
	}
	return live.Stopped
}

// sound says whether there is a number for every objective. What a network
// that has diverged reports is no result.
func (s *State) sound(values []float64) bool {
	return len(values) == len(s.Spec.Objectives) &&
		!slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// ended counts a job that has ended. One that got to its rung waits there; one
// that got less far has ended for good, and counts as behind all others.
func (s *State) ended(done Live) {
	s.InARow = 0
	for i := range s.Rungs {
		r := &s.Rungs[i]
		if r.Pass != done.To {
			continue
		}
		if done.Pass == r.Pass {
			r.enter(done.Trial, done.Values[0], s.Spec.Objectives[0].Maximize)
		} else {
			r.Reached++
		}
		r.forget(s.Spec.ASHA.Eta)
	}
	s.Ended++
	s.InVain++
	if done.Stopped {
		s.Stopped++
	}
	if len(done.Averages) > 0 {
		s.Past = append(s.Past, done.Averages)
		s.Past = s.Past[max(len(s.Past)-pastTrials(s.Spec.Passes), 0):]
	}
}

// failed counts a job that has failed. It can be tried again.
func (s *State) failed(done Live) {
	s.Failures++
	s.InARow++
	s.Failed = append(s.Failed, Try{done.Trial, done.To})
	s.Failed = s.Failed[max(len(s.Failed)-maxFailed, 0):]
}
