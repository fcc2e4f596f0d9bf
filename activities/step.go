package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
)

// attempt is one try at a step: its journal, where it goes on and its pulse.
type attempt struct {
	steps   *Steps
	head    Head
	kind    string
	key     string
	journal *checkpoint.Journal
	from    *checkpoint.Checkpoint // nil at the beginning
	pulse   *pulse
	drain   <-chan struct{} // closed when the worker is told to stop
	log     *slog.Logger    // its lines say of which attempt they are
	seen    Observed
	before  Progress // the newest heartbeat of the attempt before
}

// work is what a step does between its opening and its result.
type work func(ctx context.Context, a *attempt) (checkpoint.Result, error)

// task is a step to carry through. params are all that determines the numbers
// beyond the parent, the seed and the engine; detail is where the result's
// detail is read into, unless it is nil.
type task struct {
	head   Head
	kind   string
	params any
	seed   uint64
	by     engine.Fingerprint
	detail any
	fits   func() error // why this worker cannot do it, as far as demands do not say; nil if nothing else counts
	do     work
}

// run carries a step of the engine through: it answers with the result that is
// there, or opens an attempt, does the work and leaves the result.
func (s *Steps) run(ctx context.Context, head Head, kind string, params any, seed uint64, do work) (StepResult, error) {
	return s.detailed(ctx, head, kind, params, seed, nil, do)
}

// detailed is run that also reads the result's detail, unless detail is nil.
func (s *Steps) detailed(ctx context.Context, head Head, kind string, params any, seed uint64, detail any, do work) (StepResult, error) {
	return s.perform(ctx, task{head: head, kind: kind, params: params, seed: seed, by: s.Engine.Fingerprint(), detail: detail, do: do})
}

// perform carries a step through, whoever computes it.
func (s *Steps) perform(ctx context.Context, t task) (StepResult, error) {
	key, err := checkpoint.StepKey(checkpoint.StepInput{
		Parent: t.head.Parent, Kind: t.kind, Params: t.params, Seed: t.seed, Engine: t.by.Engine,
	})
	log := s.logger(ctx, t, key)
	var result *checkpoint.Result
	var reused bool
	within, seen := s.observe(ctx, t, key)
	if err == nil {
		result, reused, err = s.attempted(within, t, key, seen, log)
	}
	if err == nil && t.detail != nil {
		err = json.Unmarshal(result.Detail, t.detail)
	}
	if err != nil {
		log.Info("step left", "reason", err)
		failed := failure(ctx, err)
		seen.End(Ended{Failure: failureOf(failed), Err: err})
		return StepResult{}, failed
	}
	log.Info("step done", "checkpoint", result.Checkpoint.Short(), "reused", reused)
	seen.End(Ended{Reused: reused})
	return StepResult{Key: result.StepKey, Checkpoint: result.Checkpoint, Size: result.Size, Metrics: result.Metrics, Reused: reused}, nil
}

// attempted answers with the result that is there, or computes it.
func (s *Steps) attempted(ctx context.Context, t task, key string, seen Observed, log *slog.Logger) (_ *checkpoint.Result, reused bool, _ error) {
	head, before := t.head, lastHeard(ctx)
	beat := min(time.Duration(head.Durability.HeartbeatTimeout)/3, hearEvery)
	p := startPulse(ctx, max(beat, 200*time.Millisecond), Progress{
		Kind: t.kind, Pass: head.Pass, Phase: "loading", Key: key, Worker: s.Worker, Failures: before.Failures,
	}, seen)
	defer p.close()
	if err := s.fits(head.Demands); err != nil {
		return nil, false, err
	}
	if done, err := s.finished(ctx, key, head.Recheck); done != nil || err != nil {
		return done, done != nil, err
	}
	if t.fits != nil { // before the journal has an attempt that does nothing
		if err := t.fits(); err != nil {
			return nil, false, err
		}
	}
	opened, err := during(ctx, PartLoad, func(ctx context.Context) (*checkpoint.Opened, error) { return s.open(ctx, key, t, p) })
	if err != nil {
		return nil, false, err
	}
	if opened.Done != nil {
		return opened.Done, true, nil
	}
	for _, note := range opened.Notes {
		log.Warn("resuming", "note", note)
	}
	p.set(func(g *Progress) { g.Notes = opened.Notes })

	a := &attempt{
		steps: s, head: head, kind: t.kind, key: key, journal: opened.Journal, from: opened.From, pulse: p, drain: stopping(ctx),
		log: log.With("token", opened.Journal.Token()), seen: seen, before: before,
	}
	result, err := t.do(ctx, a)
	if err != nil {
		return nil, false, err
	}
	result.StepKey, result.Kind, result.Parent = key, t.kind, head.Parent
	_, err = during(ctx, PartSave, func(ctx context.Context) (any, error) { return nil, a.journal.Finish(ctx, result) })
	return &result, false, err
}

// finished looks for the step's result; with recheck it also reads the bytes
// of its checkpoint, and forgets a result whose bytes are bad.
func (s *Steps) finished(ctx context.Context, key string, recheck bool) (*checkpoint.Result, error) {
	look := s.Repo.Result
	if recheck {
		look = s.Repo.VerifyResult
	}
	result, err := look(ctx, key)
	var corrupt *checkpoint.CorruptError
	switch {
	case errors.Is(err, checkpoint.ErrNotFound), errors.As(err, &corrupt):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return result, nil
}

// open begins an attempt, unless another run's is at work on the same step: it
// waits for that one's result, so that shared steps are computed once, and
// takes the step over when the other has committed nothing for so long that it
// must be dead. Of runs that come at the same moment one gets the step.
func (s *Steps) open(ctx context.Context, key string, t task, p *pulse) (*checkpoint.Opened, error) {
	head := t.head
	dead := 0 // the entry after which the other was silent too long
	for {
		opened, err := s.Repo.Open(ctx, key, checkpoint.Attempt{
			Owner: head.Run, Worker: s.Worker, Now: time.Now, Fingerprint: t.by, Version: s.Version,
			Yield: func(newest checkpoint.Entry) bool {
				return newest.Owner != head.Run && newest.Kind != checkpoint.EntryResult && newest.Number != dead
			},
		})
		if !errors.Is(err, checkpoint.ErrTaken) {
			return opened, err
		}
		if dead, err = s.await(ctx, key, head, p); err != nil {
			return nil, err
		}
	}
}

// await waits for the attempt of another run to end. It answers with 0 then,
// or with the number of the entry that was its last sign of life.
func (s *Steps) await(ctx context.Context, key string, head Head, p *pulse) (dead int, err error) {
	patience := time.Duration(head.Durability.CheckpointEvery) + 2*time.Duration(head.Durability.HeartbeatTimeout)
	seen, since := 0, time.Now()
	for {
		last, ok, err := s.Repo.Tail(ctx, key)
		if err != nil {
			return 0, err
		}
		if !ok || last.Owner == head.Run || last.Kind == checkpoint.EntryResult {
			return 0, nil
		}
		if last.Number != seen {
			seen, since = last.Number, time.Now()
		}
		if time.Since(since) > patience {
			return seen, nil
		}
		p.set(func(g *Progress) { g.Phase = "waiting for " + last.Owner })
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-stopping(ctx):
			return 0, errDrained
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// parent loads the step's input; a checkpoint that cannot be read is the
// workflow's to mend, by running the step that made it again.
func (a *attempt) parent(ctx context.Context) (*checkpoint.Checkpoint, error) {
	return a.read(ctx, a.head.Parent)
}

// given is what a step that measures looks at: its input and the data set.
func (a *attempt) given(ctx context.Context, of config.Data, digest string) (*checkpoint.Checkpoint, *data.Dataset, error) {
	parent, err := a.parent(ctx)
	if err != nil {
		return nil, nil, err
	}
	set, err := a.dataset(ctx, of, digest)
	return parent, set, err
}

// dataset opens a data set, as a part of the attempt.
func (a *attempt) dataset(ctx context.Context, of config.Data, digest string) (*data.Dataset, error) {
	return during(ctx, PartLoad, func(ctx context.Context) (*data.Dataset, error) { return a.steps.dataset(ctx, of, digest) })
}

// read loads a checkpoint of another step of the run.
func (a *attempt) read(ctx context.Context, digest checkpoint.Digest) (*checkpoint.Checkpoint, error) {
	c, err := during(ctx, PartLoad, func(ctx context.Context) (*checkpoint.Checkpoint, error) { return a.steps.Repo.Load(ctx, digest) })
	var corrupt *checkpoint.CorruptError
	if errors.As(err, &corrupt) || errors.Is(err, checkpoint.ErrNotFound) {
		return nil, &parentLostError{digest: digest, err: err}
	}
	return c, err
}

// save stores a finished network as the step's checkpoint.
func (a *attempt) save(ctx context.Context, c *checkpoint.Checkpoint) (checkpoint.Result, error) {
	return moving(ctx, PartSave, func(ctx context.Context) (checkpoint.Result, int64, error) {
		digest, size, err := a.steps.Repo.Save(ctx, c)
		if err != nil {
			return checkpoint.Result{}, 0, fmt.Errorf("save the result of %s: %w", a.kind, err)
		}
		return checkpoint.Result{Checkpoint: digest, Size: size}, size, nil
	})
}

// begins tells where the training begins.
func (a *attempt) begins(at checkpoint.Cursor) {
	a.log.Debug("training begins", "step", at.Step)
	repeated := int64(0)
	if a.before.Key == a.key {
		repeated = max(0, a.before.Cursor.Step-at.Step)
	}
	a.seen.Resumed(at.Step, repeated)
}

// commit stores a checkpoint in the middle of the step.
func (a *attempt) commit(ctx context.Context, c *checkpoint.Checkpoint) error {
	entry, err := moving(ctx, PartCommit, func(ctx context.Context) (checkpoint.Entry, int64, error) {
		entry, err := a.journal.Commit(ctx, c, nil)
		return entry, entry.Size, err
	})
	if err != nil {
		return err
	}
	a.log.Debug("checkpoint", "step", entry.Cursor.Step, "digest", entry.Digest)
	a.pulse.set(func(g *Progress) {
		g.Checkpoint, g.SavedAt, g.SavedStep, g.Failures = entry.Digest, time.Now(), entry.Cursor.Step, 0
	})
	return nil
}
