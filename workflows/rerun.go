package workflows

import (
	"errors"
	"fmt"
	"slices"

	"espalier/activities"
	"espalier/models/checkpoint"
)

// Made is a step of a run that has ended, with all that it was given.
type Made struct {
	Kind     string            // of the link, or StepEvaluate
	Pass     int               // that it was told
	Activity string            // by its name on the wire
	Input    any               // of the activity
	Key      string            // of the step; empty for evaluations
	Left     checkpoint.Digest // the checkpoint; of evaluations the one measured
}

// Reads are the checkpoints that the step begins with.
func (m Made) Reads() []checkpoint.Digest {
	var all []checkpoint.Digest
	switch in := m.Input.(type) {
	case activities.TrainInput:
		all = []checkpoint.Digest{in.Parent, in.Teacher}
	case activities.PruneInput:
		all = []checkpoint.Digest{in.Parent, in.Dense, in.Early}
	case activities.QuantizeInput:
		all = []checkpoint.Digest{in.Parent}
	case activities.EvaluateInput:
		all = []checkpoint.Digest{in.Parent}
	case activities.ExternalInput:
		all = []checkpoint.Digest{in.Parent}
	}
	var some []checkpoint.Digest
	for _, d := range all {
		if d != "" {
			some = append(some, d)
		}
	}
	return some
}

// doers are the activities of links.
var doers = map[string]string{
	linkPrepare: activities.NamePrepare, linkTrain: activities.NameTrain, linkEarly: activities.NameTrain,
	linkSparsify: activities.NameSparsify, linkPrune: activities.NamePrune, linkFinetune: activities.NameFinetune,
	linkQuantize: activities.NameQuantize, linkTune: activities.NameFinetune, StepEvaluate: activities.NameEvaluate,
}

// Steps are those of the run, each after what it stands on, the evaluation of
// a pass behind its links. A record of an older version has no links, which is
// an error.
func (r *Record) Steps() ([]Made, error) {
	if len(r.Links) == 0 {
		return nil, fmt.Errorf("the record of %s is of a version that did not keep which steps a run had", r.Run)
	}
	if err := r.sound(); err != nil {
		return nil, fmt.Errorf("the record of %s: %w", r.Run, err)
	}
	whole := &run{id: r.Run, spec: r.Spec, chain: chain(&r.Spec), state: State{DataDigest: r.DataDigest, Rows: r.Rows}}
	if last := len(r.Rows) - 1; last >= 0 && r.Rows[last].HuffmanBytes > 0 {
		whole.quantized(last)
	}
	if len(r.Links) > len(whole.chain) {
		return nil, fmt.Errorf("the record of %s has %d links, and its spec gives %d", r.Run, len(r.Links), len(whole.chain))
	}
	var all []Made
	for pass := range r.Rows {
		made, err := whole.remade(pass, r.Links)
		if err != nil {
			return nil, err
		}
		all = append(all, made...)
	}
	return all, nil
}

// maxRemade bounds the passes of a record's spec: it may be of a file that
// anybody wrote.
const maxRemade = 1 << 16

// sound refuses a record that no run leaves.
func (r *Record) sound() error {
	if _, passes := stops(&r.Spec); passes > maxRemade {
		return fmt.Errorf("its spec has %d passes, at most %d are read", passes, maxRemade)
	}
	for i, link := range r.Links {
		if !link.Checkpoint.Valid() {
			return fmt.Errorf("the checkpoint of link %d, %.80q, is no digest", i, link.Checkpoint)
		}
	}
	if last := len(r.Rows) - 1; last >= 0 && r.Rows[last].HuffmanBytes > 0 && r.Spec.Quantize == nil {
		return errors.New("its last pass is quantized, which its spec does not ask for")
	}
	return nil
}

// quantized makes the chain that of a run which was quantized after its passes.
func (r *run) quantized(pass int) {
	from := 0
	for _, row := range r.state.Rows[:pass] {
		if row.Kept {
			from = r.end(row.Pass)
		}
	}
	made := slices.IndexFunc(r.chain, func(s stage) bool { return s.pass >= pass })
	if made < 0 {
		made = len(r.chain)
	}
	r.chain = quantizing(r.chain[:made], &r.spec, from, pass)
}

// remade are the steps of a pass, of a run with the links.
func (r *run) remade(pass int, links []Link) ([]Made, error) {
	var all []Made
	kind, digest := "", r.state.DataDigest
	r.ask = func(in, _ any) error {
		m := Made{Kind: kind, Pass: r.state.Pass, Activity: doers[kind], Input: in}
		if r.spec.Exec != nil {
			m.Activity = activities.NameExternal
		}
		all = append(all, m)
		return nil
	}
	for i, link := range links {
		if r.chain[i].pass != pass {
			continue
		}
		known := len(all)
		kind, r.state.Links = r.chain[i].kind, links[:i]
		if _, err := r.make(nil, i, false); err != nil {
			return nil, fmt.Errorf("%s of pass %d: %w", kind, pass, err)
		}
		r.state.DataDigest = digest // preparing takes it from its step
		if len(all) > known {       // training for no epochs is none
			all[known].Key, all[known].Left = link.Key, link.Checkpoint
		}
	}
	end := r.end(pass)
	if end >= len(links) {
		return nil, fmt.Errorf("the record of %s has numbers of pass %d and no network of it", r.id, pass)
	}
	known := len(all)
	kind, r.state.Links = StepEvaluate, links
	if _, err := r.evaluate(nil, pass); err != nil {
		return nil, fmt.Errorf("evaluation of pass %d: %w", pass, err)
	}
	for i := range all[known:] {
		all[known+i].Left = all[known+i].Reads()[0]
	}
	return all, nil
}
