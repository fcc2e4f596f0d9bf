package workflows

import (
	"time"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workflows/search"
)

// NameSweep is the workflow type of a sweep.
const NameSweep = "espalier.sweep"

// mostTabled bounds the trials that a sweep remembers by themselves, unless its
// input says otherwise: its state travels from one history to the next. Each has
// its own result in the store.
const mostTabled = 500

// SweepInput starts a sweep. State is nil at first and what was reached when
// the sweep continued as new.
type SweepInput struct {
	Spec  config.Spec `json:"spec"`
	State *SweepState `json:"state,omitempty"`
	// Events is after how many events of history the sweep continues as new; 0
	// leaves it to the server to say.
	Events int `json:"events,omitempty"`
	// Tabled is how many trials the table has room for; 0 is 500.
	Tabled int `json:"tabled,omitempty"`
}

// A history that is full is read once more whenever news comes at the moment in
// which it is continued, and nobody can look at the sweep until that is done: a
// second for the 4,096 events after which the server says so. Handing over is
// some events a trial under way, so that a history has room for many of those.
const (
	leastEvents    = 1024
	eventsATrialUp = 32
)

// NewSweepInput is the input of a spec's sweep.
func NewSweepInput(spec config.Spec) SweepInput {
	return SweepInput{Spec: spec, Events: max(leastEvents, eventsATrialUp*spec.Sweep.Concurrency)}
}

// SweepState is where a sweep stands, of bounded size.
type SweepState struct {
	State  string        `json:"state"`
	Began  time.Time     `json:"began"`
	First  time.Time     `json:"first,omitzero"` // when this sweep began, be it to go on where another ended
	Search *search.State `json:"search"`
	Live   []liveTrial   `json:"live,omitempty"`   // in the order in which they were chosen
	Trials []SweptTrial  `json:"trials,omitempty"` // the first ones
	Events []Event       `json:"events,omitempty"` // newest last, bounded
	// Priority is that of all trials' steps, where it was changed.
	Priority int `json:"priority,omitempty"`
	Retries  int `json:"retries,omitempty"` // how often failed trials were tried again
	// Hushed says that the trials which are told need no asking: the history
	// before told them to be silent until this one hears of them.
	Hushed bool `json:"hushed,omitempty"`
	// Known are steps that trials began with, those used last behind.
	Known []knownStep `json:"known,omitempty"`
}

// liveTrial is a trial under way or about to be.
type liveTrial struct {
	Job     search.Job   `json:"job"`
	Spec    *config.Spec `json:"spec,omitempty"`  // until it has started
	Steps   []trialsStep `json:"steps,omitempty"` // nil until it is expanded
	Started bool         `json:"started,omitempty"`
	Up      bool         `json:"up,omitempty"`    // it hears signals
	Told    bool         `json:"told,omitempty"`  // it tells of its end by a message
	Telling bool         `json:"-"`               // it was asked to, in this history
	Run     string       `json:"run"`             // workflow id
	Tries   int          `json:"tries,omitempty"` // how often it was started again
	Retry   int          `json:"retry,omitempty"` // by which of SweepState.Retries
	Links   int          `json:"links"`
	Rows    int          `json:"rows"`
	Asked   int          `json:"asked,omitempty"` // the most links that it was asked to tell of
	Halted  bool         `json:"halted,omitempty"`
}

// The states of a trial beside those of a run.
const (
	StateWaiting = "waiting" // for a trial that computes a step of its own
	StateStopped = "stopped" // by a rule of the sweep or of the spec
	StateRung    = "rung"    // it waits at a rung, and may go on
)

// SweptTrial is a line of a sweep's table.
type SweptTrial struct {
	Trial  int              `json:"trial"`
	Run    string           `json:"run"` // workflow id of the trial
	Values []search.Setting `json:"values"`
	State  string           `json:"state"`
	Pass   int              `json:"pass"`           // the last that was evaluated
	Last   *Row             `json:"last,omitempty"` // the last row that is kept
	Why    string           `json:"why,omitempty"`  // it failed or ended early
}

// SweepPoint is a point of the front.
type SweepPoint struct {
	search.Point
	Run      string            `json:"run"` // of the trial, the first one of its repeats
	Settings []search.Setting  `json:"settings"`
	Final    checkpoint.Digest `json:"checkpoint,omitempty"` // where the table has it
}

// SweepResult is what a sweep has reached, and what it ends with.
type SweepResult struct {
	Run        string       `json:"run"`
	Name       string       `json:"name"`
	State      string       `json:"state"`
	Objectives []string     `json:"objectives"`
	Total      int          `json:"total"` // trials that there are at most
	Made       int          `json:"made"`  // that were begun
	Live       int          `json:"live"`  // under way
	Ended      int          `json:"ended"` // jobs; of ASHA a trial has one for each rung
	Failures   int          `json:"failures"`
	Trials     []SweptTrial `json:"trials"`
	LeftOut    int          `json:"left_out,omitempty"` // trials that the table has no room for
	// UnderWay are those trials under way that the table has no room for,
	// without what they have reached.
	UnderWay []SweptTrial `json:"under_way,omitempty"`
	// Front are the points that no other beats, the best by the first
	// objective first.
	Front  []SweepPoint `json:"front"`
	Over   string       `json:"over,omitempty"` // why no more trials were begun
	Events []Event      `json:"events,omitempty"`

	Concurrency int `json:"concurrency,omitempty"` // trials at a time
	Priority    int `json:"priority,omitempty"`
	// Search is where the search stands, of a sweep that has ended: from there
	// it can go on.
	Search *search.State `json:"search,omitempty"`
}

// Resumed is the input of a sweep that goes on where one has ended, with the
// search as it was changed meanwhile. now is the time.
func (r *SweepResult) Resumed(spec config.Spec, now time.Time) SweepInput {
	in := NewSweepInput(spec)
	in.State = &SweepState{
		State: StateRunning, Began: now.Add(-r.Search.Time), Search: r.Search,
		Trials: r.Trials, Events: r.Events, Priority: r.Priority,
	}
	if r.LeftOut > 0 {
		in.Tabled = r.Made - r.LeftOut // or else the table would get gaps
	}
	return in
}
