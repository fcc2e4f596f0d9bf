package checkpoint

import (
	"encoding/json"
	"time"

	"espalier/models/engine"
)

// EntryKind says what a journal entry records.
type EntryKind string

// The kinds of journal entries.
const (
	EntryOpen       EntryKind = "open"       // an attempt takes the step; its number is the attempt's fencing token
	EntryCheckpoint EntryKind = "checkpoint" // the state of the step in its middle
	EntryResult     EntryKind = "result"     // the step is finished
)

// Entry is one record of a step's journal, stored as
// manifests/<step key>/<number, 8 digits>.json by a create-only write. Since
// the next number can be taken once only, an attempt that has not seen the
// newest entry cannot commit: the journal is its own fence.
type Entry struct {
	Number int       `json:"number"` // from 1, without gaps
	Kind   EntryKind `json:"kind"`
	Token  int       `json:"token"` // the number of the attempt's open entry
	Owner  string    `json:"owner"` // who the attempt works for: workflow and run id
	Worker string    `json:"worker"`
	Time   time.Time `json:"time"` // by the worker's clock, for people

	// Checkpoint and result entries.
	Digest  Digest  `json:"digest,omitempty"`
	Size    int64   `json:"size,omitempty"`
	Cursor  *Cursor `json:"cursor,omitempty"`
	Parent  Digest  `json:"parent,omitempty"`  // the step's input
	Metrics Numbers `json:"metrics,omitempty"` // the result's, and what was noted since the entry before

	// Result entries.
	Result *Result `json:"result,omitempty"`

	// Open entries: where the attempt begins, and what was found wrong on the way.
	From        *Cursor            `json:"from,omitempty"`
	FromDigest  Digest             `json:"from_digest,omitempty"`
	Notes       []string           `json:"notes,omitempty"`
	Fingerprint engine.Fingerprint `json:"fingerprint,omitzero"`
	Version     string             `json:"version,omitempty"` // of espalier
}

// Result is what a finished step left, stored once as steps/<step key>.json.
type Result struct {
	StepKey    string  `json:"step_key"`
	Kind       string  `json:"kind"` // "train", "prune", ...
	Parent     Digest  `json:"parent,omitempty"`
	Checkpoint Digest  `json:"checkpoint,omitempty"` // empty for steps that only measure
	Size       int64   `json:"size,omitempty"`
	Metrics    Numbers `json:"metrics,omitempty"`
	// Detail is what the kind of step has to say beyond numbers: a pruning plan, say.
	Detail json.RawMessage `json:"detail,omitempty"`
}
