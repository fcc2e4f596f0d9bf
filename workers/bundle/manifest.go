// Package bundle writes what the numbers of a run or a sweep stand on into one
// file, and does steps of it again from there.
//
// A bundle is a tar file. manifest.json comes first: the run, its steps with
// their keys, checkpoints, seeds and machines, and the SHA-256 of every other
// file; manifest.json.sha256 has its own. The files are a part of the run's
// store under the keys that they have there, and the spec. A sweep's bundle has
// that of all its trials, what they share once, and their table. The same store
// and run make the same bytes.
package bundle

import (
	"errors"
	"fmt"
	"time"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/engine"
	"espalier/workflows"
)

// The formats that this version writes and reads: of runs, and of sweeps.
const (
	Format      = "espalier bundle 1"
	FormatSweep = "espalier bundle of a sweep 1"
)

// The files that are not of the store.
const (
	manifestFile = "manifest.json"
	digestFile   = "manifest.json.sha256"
	specFile     = "spec.json"
	logFile      = "log.json"
	tableFile    = "trials.csv"
	logPrefix    = "logs/" // of trials
)

// ErrCorrupt says that a bundle is not as it was written.
var ErrCorrupt = errors.New("the bundle is corrupt")

// ErrNoRun says that something is a scan.
var ErrNoRun = errors.New("is no run: a bundle is of a run, of a sweep, or of a trial of one")

// Manifest says what a bundle holds.
type Manifest struct {
	Format     string            `json:"format"`
	Version    string            `json:"version"` // of espalier, which wrote the bundle
	Run        string            `json:"run"`
	Final      checkpoint.Digest `json:"final,omitempty"` // of a run, as the two below
	DataDigest string            `json:"data_digest"`
	Steps      []Step            `json:"steps,omitempty"`
	Trials     []Trial           `json:"trials,omitempty"` // of a sweep, those that left a result, by number
	Files      []File            `json:"files"`            // in the order of their names
}

// Trial is a run of a sweep: what a manifest has of a run otherwise.
type Trial struct {
	Trial      int               `json:"trial"`
	Run        string            `json:"run"`
	Final      checkpoint.Digest `json:"final"`
	DataDigest string            `json:"data_digest"`
	Steps      []Step            `json:"steps"` // those that it shares with others are in each

	spec   config.Spec
	record workflows.Record // of a bundle that was read
}

// File is a file of a bundle.
type File struct {
	Name   string            `json:"name"`
	Size   int64             `json:"size"`
	SHA256 checkpoint.Digest `json:"sha256"`
}

// Step is a step of the run, by its own journal as far as that is there.
type Step struct {
	Kind       string              `json:"kind"`
	Pass       int                 `json:"pass"`
	Key        string              `json:"key"`
	Reads      []checkpoint.Digest `json:"reads,omitempty"`      // the checkpoints that it began with
	Checkpoint checkpoint.Digest   `json:"checkpoint,omitempty"` // what it left, unless it only measures
	Seed       uint64              `json:"seed"`
	Metrics    checkpoint.Numbers  `json:"metrics,omitempty"`

	// Of the attempt that finished it.
	Version     string             `json:"version,omitempty"` // of espalier
	Fingerprint engine.Fingerprint `json:"fingerprint,omitzero"`
	Worker      string             `json:"worker,omitempty"`
	Began       time.Time          `json:"began,omitzero"`
	Ended       time.Time          `json:"ended,omitzero"`
	Attempts    int                `json:"attempts,omitempty"`
}

// recordKey is where the store keeps what a run ended with.
func recordKey(run string) string { return "runs/" + run + "/result.json" }

// seedOf is the seed of a step's input; 0 where it has none.
func seedOf(made workflows.Made) uint64 {
	switch in := made.Input.(type) {
	case activities.PrepareInput:
		return in.Seed
	case activities.TrainInput:
		return in.Train.Seed
	case activities.PruneInput:
		return in.Seed
	case activities.QuantizeInput:
		return in.Seed
	case activities.ExternalInput:
		return in.Seed
	}
	return 0
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}
