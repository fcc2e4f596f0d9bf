package config

import "slices"

// Sweep says which variations of a spec are run, and how far. The spec without
// it is the one that is varied.
type Sweep struct {
	Search      SweepSearch `json:"search" yaml:"search" required:"true" doc:"How the values of trials are chosen: exactly one of its keys. A bare word is short for its defaults: search: grid."`
	Params      SweepParams `json:"params,omitempty" yaml:"params,omitempty" example:"{prune.schedule.target.sparsity: [80%, 90%], train.batch: {min: 32, max: 128, step: 32}}" doc:"What is varied, by dotted paths of keys as in prune.method. Each has a list of values, or a mapping: values, or min and max with scale linear or log and a step, and when, which maps other paths to the values with which this one counts. For every search but list."`
	Seeds       []uint64    `json:"seeds,omitempty" yaml:"seeds,omitempty" example:"[1, 2, 3]" doc:"Each choice of values is run with each of these as train.seed, and judged by the means. Left out, it is run once."`
	Objectives  []string    `json:"objectives" yaml:"objectives,omitempty" words:"@objectives" example:"[accuracy, bytes]" doc:"What trials are compared by: accuracy and sparsity the higher, the others the lower the better; accuracy is that of the samples of data.validation, if there are any. The first decides where one must. Left out, accuracy and bytes."`
	Stop        SweepStop   `json:"stop,omitzero" yaml:"stop,omitempty" doc:"When to give up trials, or all of them."`
	Budget      SweepBudget `json:"budget,omitzero" yaml:"budget,omitempty" doc:"After how much no more trials are started. Those under way go on."`
	Concurrency int         `json:"concurrency" yaml:"concurrency" default:"4" range:"[1,1000]" doc:"How many trials run at a time."`

	// Source is the file, in which a trial's values are set, and File its name.
	Source string `json:"source" yaml:"-"`
	File   string `json:"file" yaml:"-"`
	// Folder is what relative paths are counted from. Load fills it in.
	Folder string `json:"folder,omitempty" yaml:"-"`
	// Files are the digests of the files that trials read networks from, by
	// their paths. Load takes them.
	Files map[string]string `json:"files,omitempty" yaml:"-"`
}

// SweepSearch is exactly one of its members.
type SweepSearch struct {
	Grid   *SweepGrid     `json:"grid,omitempty" yaml:"grid,omitempty" choice:"true" example:"{}" doc:"Every combination of the values once. The last path varies fastest, those that others depend on slowest."`
	Random *SweepSequence `json:"random,omitempty" yaml:"random,omitempty" choice:"true" doc:"Each value drawn by itself."`
	Sobol  *SweepSequence `json:"sobol,omitempty" yaml:"sobol,omitempty" choice:"true" doc:"Points of a Sobol sequence, which fill the space more evenly than random ones; of 40 paths at most."`
	ASHA   *SweepASHA     `json:"asha,omitempty" yaml:"asha,omitempty" choice:"true" doc:"Asynchronous successive halving (Li et al. 2020): after some passes only the best trials go on."`
	List   *SweepList     `json:"list,omitempty" yaml:"list,omitempty" choice:"true" doc:"Trials that are written out."`
}

// SweepGrid has no options.
type SweepGrid struct{}

// SweepSequence is a number of trials of a sequence. A longer one begins with
// the same trials.
type SweepSequence struct {
	Trials int    `json:"trials" yaml:"trials" required:"true" range:"[1,1000000000]" example:"100" doc:"How many choices of values are made."`
	Seed   uint64 `json:"seed" yaml:"seed" default:"1" doc:"The seed of the choices. The same seed makes the same trials."`
}

// SweepASHA is asynchronous successive halving after Li et al. 2020, "A System
// for Massively Parallel Hyperparameter Tuning". Its rungs are passes: From,
// From times Eta and so on.
type SweepASHA struct {
	Trials int    `json:"trials" yaml:"trials" required:"true" range:"[1,1000000000]" example:"81" doc:"How many choices of values are made, at most those of a grid."`
	Eta    int    `json:"eta" yaml:"eta" default:"3" range:"[2,64]" doc:"Of the trials that get to a rung one in so many goes on; each rung is so many times as many passes as the one before."`
	From   int    `json:"from" yaml:"from" default:"1" range:"[1,1000]" doc:"The pass that is the first rung."`
	By     string `json:"by" yaml:"by" default:"random" words:"random,sobol,grid" doc:"How the values are chosen."`
	Seed   uint64 `json:"seed" yaml:"seed" default:"1" doc:"The seed of the choices, for by random and sobol."`
}

// SweepList is trials that are written out.
type SweepList struct {
	Trials SweepTrials `json:"trials" yaml:"trials" required:"true" example:"[{prune.method: han}, {prune.method: taylor, train.epochs: 20}]" doc:"The trials, each a mapping from dotted paths of keys to values."`
}

// SweepStop gives up what leads nowhere.
type SweepStop struct {
	Median   *SweepMedian `json:"median,omitempty" yaml:"median,omitempty" doc:"Stop a trial at a pass by which the average of its first objective is worse than the median of those of ended trials (Golovin et al. 2017). A bare number is short for trials. Left out, none is stopped."`
	Patience int          `json:"patience,omitempty" yaml:"patience" default:"0" range:"[0,)" doc:"Start no more after so many trials in a row that no objective gained by; 0 is off."`
	Failures int          `json:"failures,omitempty" yaml:"failures" default:"0" range:"[0,)" doc:"Start no more after so many failed trials in a row; 0 is off."`
}

// SweepMedian is the median rule of Golovin et al. 2017, "Google Vizier".
type SweepMedian struct {
	Trials int `json:"trials" yaml:"trials" bare:"true" default:"5" range:"[1,)" doc:"How many trials must have ended before any is stopped."`
	From   int `json:"from" yaml:"from" default:"1" range:"[0,1000]" doc:"The first pass after which a trial may be stopped."`
}

// SweepBudget is what a sweep may take.
type SweepBudget struct {
	Trials  int      `json:"trials,omitempty" yaml:"trials" default:"0" range:"[0,)" doc:"Trials, each seed of a choice of values counted; 0 is no limit."`
	Time    Duration `json:"time,omitempty" yaml:"time" default:"0s" range:"[0s,)" doc:"Time since the sweep began; 0s is no limit."`
	Cost    float64  `json:"cost,omitempty" yaml:"cost" default:"0" range:"[0,)" doc:"Cost of all steps, in the currency of per_hour; 0 is no limit."`
	PerHour float64  `json:"per_hour,omitempty" yaml:"per_hour" default:"0" range:"[0,)" example:"0.5" doc:"What an hour of a step costs; for cost, which needs it."`
}

// SweepParams are what is varied, in the order of the file.
type SweepParams []SweepParam

// SweepParam is what is varied at a path: a list of values, or a range. Values
// are YAML in one line.
type SweepParam struct {
	Path   string           `json:"path"`
	Values []string         `json:"values,omitempty"`
	Min    float64          `json:"min,omitempty"`
	Max    float64          `json:"max,omitempty"`
	Log    bool             `json:"log,omitempty"`
	Step   float64          `json:"step,omitempty"`
	When   []SweepCondition `json:"when,omitempty"` // all must hold
}

// SweepCondition holds if another path has one of the values.
type SweepCondition struct {
	Path   string   `json:"path"`
	Values []string `json:"values"`
}

// SweepTrials are written out, each with its settings in the order of the file.
type SweepTrials [][]Setting

// Setting is a value, YAML in one line, at a dotted path of keys.
type Setting struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// SeedPath is what Sweep.Seeds are values of.
const SeedPath = "train.seed"

// The objectives. They are keys of results too.
const (
	ObjectiveAccuracy = "accuracy"
	ObjectiveSparsity = "sparsity"
	ObjectiveLoss     = "loss"
	ObjectiveParams   = "parameters"
	ObjectiveNonZero  = "nonzero_weights"
	ObjectiveMACs     = "effective_macs"
	ObjectiveBytes    = "bytes"
	// ObjectiveLatency is measured where the step runs, so that it differs from
	// machine to machine; all others follow from the spec.
	ObjectiveLatency = "latency"
)

// objectives are the words for them.
func objectives() []string {
	return []string{ObjectiveAccuracy, ObjectiveBytes, ObjectiveMACs, ObjectiveParams, ObjectiveNonZero, ObjectiveSparsity, ObjectiveLoss, ObjectiveLatency}
}

// Maximized says whether more of an objective is better.
func Maximized(objective string) bool {
	return slices.Contains([]string{ObjectiveAccuracy, ObjectiveSparsity}, objective)
}

// completeSweep fills in the defaults that no tag can hold.
func completeSweep(s *Sweep) {
	if len(s.Objectives) == 0 {
		s.Objectives = []string{ObjectiveAccuracy, ObjectiveBytes}
	}
}
