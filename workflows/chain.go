package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
)

// The kinds of links. They are wire names: a run's state has them.
const (
	linkPrepare  = "prepare"
	linkTrain    = "train"
	linkEarly    = "early"
	linkSparsify = "sparsify"
	linkPrune    = "prune"
	linkFinetune = "finetune"
	linkQuantize = "quantize"
	linkTune     = "tune"
)

// stage says how one link of the chain is made: by what, in which pass, and of
// which link.
type stage struct {
	kind string
	pass int
	from int // an earlier link; -1 for the first
	part int // which step of a quantization, from 0
}

// denseLink is the trained network before the first pass.
const denseLink = 1

// chain has the stages of a spec's run in order: the initial network, the dense
// one, the one early in training that a lottery ticket goes back to, then for
// each pass the network readied, pruned and fine-tuned.
func chain(spec *config.Spec) []stage {
	if spec.Exec != nil {
		return externalChain(spec.Exec)
	}
	all := []stage{{kind: linkPrepare, from: -1}, {kind: linkTrain}}
	p := spec.Prune
	if p == nil {
		return all
	}
	if p.Rewind > 0 {
		all = append(all, stage{kind: linkEarly})
	}
	last := denseLink
	add := func(kind string, pass int) {
		all = append(all, stage{kind: kind, pass: pass, from: last})
		last = len(all) - 1
	}
	for pass := 1; pass <= p.Schedule.Passes; pass++ {
		if _, ok := spec.SparsifyTrain(pass); ok {
			add(linkSparsify, pass)
		}
		add(linkPrune, pass)
		add(linkFinetune, pass)
	}
	return all
}

// quantizing adds to the stages that were made those after the passes, as of
// one pass more: link from quantized, in as many steps as the spec wants, and
// the centroids trained after each.
func quantizing(made []stage, spec *config.Spec, from, pass int) []stage {
	all := slices.Clone(made)
	for part := range spec.Quantize.Steps() {
		all = append(all, stage{linkQuantize, pass, from, part})
		from = len(all) - 1
		if _, ok := spec.CentroidTrain(part); ok {
			all = append(all, stage{linkTune, pass, from, part})
			from++
		}
	}
	return all
}

// end is the link that a pass is judged by.
func (r *run) end(pass int) int {
	for i := len(r.chain) - 1; i > 0; i-- {
		if s := r.chain[i]; s.pass == pass && s.kind != linkEarly {
			return i
		}
	}
	return 0
}

// lost says that a step could not read a checkpoint, and which.
func lost(err error) (checkpoint.Digest, bool) {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.FailureParentLost {
		return "", false
	}
	var digest string
	if app.HasDetails() {
		_ = app.Details(&digest) // an error of older workers has none that can be read
	}
	return checkpoint.Digest(digest), true
}

// holder is the first link that has a checkpoint, or otherwise the one that
// link i is made of.
func (r *run) holder(digest checkpoint.Digest, i int) int {
	at := slices.IndexFunc(r.state.Links, func(l Link) bool { return l.Checkpoint == digest })
	switch {
	case at >= 0 && at < i:
		return at
	case at < 0 && slices.ContainsFunc(r.spec.Teachers(), func(t config.Teacher) bool { return t.Checkpoint == string(digest) }):
		return 0 // which says what is wrong with checkpoints of others
	default:
		return r.chain[i].from
	}
}
