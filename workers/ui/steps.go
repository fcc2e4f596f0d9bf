package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workflows"
)

// errNoStore says that what is asked for is in the store.
var errNoStore = fault{http.StatusServiceUnavailable, errors.New("this dashboard has no store; set ESPALIER_S3 where it is served")}

// about is an endpoint about one run, of which it is given a look without rows.
func (s *Server) about(do func(ctx context.Context, v *runs.View, r *http.Request) (any, error)) endpoint {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		id, err := idOf(r)
		if err != nil {
			return nil, err
		}
		v, err := s.Runs.Look(r.Context(), id, false)
		if err != nil {
			return nil, err
		}
		return do(r.Context(), v, r)
	}
}

// sizeOfStep is about what a step takes in memory, in bytes.
const sizeOfStep = 1 << 10

// steps are those of a run. Of one that has ended they never change.
func (s *Server) steps(ctx context.Context, v *runs.View) ([]runs.TimedStep, error) {
	key := "steps " + ended(v)
	if known, ok := s.cache.get(key); ok {
		return known.([]runs.TimedStep), nil
	}
	all, err := s.shared(ctx, key, func(ctx context.Context) (any, error) { return s.Runs.Steps(ctx, v.ID) })
	if err != nil {
		return nil, err
	}
	steps := all.([]runs.TimedStep)
	if !v.Closed.IsZero() {
		s.cache.put(key, steps, sizeOfStep*len(steps))
	}
	return steps, nil
}

// journal is what is recorded of a step. Entries never change, so only those
// behind the ones that are known are read. One that cannot be read is left out.
func (s *Server) journal(ctx context.Context, step string) ([]checkpoint.Entry, error) {
	if s.Repo == nil {
		return nil, errNoStore
	}
	all, err := s.shared(ctx, "journal "+step, func(ctx context.Context) (any, error) {
		var entries []checkpoint.Entry
		if known, ok := s.cache.get("journal " + step); ok {
			entries = known.([]checkpoint.Entry)
		}
		last, before := 0, len(entries)
		if before > 0 {
			last = entries[before-1].Number
			if entries[before-1].Kind == checkpoint.EntryResult {
				return entries, nil
			}
		}
		entries = slices.Clip(entries) // others may have it
		for entry, err := range s.Repo.HistoryAfter(ctx, step, last) {
			var corrupt *checkpoint.CorruptError
			if errors.As(err, &corrupt) {
				continue
			}
			if err != nil {
				return nil, err
			}
			entries = append(entries, entry)
		}
		if len(entries) > before {
			s.cache.put("journal "+step, entries, sizeOfStep*(len(entries)-before))
		}
		return entries, nil
	})
	if err != nil {
		return nil, err
	}
	return all.([]checkpoint.Entry), nil
}

// mark is something that happened to a run beside its steps.
type mark struct {
	When time.Time `json:"when"`
	What string    `json:"what"` // a control, "worker" or "fault"
	Text string    `json:"text"`
}

// timeline is what a run did when.
func (s *Server) timeline(ctx context.Context, v *runs.View, _ *http.Request) (any, error) {
	f, err := s.full(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	steps, err := s.steps(ctx, v)
	if err != nil {
		return nil, err
	}
	marks := f.marks()
	seen := map[string]bool{}
	for _, step := range steps {
		if step.Key == "" || seen[step.Key] || s.Repo == nil {
			continue
		}
		seen[step.Key] = true
		entries, err := s.journal(ctx, step.Key)
		if err != nil {
			return nil, err
		}
		marks = append(marks, marksOf(v.ID, step, entries)...)
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return a.When.Compare(b.When) })
	if steps == nil {
		steps = []runs.TimedStep{}
	}
	return map[string]any{"steps": steps, "marks": marks}, nil
}

// marks are what persons did to the run, and what it mended.
func (f *full) marks() []mark {
	all := []mark{}
	for _, e := range f.Log {
		switch e.What {
		case workflows.EntryNote, workflows.EntryTag, workflows.EntryUntag:
		default:
			all = append(all, mark{e.When, e.What, strings.TrimSpace(e.Who + " " + e.Note)})
		}
	}
	var events []workflows.Event
	if f.Reached != nil {
		events = f.Reached.Events
	}
	if f.Sweep != nil {
		events = f.Sweep.Events
	}
	for _, e := range events {
		if e.Who == "" { // the logbook has the others
			all = append(all, mark{e.When, "fault", e.What})
		}
	}
	return all
}

// marksOf are the changes of worker in a step of the run, and what its attempts
// found wrong in the store.
func marksOf(run string, step runs.TimedStep, entries []checkpoint.Entry) []mark {
	var all []mark
	name, worker := fmt.Sprintf("%s of pass %d", step.Activity, step.Pass), ""
	for _, e := range entries {
		if e.Kind != checkpoint.EntryOpen || e.Owner != run {
			continue
		}
		if worker != "" && worker != e.Worker {
			where := "from its beginning"
			if c := e.From; c != nil {
				where = fmt.Sprintf("from epoch %d, batch %d", c.Epoch, c.Batch)
			}
			all = append(all, mark{e.Time, "worker", fmt.Sprintf("%s goes on at %s %s", name, e.Worker, where)})
		}
		for _, note := range e.Notes {
			all = append(all, mark{e.Time, "fault", name + ": " + note})
		}
		worker = e.Worker
	}
	return all
}

// saved is a checkpoint and where it came from.
type saved struct {
	Checkpoint checkpoint.Digest `json:"checkpoint"`
	Parent     checkpoint.Digest `json:"parent,omitempty"`
	Key        string            `json:"key"`
	Activity   string            `json:"activity"`
	Pass       int               `json:"pass"`
	Token      int               `json:"token"`
	Seq        int               `json:"seq"`
	Bytes      int64             `json:"bytes"`
	When       time.Time         `json:"when"`
	Final      bool              `json:"final"` // what the step left
}

// lineage is how the checkpoints of a run came from each other.
func (s *Server) lineage(ctx context.Context, v *runs.View, _ *http.Request) (any, error) {
	steps, err := s.steps(ctx, v)
	if err != nil {
		return nil, err
	}
	all, seen := []saved{}, map[string]bool{}
	for _, step := range steps {
		if step.Key == "" || seen[step.Key] {
			continue
		}
		seen[step.Key] = true
		entries, err := s.journal(ctx, step.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, savedBy(step, entries)...)
	}
	return map[string]any{"checkpoints": all}, nil
}

// savedBy are the checkpoints of a step. One in the middle came from the one
// before, and the last from the step's input.
func savedBy(step runs.TimedStep, entries []checkpoint.Entry) []saved {
	var all []saved
	before := step.Parent
	for _, e := range entries {
		one := saved{
			Checkpoint: e.Digest, Key: step.Key, Activity: step.Activity, Pass: step.Pass,
			Token: e.Token, Seq: e.Number, Bytes: e.Size, When: e.Time,
		}
		switch e.Kind {
		case checkpoint.EntryOpen:
			if before = step.Parent; e.FromDigest != "" {
				before = e.FromDigest
			}
			continue
		case checkpoint.EntryCheckpoint:
			one.Parent, before = before, e.Digest
		case checkpoint.EntryResult:
			one.Parent, one.Final = e.Parent, true
		}
		if e.Digest != "" {
			all = append(all, one)
		}
	}
	return all
}
