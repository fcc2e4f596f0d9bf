package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"espalier/models/engine"
)

// survey is what an attempt finds of a step before it begins.
type survey struct {
	repo *Repo
	step string

	last   int                 // the newest entry's number, 0 if there is none
	newest Entry               // the newest entry that can be read, its number 0 if there is none
	done   *Result             // the step's result, if it is finished
	from   *Checkpoint         // the newest intact checkpoint, if any
	entry  Entry               // its entry
	origin *engine.Fingerprint // of the attempt that wrote it, if known
	stored []Digest            // mid-step checkpoints, as far as known, oldest first

	faults []fault
}

// fault is an object that is not as it should be.
type fault struct {
	key, text string
	missing   bool
}

// The bounds of a survey: the faults that are named one by one, and how many
// checkpoints before the one that is taken up are remembered for removal.
const (
	maxNotes    = 8
	rememberOld = 4
)

// look reads the step's record, from the newest entry back to the first
// checkpoint or result that is intact. It may be called again.
func (s *survey) look(ctx context.Context) error {
	s.last, s.newest, s.from, s.origin, s.stored = 0, Entry{}, nil, nil, nil
	// What was missing may only have been removed by the owner of the step
	// while this one looked; what was corrupt was, and is put aside by now.
	s.faults = slices.DeleteFunc(s.faults, func(f fault) bool { return f.missing })
	result, err := s.repo.VerifyResult(ctx, s.step)
	switch {
	case err == nil:
		s.done = result
		return nil
	case isCorrupt(err):
		s.noteError(err)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	numbers, err := s.repo.numbers(ctx, s.step)
	if err != nil || len(numbers) == 0 {
		return err
	}
	s.last = numbers[len(numbers)-1]
	for _, n := range slices.Backward(numbers) {
		if err := s.visit(ctx, n); err != nil {
			return err
		}
		if s.done != nil || (s.from != nil && len(s.stored) > rememberOld) {
			break
		}
	}
	slices.Reverse(s.stored)
	return s.findOrigin(ctx)
}

func (s *survey) visit(ctx context.Context, number int) error {
	entry, err := s.repo.entry(ctx, s.step, number)
	if isCorrupt(err) {
		s.noteError(err)
		return nil
	}
	if err != nil {
		return err
	}
	if s.newest.Number == 0 {
		s.newest = entry
	}
	switch {
	case entry.Kind == EntryResult && s.from == nil:
		return s.visitResult(ctx, entry)
	case entry.Kind == EntryCheckpoint && s.from == nil:
		return s.visitCheckpoint(ctx, entry)
	case entry.midStep():
		s.stored = append(s.stored, entry.Digest)
	}
	return nil
}

// visitResult completes a result whose attempt died before publishing it.
func (s *survey) visitResult(ctx context.Context, entry Entry) error {
	if entry.Result == nil {
		key := EntryKey(s.step, entry.Number)
		s.note(fault{key: key, text: key + " is a result without content"})
		return nil
	}
	if entry.Digest != "" {
		bad, err := s.repo.inspect(ctx, entry.Digest, entry.Size)
		if bad != nil {
			s.noteError(bad)
		}
		if bad != nil || err != nil {
			return err
		}
	}
	s.done = entry.Result
	return s.repo.publish(ctx, *entry.Result)
}

func (s *survey) visitCheckpoint(ctx context.Context, entry Entry) error {
	c, err := s.repo.load(ctx, entry.Digest, entry.Size)
	if err == nil {
		s.from, s.entry = c, entry
		if entry.midStep() {
			s.stored = append(s.stored, entry.Digest)
		}
		return nil
	}
	var unreadable *decodeError
	if errors.As(err, &unreadable) { // its bytes are as written, by another version: leave it
		s.note(fault{key: CheckpointKey(entry.Digest), text: err.Error()})
		return nil
	}
	bad, err := s.repo.judge(ctx, entry.Digest, err)
	if bad != nil {
		s.noteError(bad)
	}
	return err
}

// findOrigin looks up where the checkpoint was computed. An unreadable entry
// only leaves that unknown.
func (s *survey) findOrigin(ctx context.Context) error {
	if s.from == nil {
		return nil
	}
	opening, err := s.repo.entry(ctx, s.step, s.entry.Token)
	if err == nil && opening.Kind == EntryOpen {
		s.origin = &opening.Fingerprint
	}
	if isCorrupt(err) {
		return nil
	}
	return err
}

func (s *survey) noteError(err error) {
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		s.note(fault{corrupt.Key, corrupt.Error(), corrupt.Reason == reasonMissing})
	}
}

// note names an object once, however often the survey comes by: one that was
// put aside is missing the next time.
func (s *survey) note(f fault) {
	if !slices.ContainsFunc(s.faults, func(g fault) bool { return g.key == f.key }) {
		s.faults = append(s.faults, f)
	}
}

// notes are the faults in words, the newest objects first.
func (s *survey) notes() []string {
	var notes []string
	for i, f := range s.faults {
		if i == maxNotes {
			return append(notes, fmt.Sprintf("%d older entries or checkpoints are corrupt or missing", len(s.faults)-i))
		}
		notes = append(notes, f.text)
	}
	return notes
}
