package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// History yields a step's journal from the first entry on. An entry that
// cannot be read is yielded as its number and a *CorruptError, and the next
// ones follow; any other error ends it.
func (r *Repo) History(ctx context.Context, stepKey string) iter.Seq2[Entry, error] {
	return r.HistoryAfter(ctx, stepKey, 0)
}

// HistoryAfter is History of the entries behind a number, for who has read the
// others: entries never change.
func (r *Repo) HistoryAfter(ctx context.Context, stepKey string, number int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		numbers, err := r.numbers(ctx, stepKey)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, n := range numbers {
			if n <= number {
				continue
			}
			entry, err := r.entry(ctx, stepKey, n)
			if !yield(entry, err) || (err != nil && !isCorrupt(err)) {
				return
			}
		}
	}
}

// Tail is the newest entry that can be read; ok is false if there is none. It
// costs a listing and a small read: a waiting attempt may ask often.
func (r *Repo) Tail(ctx context.Context, stepKey string) (last Entry, ok bool, err error) {
	numbers, err := r.numbers(ctx, stepKey)
	if err != nil {
		return Entry{}, false, err
	}
	for _, n := range slices.Backward(numbers) {
		entry, err := r.entry(ctx, stepKey, n)
		if err == nil {
			return entry, true, nil
		}
		if !isCorrupt(err) {
			return Entry{}, false, err
		}
	}
	return Entry{}, false, nil
}

// Prune removes the step's mid-step checkpoints but for the newest keep ones,
// and answers with how many it removed. The journal and the result stay.
func (r *Repo) Prune(ctx context.Context, stepKey string, keep int) (removed int, err error) {
	var digests, results []Digest
	for entry, err := range r.History(ctx, stepKey) {
		switch {
		case err != nil && !isCorrupt(err):
			return 0, err
		case entry.Kind == EntryResult:
			results = append(results, entry.Digest)
		case entry.midStep():
			digests = append(digests, entry.Digest)
		}
	}
	for _, d := range outdated(digests, keep) {
		if slices.Contains(results, d) {
			continue
		}
		_, err := r.Store.Stat(ctx, CheckpointKey(d))
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err == nil {
			err = r.Store.Delete(ctx, CheckpointKey(d))
		}
		if err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// midStep says that the entry's checkpoint has a training state. Such an
// object names its step, so no other step can refer to it.
func (e Entry) midStep() bool { return e.Kind == EntryCheckpoint && e.Cursor != nil }

// outdated are the digests that are not among the last keep different ones.
func outdated(digests []Digest, keep int) []Digest {
	var newest, old []Digest
	for _, d := range slices.Backward(digests) {
		switch {
		case slices.Contains(newest, d) || slices.Contains(old, d):
		case len(newest) < keep:
			newest = append(newest, d)
		default:
			old = append(old, d)
		}
	}
	slices.Reverse(old)
	return old
}

// numbers are the numbers of a step's entries, ascending.
func (r *Repo) numbers(ctx context.Context, stepKey string) ([]int, error) {
	if err := checkStep(stepKey); err != nil {
		return nil, err
	}
	var numbers []int
	for info, err := range r.Store.List(ctx, journalPrefix(stepKey)) {
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(info.Key, journalPrefix(stepKey)), ".json")
		if n, err := strconv.Atoi(name); err == nil && n > 0 && EntryKey(stepKey, n) == info.Key {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// entry reads one entry. Whatever the error, its number is set.
func (r *Repo) entry(ctx context.Context, stepKey string, number int) (Entry, error) {
	key, entry := EntryKey(stepKey, number), Entry{}
	err := r.GetJSON(ctx, key, &entry)
	if errors.Is(err, ErrNotFound) {
		err = &CorruptError{Key: key, Reason: reasonMissing}
	}
	if err == nil && entry.Number != number {
		err = &CorruptError{Key: key, Reason: fmt.Sprintf("it says that it is number %d", entry.Number)}
	}
	if err != nil {
		return Entry{Number: number}, err
	}
	return entry, nil
}
