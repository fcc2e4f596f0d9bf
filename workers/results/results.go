// Package results lays out what runs and sweeps have reached as the rows of a
// table: one a pass of every trial.
//
// What has ended is read from the store, a few trials at a time, so that a sweep
// of thousands needs neither memory nor a server. Only what is under way
// is asked of its workers.
package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path"
	"strings"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workers/table"
	"espalier/workflows"
	"espalier/workflows/search"
)

// Source is where results are.
type Source struct {
	Repo *checkpoint.Repo
	Runs *runs.Client // nil where no server is asked
}

// Results are a table.
type Results struct {
	Columns []table.Column
	// Rows has a cell for each column. An error ends it.
	Rows iter.Seq2[[]any, error]
}

// recordKey is where the store keeps what a run or a sweep ended with.
func recordKey(run string) string { return path.Join("runs", run, "result.json") }

// Of are the results of a run, of a trial or of all trials of a sweep;
// [runs.ErrNotFound] where neither the store nor a server knows of it.
func (s Source) Of(ctx context.Context, id string) (*Results, error) {
	found, err := s.find(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case found.sweep != nil:
		return found.sweep.table(ctx), nil
	}
	return one(*found.run), nil
}

// subject is what an id names: exactly one of its members.
type subject struct {
	run   *trial
	sweep *gathering
}

func (s Source) find(ctx context.Context, id string) (subject, error) {
	if strings.Contains(id, "/") || checkpoint.CheckKey(recordKey(id)) != nil {
		return subject{}, fmt.Errorf("%w: %q", runs.ErrNotFound, id)
	}
	var record json.RawMessage
	err := s.Repo.GetJSON(ctx, recordKey(id), &record)
	switch {
	case err == nil:
		return s.ended(ctx, id, record)
	case !errors.Is(err, checkpoint.ErrNotFound):
		return subject{}, err
	case s.Runs == nil:
		return subject{}, fmt.Errorf("%w: no result of %s is in %s, and no server is there to ask", runs.ErrNotFound, id, s.Repo.Store)
	}
	return s.underWay(ctx, id)
}

// ended reads the record of what has ended.
func (s Source) ended(ctx context.Context, id string, record json.RawMessage) (subject, error) {
	var kind struct {
		Objectives []string          `json:"objectives"`
		Rows       []json.RawMessage `json:"rows"`
	}
	if err := json.Unmarshal(record, &kind); err != nil {
		return subject{}, fmt.Errorf("%s: %w", recordKey(id), err)
	}
	switch {
	case len(kind.Objectives) > 0:
		var sweep workflows.SweepRecord
		if err := json.Unmarshal(record, &sweep); err != nil {
			return subject{}, fmt.Errorf("%s: %w", recordKey(id), err)
		}
		return s.sweep(ctx, &sweep)
	case len(kind.Rows) > 0:
		var run workflows.Record
		if err := json.Unmarshal(record, &run); err != nil {
			return subject{}, fmt.Errorf("%s: %w", recordKey(id), err)
		}
		t := recorded(&run)
		t.run = id
		return subject{run: &t}, nil
	}
	return subject{}, fmt.Errorf("%s has no passes: results are of runs and of sweeps", id)
}

// underWay asks a server.
func (s Source) underWay(ctx context.Context, id string) (subject, error) {
	v, err := s.Runs.Look(ctx, id, true)
	if err != nil {
		return subject{}, err
	}
	spec, err := s.Runs.Spec(ctx, id)
	if err != nil {
		return subject{}, err
	}
	switch {
	case v.Kind == runs.KindSensitivity:
		return subject{}, fmt.Errorf("%s has no passes: results are of runs and of sweeps", id)
	case v.Sweep != nil:
		return s.sweep(ctx, &workflows.SweepRecord{SweepResult: *v.Sweep, Spec: spec})
	case v.Reached != nil:
		return subject{run: &trial{
			run: id, number: noTrial, seed: spec.Train.Seed, seeded: true, state: v.State, why: v.Reached.Stopped,
			rows: v.Reached.Rows, links: v.Reached.Links, spec: spec, data: v.Reached.DataDigest,
		}}, nil
	}
	return subject{}, fmt.Errorf("%s is %s, and no worker answers for what it has reached; start one with: espalier worker", id, v.State)
}

// one is the table of a run.
func one(t trial) *Results {
	return &Results{Columns: columns(nil), Rows: func(yield func([]any, error) bool) { t.lines(nil, yield) }}
}

// recorded is a run that has ended, by its record.
func recorded(r *workflows.Record) trial {
	t := trial{
		run: r.Run, number: noTrial, seed: r.Spec.Train.Seed, seeded: true, state: workflows.StateDone, why: r.Stopped,
		rows: r.Rows, links: r.Links, spec: &r.Spec, data: r.DataDigest, from: r.From,
	}
	if r.Stopped != "" {
		t.state = workflows.StateStopped
	}
	return t
}

// seedOf is the seed that values of a trial, or else the spec, have.
func seedOf(values []search.Setting, spec *config.Spec) (seed uint64, known bool) {
	for _, v := range values {
		if v.Path == config.SeedPath {
			_, err := fmt.Sscan(v.Value, &seed)
			return seed, err == nil
		}
	}
	if spec == nil {
		return 0, false
	}
	return spec.Train.Seed, true
}
