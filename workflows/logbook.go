package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"
)

// Names on the wire of logbooks.
const (
	// NameLogbook is the workflow type of a run's logbook.
	NameLogbook = "espalier.logbook"
	// SignalEntry carries an Entry to a logbook.
	SignalEntry = "entry"
)

// What entries tell of beside the controls, whose words are those of their
// signals.
const (
	EntryCancel  = "cancel"
	EntryDiscard = "discard"
	EntryTag     = "tag"
	EntryUntag   = "untag"
	EntryNote    = "note"
	EntryExtend  = "extend"
	EntryFork    = "fork"
)

// mostEntries bounds what a logbook takes from one history to the next.
const mostEntries = 1000

// Entry is something that a person did to a run: who, when and what.
type Entry struct {
	When time.Time `json:"when"`
	Who  string    `json:"who"`
	What string    `json:"what"`
	Note string    `json:"note,omitempty"` // how, or why
	Tags []string  `json:"tags,omitempty"` // of tag and untag
}

// LogbookInput starts a logbook: empty at first, and with what was written when
// it continued as new.
type LogbookInput struct {
	Run     string   `json:"run"`
	Entries []Entry  `json:"entries,omitempty"`
	Tags    []string `json:"tags,omitempty"` // of entries that are left out
}

// LogbookID is the workflow id of a run's logbook. No run's id has a dot.
func LogbookID(run string) string { return run + ".log" }

// Logbook keeps what persons did to a run, whether the run is under way, has
// ended or has begun anew. It only listens: what was written is read from its
// history, which takes no worker.
func Logbook(ctx workflow.Context, in LogbookInput) error {
	entries := workflow.GetSignalChannel(ctx, SignalEntry)
	for {
		var e Entry
		entries.Receive(ctx, &e)
		in.add(e)
		if !workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			continue
		}
		for e = (Entry{}); entries.ReceiveAsync(&e); e = (Entry{}) {
			in.add(e)
		}
		return workflow.NewContinueAsNewError(ctx, NameLogbook, in)
	}
}

func (in *LogbookInput) add(e Entry) {
	in.Entries = append(in.Entries, e)
	if extra := len(in.Entries) - mostEntries; extra > 0 {
		in.Tags = Tags(in.Tags, in.Entries[:extra])
		in.Entries = slices.Clone(in.Entries[extra:])
	}
}

// Tags are those of a run after entries, in order, where it had some before.
func Tags(before []string, entries []Entry) []string {
	tags := slices.Clone(before)
	for _, e := range entries {
		switch e.What {
		case EntryTag:
			tags = append(tags, e.Tags...)
		case EntryUntag:
			tags = slices.DeleteFunc(tags, func(t string) bool { return slices.Contains(e.Tags, t) })
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}
