package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"espalier/models/engine"
)

// Attempt says who tries a step.
type Attempt struct {
	Owner  string // who it works for: workflow and run id
	Worker string
	// Now is the worker's clock; what it says is for people only.
	Now         func() time.Time
	Fingerprint engine.Fingerprint
	Version     string // of espalier
	// Keep is how many of the step's newest mid-step checkpoints stay; older
	// ones are removed after a commit. 0 means 2; 1 leaves nothing to fall
	// back on.
	Keep int
	// Yield is asked about the newest entry of a step that others have been
	// at: whether to leave it to them, with ErrTaken. nil takes it over.
	Yield func(newest Entry) bool
}

// ErrTaken is the answer of [Repo.Open] where Attempt.Yield said so.
var ErrTaken = errors.New("another attempt is at the step")

// keepByDefault leaves one checkpoint to fall back on.
const keepByDefault = 2

// Opened is the answer of [Repo.Open].
type Opened struct {
	// Done is the step's result if it is finished; then there is no Journal.
	Done    *Result
	Journal *Journal
	// From is where to go on, nil from the start.
	From *Checkpoint
	// Notes say what was found wrong on the way, one line each.
	Notes []string
}

// Open begins an attempt at a step. It finds the newest checkpoint of the
// step that is intact, whoever wrote it; those that are corrupt, truncated or
// missing are named in the notes, go to quarantine and are skipped. Then it
// takes the next number of the journal: from then on, no older attempt can
// commit. A step whose result is in the journal but not yet published is
// completed and answered as done. ErrTaken where the attempt yields.
func (r *Repo) Open(ctx context.Context, stepKey string, a Attempt) (*Opened, error) {
	if a.Now == nil {
		return nil, errors.New("open a step: the attempt has no clock")
	}
	if a.Keep <= 0 {
		a.Keep = keepByDefault
	}
	s := &survey{repo: r, step: stepKey}
	for {
		if err := s.look(ctx); err != nil {
			return nil, fmt.Errorf("open step %.12s: %w", stepKey, err)
		}
		if s.done != nil {
			return &Opened{Done: s.done, Notes: s.notes()}, nil
		}
		if a.Yield != nil && s.newest.Number > 0 && a.Yield(s.newest) {
			return nil, ErrTaken
		}
		j, err := r.take(ctx, s, a)
		if err == nil {
			return &Opened{Journal: j, From: s.from, Notes: j.opening.Notes}, nil
		}
		if !errors.Is(err, ErrExists) { // or else somebody was faster: look again
			return nil, fmt.Errorf("open step %.12s: %w", stepKey, err)
		}
	}
}

// take writes the attempt's open entry; ErrExists if the number is gone.
func (r *Repo) take(ctx context.Context, s *survey, a Attempt) (*Journal, error) {
	number := s.last + 1
	entry := Entry{
		Number: number, Kind: EntryOpen, Token: number,
		Owner: a.Owner, Worker: a.Worker, Time: a.Now().Round(0).UTC(),
		Notes: s.notes(), Fingerprint: a.Fingerprint, Version: a.Version,
	}
	if s.from != nil {
		entry.FromDigest, entry.From = s.entry.Digest, s.entry.Cursor
		if other := s.origin; other != nil && *other != a.Fingerprint {
			entry.Notes = append(entry.Notes, fmt.Sprintf(
				"the checkpoint is of another machine, so the bits may differ: it was %s, here is %s", describe(*other), describe(a.Fingerprint)))
		}
	}
	data, err := seal(EntryKey(s.step, number), entry)
	if err != nil {
		return nil, err
	}
	if err := r.Store.Create(ctx, EntryKey(s.step, number), data); err != nil {
		return nil, err
	}
	return &Journal{repo: r, step: s.step, attempt: a, opening: entry, next: number + 1, kept: slices.Clone(s.stored)}, nil
}

func describe(f engine.Fingerprint) string {
	return fmt.Sprintf("%s on %s with %s and %d threads", f.Engine, f.CPU, f.BLAS, f.Threads)
}
