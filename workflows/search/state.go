package search

import (
	"fmt"
	"slices"
	"time"
)

// maxFailed bounds the failed trials that are remembered to be tried again.
const maxFailed = 1000

// State is where a sweep stands. It is JSON, of a size that is bounded by the
// spec, the trials under way and constants.
type State struct {
	Spec   Spec   `json:"spec"`
	Made   int    `json:"made"`             // trials so far: those below are not made again
	Live   []Live `json:"live,omitempty"`   // under way, in the order of their start
	Again  []Try  `json:"again,omitempty"`  // failed jobs that are to be tried again
	Failed []Try  `json:"failed,omitempty"` // the last ones that failed

	Ended    int `json:"ended"`             // jobs that ended; of ASHA, a trial has one for each rung
	Stopped  int `json:"stopped,omitempty"` // of them by the median
	InVain   int `json:"in_vain,omitempty"` // of them since the front was last extended
	Failures int `json:"failures,omitempty"`
	InARow   int `json:"in_a_row,omitempty"` // failures since a trial last ended

	Rungs  []Rung     `json:"rungs,omitempty"` // of ASHA, from the first pass on
	Groups []Group    `json:"groups,omitempty"`
	Past   []Averages `json:"past,omitempty"` // of the last ended trials, for the median
	Front  []Point    `json:"front,omitempty"`

	Time time.Duration `json:"time,omitempty"` // since the sweep began, as the last event told
	Cost float64       `json:"cost,omitempty"`
	Over string        `json:"over,omitempty"` // why nothing is started any more

	space *space // of Spec.Params
	total int    // trials that Spec has, with repeats
}

// Live is a trial under way.
type Live struct {
	Trial    int       `json:"trial"`
	To       int       `json:"to"`               // the pass that it is to reach
	Pass     int       `json:"pass"`             // the last that it reported; -1 is none
	Values   []float64 `json:"values,omitempty"` // at that pass
	Averages Averages  `json:"averages,omitempty"`
	Stopped  bool      `json:"stopped,omitempty"`
}

// Try is a job that failed.
type Try struct {
	Trial int `json:"trial"`
	To    int `json:"to"`
}

// Job asks for a trial to be taken to a pass, from where it was left if it was
// at work before.
type Job struct {
	Trial Trial `json:"trial"`
	To    int   `json:"to"`
}

// New is the state of a sweep of which nothing has been started.
func New(spec Spec) (*State, error) {
	s := &State{Spec: spec}
	if err := s.open(); err != nil {
		return nil, err
	}
	if spec.ASHA != nil {
		s.Rungs = spec.ASHA.rungs(spec.Passes)
	}
	return s, nil
}

// open works out what a state does not write down. One that was read from JSON
// is opened when it is first used.
func (s *State) open() error {
	if s.space != nil {
		return nil
	}
	if err := s.Spec.check(); err != nil {
		return err
	}
	space, err := newSpace(s.Spec.Params)
	if err != nil {
		return err
	}
	count, err := s.Spec.count(space)
	if err != nil {
		return err
	}
	s.space, s.total = space, count*s.Spec.repeats()
	return nil
}

func (s *Spec) repeats() int { return max(len(s.Repeat.Values), 1) }

// Total is how many trials the sweep has, repeats and limits counted.
func (s *State) Total() (int, error) {
	if err := s.open(); err != nil {
		return 0, err
	}
	if most := s.Spec.Limits.Trials; most > 0 {
		return min(s.total, most), nil
	}
	return s.total, nil
}

// Trial is the trial with a number. Repeats of the same values follow each
// other.
func (s *State) Trial(number int) (Trial, error) {
	if err := s.open(); err != nil {
		return Trial{}, err
	}
	if number < 0 || number >= s.total {
		return Trial{}, fmt.Errorf("trial %d of a sweep with %d", number, s.total)
	}
	t, repeats := Trial{Number: number}, s.Spec.repeats()
	switch at := number / repeats; s.Spec.Kind {
	case Grid:
		t.Values = gridAt(s.space, at)
	case List:
		t.Values = slices.Clone(s.Spec.List[at])
	default:
		t.Values = sampleAt(s.space, s.Spec.Kind, s.Spec.Seed, at)
	}
	if r := s.Spec.Repeat; len(r.Values) > 0 {
		t.Values = append(t.Values, Setting{r.Path, r.Values[number%repeats]})
	}
	return t, nil
}

// Next is what is to be started now, at most as much as Spec.Concurrency
// allows. It then counts as started.
func (s *State) Next() ([]Job, error) {
	total, err := s.Total()
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for len(s.Live) < s.Spec.Concurrency && s.limit() == "" {
		number, to, ok := s.pick(total)
		if !ok {
			break
		}
		trial, err := s.Trial(number)
		if err != nil {
			return nil, err
		}
		s.Live = append(s.Live, Live{Trial: number, To: to, Pass: -1})
		jobs = append(jobs, Job{trial, to})
	}
	return jobs, nil
}

// pick is the trial that comes next and the pass that it goes to: one that is
// to be tried again, one that is promoted, the highest rung first, or a new
// one.
func (s *State) pick(total int) (number, to int, ok bool) {
	if len(s.Again) > 0 {
		again := s.Again[0]
		s.Again = s.Again[1:]
		return again.Trial, again.To, true
	}
	for i := len(s.Rungs) - 1; i >= 0; i-- {
		if number, ok = s.Rungs[i].promote(s.Spec.ASHA.Eta); ok {
			return number, s.target(i + 1), true
		}
	}
	if s.Made == total {
		return 0, 0, false
	}
	s.Made++
	return s.Made - 1, s.target(0), true
}

// target is the pass of a rung, or the last.
func (s *State) target(rung int) int {
	if rung < len(s.Rungs) {
		return s.Rungs[rung].Pass
	}
	return s.Spec.Passes
}

// limit is the limit that is reached, or nothing.
func (s *State) limit() string {
	switch l := s.Spec.Limits; {
	case s.Over != "":
	case l.Time > 0 && s.Time >= l.Time:
		s.Over = fmt.Sprintf("the time of %s is over", l.Time)
	case l.Cost > 0 && s.Cost >= l.Cost:
		s.Over = fmt.Sprintf("a cost of %g is reached", l.Cost)
	case l.Patience > 0 && s.InVain >= l.Patience:
		s.Over = fmt.Sprintf("%d trials in a row were in vain", s.InVain)
	case l.Failures > 0 && s.InARow >= l.Failures:
		s.Over = fmt.Sprintf("%d trials in a row failed", s.InARow)
	}
	return s.Over
}

// Done says whether nothing is under way, and nothing will be started unless a
// failed trial is tried again.
func (s *State) Done() (bool, error) {
	total, err := s.Total()
	if err != nil || len(s.Live) > 0 {
		return false, err
	}
	if s.limit() != "" {
		return true, nil
	}
	for _, r := range s.Rungs {
		if _, more := (&Rung{Reached: r.Reached, Ahead: r.Ahead, Rest: slices.Clone(r.Rest)}).promote(s.Spec.ASHA.Eta); more {
			return false, nil
		}
	}
	return s.Made == total && len(s.Again) == 0, nil
}
