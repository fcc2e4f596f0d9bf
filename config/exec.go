package config

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"espalier/models/prune"
)

// Exec has the steps of a run done by a trainer: a program of another language
// that a worker allows. Its networks are files which Espalier does not look
// into, and what it is told beside the goals of passes is its own affair.
type Exec struct {
	Trainer  string `json:"trainer" yaml:"trainer" required:"true" pattern:"[a-z0-9][a-z0-9._-]{0,62}" example:"pytorch" doc:"The trainer's name. Which program that is a worker's own configuration says, with --trainer: a spec cannot name a program."`
	Version  string `json:"version,omitempty" yaml:"version,omitempty" pattern:"[A-Za-z0-9._+-]{1,60}" example:"2" doc:"A name for what the trainer computes. A new one makes all steps anew, as they must be when its numbers change."`
	Seed     uint64 `json:"seed" yaml:"seed" default:"1" doc:"The seed of every random choice; the training after each pass is given one of its own, drawn from it."`
	Params   Params `json:"params,omitempty" yaml:"params,omitempty" example:"{hidden: [64, 32], batch: 64}" doc:"What the trainer is told in every step. Keys and values are the trainer's own."`
	Train    Params `json:"train,omitempty" yaml:"train,omitempty" example:"{epochs: 10, lr: 0.1}" doc:"What it is told beside params, and instead of equal keys there, when it trains the first network."`
	Prune    Params `json:"prune,omitempty" yaml:"prune,omitempty" example:"{method: magnitude}" doc:"The same for pruning."`
	Finetune Params `json:"finetune,omitempty" yaml:"finetune,omitempty" example:"{epochs: 3, lr: 0.01}" doc:"The same for the training after each pruning."`
	Evaluate Params `json:"evaluate,omitempty" yaml:"evaluate,omitempty" example:"{split: test}" doc:"The same for the evaluation after train and after each pass."`

	// Checkpoint is the first network of a run that was forked.
	Checkpoint string `json:"checkpoint,omitempty" yaml:"checkpoint,omitempty" pattern:"[0-9a-f]{64}" show:"false" example:"a8f0fa6670074ac5e81bcc9cbf18fd336c949db00e5966b3621f68c2025e9d77" doc:"Digest of a checkpoint of the trainer's in the store, which the run begins with instead of training one."`

	Passes  int       `json:"passes,omitempty" yaml:"passes" default:"0" range:"[0,1000]" example:"3" doc:"How often the network is pruned and fine-tuned; 0 only trains it."`
	Target  float64   `json:"target,omitempty" yaml:"target,omitempty" unit:"fraction" range:"(0,1)" example:"80%" doc:"What share of the network is to be gone after the last pass. Weights or channels, that is up to the trainer, which is told the share of each pass; required with passes, or targets."`
	Targets []float64 `json:"targets,omitempty" yaml:"targets,omitempty" unit:"fraction" range:"(0,1)" show:"false" example:"[50%, 70%, 80%]" doc:"The share that is to be gone after each pass, instead of target and shape."`
	Shape   string    `json:"shape,omitempty" yaml:"shape,omitempty" words:"@shapes" example:"cubic" doc:"How the target grows from pass to pass; cubic when left out."`
	Stop    PruneStop `json:"stop,omitzero" yaml:"stop,omitempty" doc:"When to end the passes early, by what the trainer measures."`

	// These two change no number.
	Silence  Duration `json:"silence" yaml:"silence" default:"10m" range:"[1s,)" doc:"A trainer that prints nothing for so long is taken for frozen and killed, and goes on from its last checkpoint."`
	Attempts int      `json:"attempts" yaml:"attempts" default:"3" range:"[1,)" doc:"After so many failures of the trainer in a row, none of which got to another checkpoint, the run fails."`
}

// The kinds of steps of a trainer. They are wire names.
const (
	ExecTrain    = "train"
	ExecPrune    = "prune"
	ExecFinetune = "finetune"
	ExecEvaluate = "evaluate"
)

// For is what the trainer is told in a kind of step: that kind's own
// parameters before those of every step. Keys are in order.
//
//workflowcheck:ignore
func (e *Exec) For(kind string) (Params, error) {
	own := map[string]Params{ExecTrain: e.Train, ExecPrune: e.Prune, ExecFinetune: e.Finetune, ExecEvaluate: e.Evaluate}[kind]
	if own == nil {
		return e.Params, nil
	}
	all := map[string]json.RawMessage{}
	for _, p := range []Params{e.Params, own} {
		if p == nil {
			continue
		}
		if err := json.Unmarshal(p, &all); err != nil {
			return nil, fmt.Errorf("exec: parameters: %w", err)
		}
	}
	text, err := json.Marshal(all)
	return text, err
}

// SeedOf is the seed of a kind of step in a pass; pass 0 comes before the first
// pruning. Evaluations have none, so that they are the same whatever the seed.
func (e *Exec) SeedOf(kind string, pass int) uint64 {
	switch {
	case kind == ExecEvaluate:
		return 0
	case pass == 0:
		return e.Seed
	}
	stream := uint64(pass)
	if kind == ExecPrune {
		stream += sparsifying
	}
	return rand.NewPCG(e.Seed, stream).Uint64()
}

// TargetOf is the share that is to be gone after a pass, 1 to Passes.
func (e *Exec) TargetOf(pass int) (float64, error) {
	if len(e.Targets) > 0 {
		if pass < 1 || pass > len(e.Targets) {
			return 0, fmt.Errorf("exec.targets: pass %d of %d", pass, len(e.Targets))
		}
		return e.Targets[pass-1], nil
	}
	return prune.At(e.Shape, pass, e.Passes, 0, e.Target)
}

// known is what determines the numbers; nil if there is no trainer.
func (e *Exec) known() *Exec {
	if e == nil {
		return nil
	}
	k := *e
	k.Silence, k.Attempts = 0, 0
	return &k
}

// completeExec fills in what depends on whether there are passes.
func completeExec(e *Exec) {
	if e.Passes > 0 && len(e.Targets) == 0 {
		orElse(&e.Shape, "cubic")
	}
}

// checkExec holds the rules between the keys of exec.
func (d *decoder) checkExec(s *Spec) {
	e := s.Exec
	if d.faulty("exec") {
		return
	}
	if e.Passes > 0 && e.Target == 0 && len(e.Targets) == 0 {
		d.note("exec.target", "missing; passes want the share that is to be gone after the last")
	}
	d.checkTargets(e)
	if e.Checkpoint != "" && d.given("exec.train") {
		d.note("exec.train", "given together with checkpoint, which stands in the place of training")
	}
	if e.Passes == 0 {
		for _, key := range []string{"exec.target", "exec.targets", "exec.shape", "exec.prune", "exec.finetune", "exec.stop"} {
			if d.given(key) {
				d.note(key, "given without passes; leave it out, or say how many passes there are")
			}
		}
	}
	if silence := e.Silence; time.Duration(silence) >= time.Duration(s.Durability.StepTimeout) && !d.faulty("durability") {
		d.note("exec.silence", "%s is not shorter than durability.step_timeout, %s", silence, s.Durability.StepTimeout)
	}
	if s.Sweep != nil && len(s.Sweep.Seeds) > 0 {
		d.note("sweep.seeds", "given together with exec, which has no %s; vary exec.seed in params", SeedPath)
	}
}

// checkTargets: there is one for each pass, none is less than the one before,
// and nothing else says what they are.
func (d *decoder) checkTargets(e *Exec) {
	const path = "exec.targets"
	if len(e.Targets) == 0 {
		return
	}
	if e.Passes > 0 && len(e.Targets) != e.Passes {
		d.note(path, "has %d shares for %d passes", len(e.Targets), e.Passes)
	}
	for _, key := range []string{"exec.target", "exec.shape"} {
		if d.given(key) {
			d.note(key, "given together with targets; want one of the two")
		}
	}
	for i := 1; i < len(e.Targets); i++ {
		if e.Targets[i] < e.Targets[i-1] {
			d.note(index(path, i), "%g after pass %d is less than the %g before", e.Targets[i], i+1, e.Targets[i-1])
		}
	}
}

// shares are the targets of all passes.
func (e *Exec) shares() ([]float64, error) {
	all := make([]float64, e.Passes)
	for i := range all {
		var err error
		if all[i], err = e.TargetOf(i + 1); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// extended is e with more passes, each of which takes the same share of what is
// left as those before did on average.
func (e *Exec) extended(passes int) (*Exec, error) {
	if e.Passes == 0 {
		return nil, errNoPasses
	}
	if passes <= e.Passes {
		return nil, fmt.Errorf("%w: %d, asked for were %d", ErrNotMore, e.Passes, passes)
	}
	shares, err := e.shares()
	if err != nil {
		return nil, err
	}
	last := shares[e.Passes-1]
	for pass := e.Passes + 1; pass <= passes; pass++ {
		shares = append(shares, nine(1-math.Pow(1-last, float64(pass)/float64(e.Passes))))
	}
	out := *e
	out.Passes, out.Targets, out.Target, out.Shape = passes, shares, 0, ""
	return &out, nil
}

// forked is e begun with a checkpoint: that of a pass, with the passes after it,
// or another one, where pass is -1, with all.
func (e *Exec) forked(from string, pass int) (*Exec, error) {
	out := *e
	out.Checkpoint, out.Train = from, nil
	if e.Passes == 0 || pass <= 0 {
		return &out, nil
	}
	shares, err := e.shares()
	if err != nil {
		return nil, err
	}
	left := shares[min(pass, len(shares)-1):] // of the last pass, that one again
	out.Passes, out.Targets, out.Target, out.Shape = len(left), left, 0, ""
	return &out, nil
}
