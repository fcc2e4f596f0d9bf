package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"espalier/activities"
	"espalier/models/checkpoint"
	"espalier/models/engine"
	"espalier/workers/runs"
	"espalier/workflows"
)

// Options are how much a bundle holds.
type Options struct {
	// Checkpoints are all networks of the run; otherwise the final one, and
	// those that its steps could not make again.
	Checkpoints bool
	Version     string // of espalier
	// Log is what persons did to the run, as far as a server tells.
	Log []workflows.Entry
}

// gathering collects what goes into a bundle.
type gathering struct {
	repo     *checkpoint.Repo
	manifest Manifest
	small    map[string][]byte // files whose bytes are here; the others are checkpoints of the store
	engine   string            // part of the keys, by the journals
}

// gather reads the run's record and its steps. The answer's files are not in order.
func gather(ctx context.Context, repo *checkpoint.Repo, run string, o Options) (*gathering, error) {
	if checkpoint.CheckKey(recordKey(run)) != nil {
		return nil, fmt.Errorf("%w: %q", runs.ErrNotFound, run)
	}
	var record workflows.Record
	err := repo.GetJSON(ctx, recordKey(run), &record)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return nil, fmt.Errorf("%w that has ended: no result of %s is in %s", runs.ErrNotFound, run, repo.Store)
	}
	if err != nil {
		return nil, err
	}
	if record.Final == "" {
		return nil, fmt.Errorf("%s %w", run, ErrNoRun)
	}
	made, err := record.Steps()
	if err != nil {
		return nil, err
	}
	g := &gathering{repo: repo, small: make(map[string][]byte)}
	g.manifest = Manifest{Format: Format, Version: o.Version, Run: run, Final: record.Final, DataDigest: record.DataDigest}
	spec, err := json.MarshalIndent(record.Spec, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("spec of %s: %w", run, err)
	}
	g.add(specFile, append(spec, '\n'))
	if len(o.Log) > 0 {
		log, err := json.MarshalIndent(o.Log, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("log of %s: %w", run, err)
		}
		g.add(logFile, append(log, '\n'))
	}
	if err := g.copy(ctx, recordKey(run)); err != nil {
		return nil, err
	}
	for _, m := range made {
		if err := g.step(ctx, m); err != nil {
			return nil, fmt.Errorf("%s of pass %d: %w", m.Kind, m.Pass, err)
		}
	}
	for _, digest := range networks(&record, made, o.Checkpoints) {
		if err := g.network(ctx, digest); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// networks are the checkpoints that go in: the final one and, where the first
// network came from elsewhere, that one.
func networks(record *workflows.Record, made []workflows.Made, all bool) []checkpoint.Digest {
	digests := []checkpoint.Digest{record.Final}
	if record.Spec.Network.File() != "" || record.Spec.Network.Checkpoint != "" {
		digests = append(digests, record.Links[0].Checkpoint)
	}
	if d := record.Spec.Network.Checkpoint; d != "" {
		digests = append(digests, checkpoint.Digest(d))
	}
	for _, m := range made {
		if all && m.Key != "" {
			digests = append(digests, m.Left)
		}
	}
	return digests
}

// step adds a step with its result and its journal, as far as they are there.
func (g *gathering) step(ctx context.Context, m workflows.Made) error {
	key, err := g.key(m)
	if err != nil || key == "" {
		return err
	}
	s := Step{Kind: m.Kind, Pass: m.Pass, Key: key, Reads: m.Reads(), Seed: seedOf(m)}
	if m.Key != "" {
		s.Checkpoint = m.Left
	}
	result, err := g.repo.Result(ctx, key)
	switch {
	case errors.Is(err, checkpoint.ErrNotFound):
	case err != nil:
		return err
	default:
		s.Metrics = result.Metrics
		if err := g.copy(ctx, checkpoint.ResultKey(key)); err != nil {
			return err
		}
	}
	if err := g.journal(ctx, &s); err != nil {
		return err
	}
	if g.engine == "" {
		g.engine = s.Fingerprint.Engine
	}
	g.manifest.Steps = append(g.manifest.Steps, s)
	return nil
}

// key is a step's key: evaluations have none in the record.
func (g *gathering) key(m workflows.Made) (string, error) {
	if m.Key != "" {
		return m.Key, nil
	}
	of := checkpoint.StepInput{Engine: g.engine}
	switch in := m.Input.(type) {
	case activities.EvaluateInput:
		of.Parent, of.Kind, of.Params = in.Parent, activities.NameEvaluate, in.KeyParams()
	case activities.ExternalInput:
		of.Parent, of.Kind, of.Params, of.Seed = in.Parent, in.Kind, in.KeyParams(), in.Seed
	}
	return checkpoint.StepKey(of)
}

// journal copies a step's journal and reads who finished it.
func (g *gathering) journal(ctx context.Context, s *Step) error {
	opened := make(map[int]checkpoint.Entry)
	for entry, err := range g.repo.History(ctx, s.Key) {
		var bad *checkpoint.CorruptError
		if errors.As(err, &bad) {
			continue // the journal itself goes on without it
		}
		if err != nil {
			return err
		}
		if err := g.copy(ctx, checkpoint.EntryKey(s.Key, entry.Number)); err != nil {
			return err
		}
		switch entry.Kind {
		case checkpoint.EntryOpen:
			s.Attempts++
			opened[entry.Number] = entry
		case checkpoint.EntryResult:
			open := opened[entry.Token]
			s.Version, s.Fingerprint, s.Worker = open.Version, open.Fingerprint, entry.Worker
			s.Began, s.Ended = open.Time, entry.Time
		}
	}
	return nil
}

// maxSmall bounds an object of the store that is no checkpoint.
const maxSmall = 64 << 20

// copy adds a small object of the store.
func (g *gathering) copy(ctx context.Context, key string) error {
	if _, there := g.small[key]; there { // a step of two passes
		return nil
	}
	body, info, err := g.repo.Store.Get(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	if info.Size > maxSmall {
		return &checkpoint.CorruptError{Key: key, Reason: fmt.Sprintf("size %d, at most %d are expected", info.Size, maxSmall)}
	}
	data, err := io.ReadAll(io.LimitReader(body, maxSmall))
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	g.add(key, data)
	return nil
}

func (g *gathering) add(name string, data []byte) {
	g.small[name] = data
	g.manifest.Files = append(g.manifest.Files, File{Name: name, Size: int64(len(data)), SHA256: checkpoint.DigestOf(data)})
}

// network adds a checkpoint, whose bytes are read when they are written.
func (g *gathering) network(ctx context.Context, d checkpoint.Digest) error {
	key := checkpoint.CheckpointKey(d)
	for _, f := range g.manifest.Files {
		if f.Name == key {
			return nil
		}
	}
	if !d.Valid() {
		return fmt.Errorf("checkpoint %.80q: not a digest", d)
	}
	info, err := g.repo.Store.Stat(ctx, key)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", d.Short(), err)
	}
	g.manifest.Files = append(g.manifest.Files, File{Name: key, Size: info.Size, SHA256: d})
	return nil
}

// machine is the fingerprint that most of a run's steps have; the zero one if none.
func machine(steps []Step) engine.Fingerprint {
	count, best := make(map[engine.Fingerprint]int), engine.Fingerprint{}
	for _, s := range steps { // in order, so that the first of equals is taken
		if s.Fingerprint == (engine.Fingerprint{}) {
			continue
		}
		if count[s.Fingerprint]++; count[s.Fingerprint] > count[best] {
			best = s.Fingerprint
		}
	}
	return best
}
