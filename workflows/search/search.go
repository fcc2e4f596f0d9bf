// Package search decides which trials a sweep has and which comes next.
//
// A [Spec] says what is searched and how. Every trial is a number, and its
// values are a function of the spec and that number alone: a grid, a random or
// a Sobol sequence of a million trials takes no memory, and any trial can be
// made again. A [State] is where a sweep stands: [State.Next] answers what to
// start, [State.Report] takes in what happened. Whoever holds the state does
// the rest. The same events in the same order lead to the same trials, whether
// or not the state was written as JSON and read again in between, and its size
// does not grow with the number of trials.
//
// [Front] and [Tree] stand by themselves: which results no other one beats,
// and which steps trials share.
//
// Nothing here runs anything, reads a clock or knows what a value means. Values
// are texts, as the user would write them.
package search

import "time"

// The ways to choose the values of trials. They are wire names.
const (
	Grid   = "grid"   // every combination, once
	Random = "random" // each value drawn by itself
	Sobol  = "sobol"  // drawn so that they fill the space evenly
	List   = "list"   // as written
)

// Spec is what is searched, how, and how far.
type Spec struct {
	Kind        string      `json:"kind"` // Grid, Random, Sobol or List
	Params      []Param     `json:"params,omitempty"`
	List        [][]Setting `json:"list,omitempty"`   // of Kind List
	Trials      int         `json:"trials,omitempty"` // of Random and Sobol, without repeats
	Seed        uint64      `json:"seed,omitempty"`   // of Random and Sobol; 0 is the bare Sobol sequence
	Repeat      Repeat      `json:"repeat,omitzero"`
	Objectives  []Objective `json:"objectives"` // the first decides where one must
	Passes      int         `json:"passes"`     // of every trial
	ASHA        *ASHA       `json:"asha,omitempty"`
	Median      *Median     `json:"median,omitempty"`
	Limits      Limits      `json:"limits,omitzero"`
	Concurrency int         `json:"concurrency"` // trials at a time
}

// Param is a place in the spec of a run with the values that it may have:
// either Values or Range.
type Param struct {
	Path   string      `json:"path"`
	Values []string    `json:"values,omitempty"`
	Range  *Range      `json:"range,omitempty"`
	When   []Condition `json:"when,omitempty"` // all must hold, or the trial leaves Path alone
}

// Condition holds if another parameter has one of the values.
type Condition struct {
	Path   string   `json:"path"`
	Values []string `json:"values"`
}

// Range is all numbers from Low to High or, with a Step, those that are a whole
// number of steps above Low.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	Log  bool    `json:"log,omitempty"` // evenly by their logarithms
	Step float64 `json:"step,omitempty"`
}

// Repeat is what the repeats of one choice of values differ in: seeds. Each
// value makes a trial of its own, and what the trials reach is averaged.
type Repeat struct {
	Path   string   `json:"path,omitempty"`
	Values []string `json:"values,omitempty"`
}

// Setting is a value at a place in the spec of a run.
type Setting struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// Trial is one choice of values.
type Trial struct {
	Number int       `json:"number"`
	Values []Setting `json:"values"` // in the order of the parameters, the repeat's last
}

// Objective is a result that is to be large or small.
type Objective struct {
	Name     string `json:"name"`
	Maximize bool   `json:"maximize,omitempty"`
}

// ASHA is asynchronous successive halving after Li et al. 2020, "A System for
// Massively Parallel Hyperparameter Tuning", algorithm 2. Its rungs are pruning
// passes: First, First*Eta, First*Eta*Eta and so on. Of the trials of a rung
// the best 1/Eta go on, by the first objective.
type ASHA struct {
	Eta   int `json:"eta"`
	First int `json:"first"`
}

// Median stops a trial at a pass by which the average of its first objective is
// worse than the median of those of ended trials (Golovin et al. 2017, "Google
// Vizier", section 3.2.2).
type Median struct {
	Trials int `json:"trials"` // that ended before any is stopped
	From   int `json:"from"`   // the first pass that is judged
}

// Limits end a sweep: nothing is started any more, what is under way goes on.
// Each is off at 0.
type Limits struct {
	Trials   int           `json:"trials,omitempty"`   // all together, with repeats
	Time     time.Duration `json:"time,omitempty"`     // since the sweep began
	Cost     float64       `json:"cost,omitempty"`     // all together
	Patience int           `json:"patience,omitempty"` // ended trials in a row that left the front as it was
	Failures int           `json:"failures,omitempty"` // in a row
}
