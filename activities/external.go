package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"espalier/activities/trainer"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/engine"
)

// engineExec is the name and numeric version of what external trainers
// compute, for step keys. What they compute themselves has a version in the spec.
const engineExec = "exec/1"

// ExternalInput asks for a step of an external trainer.
type ExternalInput struct {
	Head
	Kind     string          `json:"kind"` // config.ExecTrain, ...
	Trainer  string          `json:"trainer"`
	Version  string          `json:"version,omitempty"`
	Params   config.Params   `json:"params,omitempty"`
	Seed     uint64          `json:"seed"`
	Target   float64         `json:"target,omitempty"` // share that is to be gone after this pass
	Silence  config.Duration `json:"silence"`
	Attempts int             `json:"attempts"` // failures in a row that end the step
	// Weigh also answers with the size of the parent, which is no step's of the run.
	Weigh bool `json:"weigh,omitempty"`
}

// pass is that of the request: an evaluation has none, so that a network is
// evaluated once.
func (in ExternalInput) pass() int {
	if in.Kind == config.ExecEvaluate {
		return 0
	}
	return in.Head.Pass
}

// KeyParams is what determines the numbers of a trainer's step beyond its
// parent, its kind and its seed. It is part of step keys, and so frozen.
func (in ExternalInput) KeyParams() any {
	return struct {
		Trainer string
		Version string        `json:",omitempty"`
		Params  config.Params `json:",omitempty"`
		Pass    int           `json:",omitempty"`
		Target  float64       `json:",omitempty"`
	}{in.Trainer, in.Version, in.Params, in.pass(), in.Target}
}

// External has a step done by an external trainer. Its checkpoints are committed
// as those of the engine are, under the same journal and fence.
func (s *Steps) External(ctx context.Context, in ExternalInput) (StepResult, error) {
	here := s.Engine.Fingerprint()
	by := engine.Fingerprint{Engine: engineExec, CPU: here.CPU, BLAS: "trainer " + in.Trainer, Threads: here.Threads}
	out, err := s.perform(ctx, task{
		head: in.Head, kind: in.Kind, params: in.KeyParams(), seed: in.Seed, by: by,
		fits: func() error { _, err := s.command(in.Trainer); return err },
		do:   func(ctx context.Context, a *attempt) (checkpoint.Result, error) { return a.external(ctx, in) },
	})
	if err == nil && in.Weigh {
		out.ParentSize, err = s.weigh(ctx, in.Parent)
	}
	return out, err
}

// weigh is the size of a checkpoint; 0 of one that is lost, which whoever reads
// it reports.
func (s *Steps) weigh(ctx context.Context, d checkpoint.Digest) (int64, error) {
	info, err := s.Repo.Store.Stat(ctx, checkpoint.CheckpointKey(d))
	if errors.Is(err, checkpoint.ErrNotFound) {
		return 0, nil
	}
	return info.Size, failure(ctx, err)
}

// command is the program of a trainer, if this worker allows it.
func (s *Steps) command(name string) (trainer.Command, error) {
	if c, ok := s.Trainers[name]; ok {
		return c, nil
	}
	allowed := "none"
	if len(s.Trainers) > 0 {
		allowed = strings.Join(slices.Sorted(maps.Keys(s.Trainers)), ", ")
	}
	return trainer.Command{}, &unfitError{fmt.Errorf("trainer %q is not allowed by worker %s, which allows %s; start one with: espalier worker --trainer %s=COMMAND", name, s.Worker, allowed, name)}
}

// external gives the trainer a folder with what it needs and works with it to
// its end.
func (a *attempt) external(ctx context.Context, in ExternalInput) (checkpoint.Result, error) {
	command, err := a.steps.command(in.Trainer)
	if err != nil {
		return checkpoint.Result{}, err
	}
	if err := os.MkdirAll(a.workDir(), 0o700); err != nil {
		return checkpoint.Result{}, err
	}
	folder, err := os.MkdirTemp(a.workDir(), fmt.Sprintf("%.12s-%d-", a.key, a.journal.Token()))
	if err != nil {
		return checkpoint.Result{}, err
	}
	defer os.RemoveAll(folder)
	request, err := a.request(ctx, in, folder)
	if err != nil {
		return checkpoint.Result{}, err
	}
	given, giveBack, err := a.takeGPUs(ctx)
	if err != nil {
		return checkpoint.Result{}, err
	}
	defer giveBack()
	request.GPUs = given
	p, err := trainer.Start(command, folder, request)
	if err != nil {
		return checkpoint.Result{}, a.failed(in, err)
	}
	c := newConversation(a, in, p, request.Output)
	return during(ctx, PartCompute, c.run)
}

func (a *attempt) workDir() string {
	return cmp.Or(a.steps.WorkDir, filepath.Join(os.TempDir(), "espalier-trainers"))
}

// request lays out the files that the trainer begins with.
func (a *attempt) request(ctx context.Context, in ExternalInput, folder string) (trainer.Request, error) {
	r := trainer.Request{
		Kind: in.Kind, Run: a.head.Run, Key: a.key, Pass: in.pass(), Seed: in.Seed, Target: in.Target,
		Params: in.Params, Output: filepath.Join(folder, "output"),
		CheckpointEvery: time.Duration(a.head.Durability.CheckpointEvery).Seconds(),
		LeaveWithin:     savePart(a.steps.leaveWithin()).Seconds(), Cores: a.steps.Engine.Fingerprint().Threads,
	}
	if r.Params == nil {
		r.Params = config.Params("{}")
	}
	if a.head.Parent != "" {
		files, err := during(ctx, PartLoad, func(ctx context.Context) ([]checkpoint.File, error) {
			return a.steps.Repo.LoadFiles(ctx, a.head.Parent)
		})
		var corrupt *checkpoint.CorruptError
		if errors.As(err, &corrupt) || errors.Is(err, checkpoint.ErrNotFound) {
			return r, &parentLostError{digest: a.head.Parent, err: err}
		}
		if err != nil {
			return r, err
		}
		r.Parent = filepath.Join(folder, "parent")
		if err := trainer.WriteFolder(r.Parent, files); err != nil {
			return r, fmt.Errorf("files of the trainer's parent: %w", err)
		}
	}
	if a.from == nil {
		return r, nil
	}
	r.Resume = filepath.Join(folder, "resume")
	if err := trainer.WriteFolder(r.Resume, a.from.Files); err != nil {
		return r, fmt.Errorf("files of the trainer's checkpoint: %w", err)
	}
	return r, nil
}

func (s *Steps) leaveWithin() time.Duration { return cmp.Or(s.LeaveWithin, leaveWithin) }

// failed is the failure of a trainer, final after too many in a row.
func (a *attempt) failed(in ExternalInput, err error) error {
	failures := 0
	a.pulse.set(func(g *Progress) {
		g.Failures++
		failures = g.Failures
	})
	return &trainerError{
		err:   fmt.Errorf("trainer %s, failure %d of %d without a new checkpoint: %w", in.Trainer, failures, in.Attempts, err),
		final: failures >= in.Attempts,
	}
}
