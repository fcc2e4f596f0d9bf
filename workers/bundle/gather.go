package bundle

import (
	"cmp"
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
	// Log is what persons did to a run, as far as a server tells; nil is nothing.
	Log func(ctx context.Context, run string) ([]workflows.Entry, error)
}

// gathering collects what goes into a bundle.
type gathering struct {
	repo     *checkpoint.Repo
	options  Options
	manifest Manifest
	small    map[string][]byte // files whose bytes are here; the others are checkpoints of the store
	steps    map[string]Step   // by key: trials of a sweep share them
	networks map[checkpoint.Digest]bool
	engine   string // part of the keys of the run, by its journals
}

// gather reads the record of a run or a sweep, and the steps. The answer's files
// are not in order.
func gather(ctx context.Context, repo *checkpoint.Repo, run string, o Options) (*gathering, error) {
	if checkpoint.CheckKey(recordKey(run)) != nil {
		return nil, fmt.Errorf("%w: %q", runs.ErrNotFound, run)
	}
	var record json.RawMessage
	err := repo.GetJSON(ctx, recordKey(run), &record)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return nil, fmt.Errorf("%w that has ended: no result of %s is in %s", runs.ErrNotFound, run, repo.Store)
	}
	if err != nil {
		return nil, err
	}
	g := &gathering{repo: repo, options: o, small: map[string][]byte{}, steps: map[string]Step{}, networks: map[checkpoint.Digest]bool{}}
	g.manifest = Manifest{Format: Format, Version: o.Version, Run: run}
	if err := g.log(ctx, logFile, run); err != nil {
		return nil, err
	}
	var kind struct {
		Objectives []string `json:"objectives"`
	}
	if err := json.Unmarshal(record, &kind); err != nil {
		return nil, fmt.Errorf("%s: %w", recordKey(run), err)
	}
	if len(kind.Objectives) > 0 {
		return g, g.sweep(ctx, run, record)
	}
	one, err := g.one(ctx, run)
	if err != nil {
		return nil, err
	}
	g.manifest.Final, g.manifest.DataDigest, g.manifest.Steps = one.Final, one.DataDigest, one.Steps
	return g, g.json(specFile, one.spec)
}

// one adds a run, or a trial of a sweep, all but its spec.
func (g *gathering) one(ctx context.Context, run string) (*Trial, error) {
	var record workflows.Record
	if err := g.repo.GetJSON(ctx, recordKey(run), &record); err != nil {
		return nil, err
	}
	if record.Final == "" {
		return nil, fmt.Errorf("%s %w", run, ErrNoRun)
	}
	made, err := record.Steps()
	if err != nil {
		return nil, err
	}
	g.engine = ""
	t := &Trial{Run: run, Final: record.Final, DataDigest: record.DataDigest, spec: record.Spec}
	if err := g.copy(ctx, recordKey(run)); err != nil {
		return nil, err
	}
	for _, m := range made {
		step, err := g.step(ctx, m)
		if err != nil {
			return nil, fmt.Errorf("%s of pass %d: %w", m.Kind, m.Pass, err)
		}
		if step.Key != "" {
			t.Steps = append(t.Steps, step)
		}
	}
	for _, digest := range networks(&record, made, g.options.Checkpoints) {
		if err := g.network(ctx, digest); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// log adds what persons did to a run, if they did anything.
func (g *gathering) log(ctx context.Context, file, run string) error {
	if g.options.Log == nil {
		return nil
	}
	log, err := g.options.Log(ctx, run)
	if err != nil || len(log) == 0 {
		return err
	}
	return g.json(file, log)
}

// json adds a file that is not of the store.
func (g *gathering) json(file string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s of %s: %w", file, g.manifest.Run, err)
	}
	g.add(file, append(text, '\n'))
	return nil
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
	for _, t := range record.Spec.Teachers() {
		digests = append(digests, checkpoint.Digest(t.Checkpoint))
	}
	for _, m := range made {
		if all && m.Key != "" {
			digests = append(digests, m.Left)
		}
	}
	return digests
}

// step adds a step with its result and its journal, as far as they are there;
// none without a key.
func (g *gathering) step(ctx context.Context, m workflows.Made) (Step, error) {
	key, err := g.key(m)
	if err != nil || key == "" {
		return Step{}, err
	}
	if s, there := g.steps[key]; there {
		s.Kind, s.Pass = m.Kind, m.Pass
		g.engine = cmp.Or(g.engine, s.Fingerprint.Engine)
		return s, nil
	}
	s := Step{Kind: m.Kind, Pass: m.Pass, Key: key, Reads: m.Reads(), Seed: seedOf(m)}
	if m.Key != "" {
		s.Checkpoint = m.Left
	}
	result, err := g.repo.Result(ctx, key)
	switch {
	case errors.Is(err, checkpoint.ErrNotFound):
	case err != nil:
		return s, err
	default:
		s.Metrics = result.Metrics
		if err := g.copy(ctx, checkpoint.ResultKey(key)); err != nil {
			return s, err
		}
	}
	if err := g.journal(ctx, &s); err != nil {
		return s, err
	}
	g.engine = cmp.Or(g.engine, s.Fingerprint.Engine)
	g.steps[key] = s
	return s, nil
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
	if g.networks[d] {
		return nil
	}
	if !d.Valid() {
		return fmt.Errorf("checkpoint %.80q: not a digest", d)
	}
	info, err := g.repo.Store.Stat(ctx, key)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", d.Short(), err)
	}
	g.networks[d] = true
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
