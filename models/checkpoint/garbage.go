package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// The objects that are kept for what refers to them, and those that nothing
// ever does: what was put aside, what a probe of the store left, and how runs
// stood, which their workers write anew.
const (
	prefixCheckpoints = "checkpoints/"
	prefixManifests   = "manifests/"
	prefixQuarantine  = "quarantine/"
	prefixProbes      = "doctor/"
	PrefixStandings   = "standings/"
)

// collected are the prefixes of what may be garbage and refers to nothing.
var collected = []string{prefixCheckpoints, prefixProbes, prefixQuarantine, PrefixStandings}

// Garbage are the objects from before a time that nothing refers to, in the
// order of their keys:
//
//   - checkpoints that no journal, result, run, sweep or tag names: they are
//     left by a crash between a checkpoint and its entry. A journal names its
//     input, its result and its newest checkpoints, two while the step is under
//     way and one when it is finished; a step goes on from no other.
//   - what lies in quarantine, what probes of the store left, and how runs
//     and sweeps stood whose workers have not written that since.
//
// Any other object is a record, and stays with all whose digests stand in it.
//
// The time has to be further back than the age at which an object is Stale, by
// more than a step takes between saving a checkpoint and recording it and than
// clocks differ: then what steps do meanwhile takes nothing away from them.
// Records are read after the checkpoints are listed.
func (r *Repo) Garbage(ctx context.Context, before time.Time) ([]Info, error) {
	var old []Info
	for _, prefix := range collected {
		for info, err := range r.Store.List(ctx, prefix) {
			if err != nil {
				return nil, fmt.Errorf("garbage: %w", err)
			}
			if info.Modified.Before(before) {
				old = append(old, info)
			}
		}
	}
	if len(old) == 0 {
		return nil, nil
	}
	named, err := r.References(ctx)
	if err != nil {
		return nil, fmt.Errorf("garbage: %w", err)
	}
	var garbage []Info
	for _, info := range old {
		digest := strings.TrimSuffix(strings.TrimPrefix(info.Key, prefixCheckpoints), ".safetensors")
		if !named[Digest(digest)] {
			garbage = append(garbage, info)
		}
	}
	return garbage, nil
}

// Discard removes an object that [Repo.Garbage] found, unless it was written
// anew meanwhile. It says whether the object is gone by that.
func (r *Repo) Discard(ctx context.Context, garbage Info) (bool, error) {
	now, err := r.Store.Stat(ctx, garbage.Key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err == nil && now.Modified.After(garbage.Modified.Add(time.Second)) { // some answers tell whole seconds
		return false, nil
	}
	if err == nil {
		err = r.Store.Delete(ctx, garbage.Key)
	}
	return err == nil, err
}

// References are the digests of all checkpoints that a record of the store
// names, whether they are there or not.
func (r *Repo) References(ctx context.Context) (map[Digest]bool, error) {
	named := make(map[Digest]bool)
	step, journal := "", journalNames{}
	for info, err := range r.Store.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		key, inJournal := strings.CutPrefix(info.Key, prefixManifests)
		if inJournal {
			owner, _, _ := strings.Cut(key, "/")
			if owner != step {
				journal.into(named)
				step, journal = owner, journalNames{}
			}
			if err := r.readEntry(ctx, info.Key, &journal); err != nil {
				return nil, err
			}
			continue
		}
		if err := r.scan(ctx, info, named); err != nil {
			return nil, err
		}
	}
	journal.into(named)
	return named, nil
}

// journalNames are the digests in a journal.
type journalNames struct {
	midStep, others []Digest
	finished        bool
}

func (j *journalNames) into(named map[Digest]bool) {
	keep := keepByDefault
	if j.finished {
		keep = 1
	}
	old := make(map[Digest]bool)
	for _, d := range outdated(j.midStep, keep) {
		old[d] = true
	}
	for _, d := range j.midStep {
		if !old[d] {
			named[d] = true
		}
	}
	for _, d := range j.others {
		named[d] = true
	}
}

// readEntry adds what an entry names; one that is damaged names nothing, for
// a step that goes on skips it too.
func (r *Repo) readEntry(ctx context.Context, key string, j *journalNames) error {
	var entry Entry
	err := r.GetJSON(ctx, key, &entry)
	if isCorrupt(err) || errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case entry.midStep():
		j.midStep = append(j.midStep, entry.Digest)
	case entry.Digest != "":
		j.others = append(j.others, entry.Digest)
	}
	if entry.Parent != "" {
		j.others = append(j.others, entry.Parent)
	}
	j.finished = j.finished || entry.Kind == EntryResult
	return nil
}

// digests are the words of a record that may be a digest.
var digests = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// scan adds every digest that stands in a record, whatever its form: a record
// that nobody here knows keeps its checkpoints all the same.
func (r *Repo) scan(ctx context.Context, info Info, named map[Digest]bool) error {
	for _, prefix := range collected {
		if strings.HasPrefix(info.Key, prefix) {
			return nil
		}
	}
	data, err := r.read(ctx, info.Key, maxSealed)
	if isCorrupt(err) || errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, word := range digests.FindAll(data, -1) {
		named[Digest(word)] = true
	}
	return nil
}
