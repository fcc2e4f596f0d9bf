package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
)

// Journal is an attempt's right to record a step. It ends when a newer attempt
// opens the step: from then on every call answers ErrFenced. It is safe for
// concurrent use.
type Journal struct {
	repo    *Repo
	step    string
	attempt Attempt
	opening Entry

	mu   sync.Mutex
	next int
	lost error    // why the attempt may write no more
	kept []Digest // the step's mid-step checkpoints in the store, oldest first

	noting sync.Mutex // not mu, which is held while a checkpoint is written
	notes  Numbers
}

// Note keeps numbers for people to look at, such as those of an epoch: the next
// entry carries them beside its own, which they leave alone. Those that no entry
// carried are lost with the attempt.
func (j *Journal) Note(numbers Numbers) {
	j.noting.Lock()
	defer j.noting.Unlock()
	if j.notes == nil {
		j.notes = make(Numbers, len(numbers))
	}
	maps.Copy(j.notes, numbers)
}

// noted adds the notes to an entry, and answers with what to do once it is
// written.
func (j *Journal) noted(entry *Entry) (written func()) {
	j.noting.Lock()
	defer j.noting.Unlock()
	if len(j.notes) == 0 {
		return func() {}
	}
	notes := maps.Clone(j.notes)
	all := maps.Clone(notes)
	maps.Copy(all, entry.Metrics)
	entry.Metrics = all
	return func() {
		j.noting.Lock()
		defer j.noting.Unlock()
		// What was noted anew meanwhile stays, as it may be another number.
		maps.DeleteFunc(j.notes, func(name string, v float64) bool {
			old, had := notes[name]
			return had && math.Float64bits(old) == math.Float64bits(v)
		})
	}
}

// StepKey names the step.
func (j *Journal) StepKey() string { return j.step }

// Token is the attempt's fencing token, the number of its open entry.
func (j *Journal) Token() int { return j.opening.Number }

// Opening is the attempt's open entry.
func (j *Journal) Opening() Entry { return j.opening }

// Commit records the step's state: first the checkpoint, then the entry that
// names it. A crash in between leaves an object that nobody refers to. After
// the commit older mid-step checkpoints of the step are removed.
//
// ErrFenced says that a newer attempt owns the step. After any other error the
// state is recorded or not, and Commit may be called again.
func (j *Journal) Commit(ctx context.Context, c *Checkpoint, metrics Numbers) (Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost != nil {
		return Entry{}, j.lost
	}
	entry := Entry{Kind: EntryCheckpoint, Metrics: metrics}
	if c != nil && c.Training != nil {
		own := *c.Training
		own.StepKey = j.step
		c = &Checkpoint{Network: c.Network, Files: c.Files, Training: &own}
		entry.Cursor = &own.Cursor
	}
	var err error
	if entry.Digest, entry.Size, err = j.repo.Save(ctx, c); err != nil {
		return Entry{}, fmt.Errorf("step %.12s: %w", j.step, err)
	}
	if entry, err = j.append(ctx, entry); err != nil {
		return Entry{}, err
	}
	j.prune(ctx, j.attempt.Keep)
	return entry, nil
}

// Finish records the step's result and publishes it. The result's checkpoint,
// if it has one, must have been saved. A result of the same checkpoint that is
// published already is as good; another one is an error that names both.
// Of the mid-step checkpoints only the newest stays, to go on from should the
// result's bytes be lost.
func (j *Journal) Finish(ctx context.Context, result Result) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost != nil {
		return j.lost
	}
	if result.StepKey == "" {
		result.StepKey = j.step
	}
	if result.StepKey != j.step {
		return fmt.Errorf("step %.12s: the result is of step %.12s", j.step, result.StepKey)
	}
	if err := j.present(ctx, &result); err != nil {
		return fmt.Errorf("step %.12s: %w", j.step, err)
	}
	_, err := j.append(ctx, Entry{
		Kind: EntryResult, Digest: result.Checkpoint, Size: result.Size,
		Parent: result.Parent, Metrics: result.Metrics, Result: &result,
	})
	if err != nil {
		return err
	}
	if err := j.repo.publish(ctx, result); err != nil {
		return err
	}
	j.kept = slices.DeleteFunc(j.kept, func(d Digest) bool { return d == result.Checkpoint })
	j.prune(ctx, 1)
	return nil
}

// present checks that the result's checkpoint is in the store, and fills in
// its size.
func (j *Journal) present(ctx context.Context, result *Result) error {
	if result.Checkpoint == "" {
		return nil
	}
	info, err := j.repo.Store.Stat(ctx, CheckpointKey(result.Checkpoint))
	if err != nil {
		return fmt.Errorf("the result's checkpoint: %w", err)
	}
	if result.Size == 0 {
		result.Size = info.Size
	}
	if info.Size != result.Size {
		return &CorruptError{Key: info.Key, Reason: fmt.Sprintf("size %d, want %d", info.Size, result.Size)}
	}
	return nil
}

// append writes the entry at the next number. The caller holds the lock.
func (j *Journal) append(ctx context.Context, entry Entry) (Entry, error) {
	entry.Token, entry.Owner, entry.Worker = j.Token(), j.attempt.Owner, j.attempt.Worker
	entry.Time = j.attempt.Now().Round(0).UTC()
	written := j.noted(&entry)
	for {
		entry.Number = j.next
		data, err := seal(EntryKey(j.step, j.next), entry)
		if err != nil {
			return Entry{}, err
		}
		there := entry
		err = j.repo.Store.Create(ctx, EntryKey(j.step, j.next), data)
		if errors.Is(err, ErrExists) {
			there, err = j.meet(ctx)
		}
		if err != nil {
			return Entry{}, err
		}
		j.next++
		if there.midStep() {
			j.kept = append(j.kept, there.Digest)
		}
		if there.Kind == entry.Kind && there.Digest == entry.Digest {
			written()
			return there, nil
		}
	}
}

// meet reads the entry that is where this attempt wanted to write. It is the
// attempt's own if the answer to an earlier write was lost; any other is of a
// newer attempt. One that cannot be read may be either, so it ends the attempt
// too, but not as fenced: whoever opens the step again skips it.
func (j *Journal) meet(ctx context.Context) (Entry, error) {
	there, err := j.repo.entry(ctx, j.step, j.next)
	switch {
	case isCorrupt(err):
		j.lost = fmt.Errorf("step %.12s: the attempt cannot tell whether it owns the step any more and must open it again: %v", j.step, err)
	case err != nil:
		return Entry{}, err
	case there.Token != j.Token():
		j.lost = fmt.Errorf("step %.12s: entry %d is of attempt %d by %s for %s, this one is attempt %d: %w",
			j.step, there.Number, there.Token, there.Worker, there.Owner, j.Token(), ErrFenced)
	}
	return there, j.lost
}

// prune removes all but the newest mid-step checkpoints. What cannot be
// removed now is left for the next time: the state is safe, that counts.
func (j *Journal) prune(ctx context.Context, keep int) {
	for _, d := range outdated(j.kept, keep) {
		if err := j.repo.Store.Delete(ctx, CheckpointKey(d)); err != nil {
			return
		}
		j.kept = slices.DeleteFunc(j.kept, func(k Digest) bool { return k == d })
	}
}

// publish writes a step's result where readers look for it.
func (r *Repo) publish(ctx context.Context, result Result) error {
	key := ResultKey(result.StepKey)
	data, err := seal(key, result)
	if err != nil {
		return err
	}
	for {
		err := r.Store.Create(ctx, key, data)
		if !errors.Is(err, ErrExists) {
			return err
		}
		there, err := r.Result(ctx, result.StepKey)
		switch {
		case isCorrupt(err):
			err = r.quarantine(ctx, key)
		case errors.Is(err, ErrNotFound): // it was just removed
			err = nil
		case err == nil && there.Checkpoint == result.Checkpoint:
			return nil
		case err == nil:
			err = fmt.Errorf("step %.12s has the result %s already, this one is %s", result.StepKey, there.Checkpoint, result.Checkpoint)
		}
		if err != nil {
			return err
		}
	}
}
