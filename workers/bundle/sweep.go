package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"espalier/models/checkpoint"
	"espalier/workers/results"
	"espalier/workers/table"
	"espalier/workflows"
)

// sweep adds the trials of a sweep that left a result, and the table of all.
func (g *gathering) sweep(ctx context.Context, run string, text json.RawMessage) error {
	var record workflows.SweepRecord
	if err := json.Unmarshal(text, &record); err != nil {
		return fmt.Errorf("%s: %w", recordKey(run), err)
	}
	if record.Spec == nil {
		return fmt.Errorf("the record of %s is of a version that did not keep the specs of sweeps", run)
	}
	g.manifest.Format = FormatSweep
	if err := g.json(specFile, record.Spec); err != nil {
		return err
	}
	if err := g.copy(ctx, recordKey(run)); err != nil {
		return err
	}
	trials, err := results.TrialRuns(ctx, g.repo, run)
	if err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(trials)) {
		t, err := g.one(ctx, trials[number])
		if errors.Is(err, ErrNoRun) {
			continue // given up before it had any numbers; the table says so
		}
		if err != nil {
			return fmt.Errorf("trial %d: %w", number, err)
		}
		t.Trial = number
		g.manifest.Trials = append(g.manifest.Trials, *t)
		if err := g.log(ctx, logPrefix+t.Run+".json", t.Run); err != nil {
			return err
		}
	}
	return g.table(ctx)
}

// table adds the rows of all trials, those that failed too.
func (g *gathering) table(ctx context.Context) error {
	found, err := results.Source{Repo: g.repo}.Of(ctx, g.manifest.Run)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	out, err := table.New(&text, table.CSV, found.Columns)
	if err != nil {
		return err
	}
	for row, err := range found.Rows {
		if err == nil {
			err = out.Write(row)
		}
		if err != nil {
			return fmt.Errorf("table of %s: %w", g.manifest.Run, err)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	g.add(tableFile, text.Bytes())
	return nil
}

// records reads the records that the manifest says are there.
func (b *Bundle) records(ctx context.Context) error {
	m := &b.Manifest
	if m.Format == Format {
		return b.record(ctx, m.Run, &b.Record)
	}
	if err := b.record(ctx, m.Run, &b.Sweep); err != nil {
		return err
	}
	for i := range m.Trials {
		if err := b.record(ctx, m.Trials[i].Run, &m.Trials[i].record); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bundle) record(ctx context.Context, run string, into any) error {
	if checkpoint.CheckKey(recordKey(run)) != nil {
		return corrupt("a run is called %.80q", run)
	}
	err := b.repo.GetJSON(ctx, recordKey(run), into)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return corrupt("it has no %s", recordKey(run))
	}
	return err
}

// runs are the run of a bundle, or all trials of its sweep.
func (b *Bundle) runs() []Trial {
	m := b.Manifest
	if m.Format == FormatSweep {
		return m.Trials
	}
	return []Trial{{Run: m.Run, Final: m.Final, DataDigest: m.DataDigest, Steps: m.Steps, record: b.Record}}
}

// AllSteps are the steps of the run, or those of all trials, each once.
func (m *Manifest) AllSteps() []Step {
	all, known := slices.Clone(m.Steps), map[string]bool{}
	for _, t := range m.Trials {
		for _, s := range t.Steps {
			if !known[s.Key] {
				all = append(all, s)
			}
			known[s.Key] = true
		}
	}
	return all
}
