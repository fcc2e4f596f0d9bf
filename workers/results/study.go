package results

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"espalier/config"
	"espalier/models/report"
	"espalier/workflows"
)

// Study is what a report tells of runs, trials and sweeps, in the order of ids,
// each with what it stands on. version is that of the program. The error is
// [runs.ErrNotFound] where neither the store nor a server knows of one.
func (s Source) Study(ctx context.Context, version string, ids ...string) (*report.Study, error) {
	study := &report.Study{Version: version}
	for _, id := range ids {
		found, err := s.find(ctx, id)
		if err != nil {
			return nil, err
		}
		var p *part
		if found.sweep != nil {
			p, err = s.sweepPart(ctx, id, found.sweep)
		} else {
			p = s.runPart(id, found.run)
		}
		if err != nil {
			return nil, err
		}
		if err := p.detail(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		study.Parts = append(study.Parts, p.Part)
	}
	var names []string
	for _, p := range study.Parts {
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	study.Title = strings.Join(names, ", ")
	if most := 3; len(names) > most {
		study.Title = fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return study, nil
}

// part is a part of a study and what it is told of.
type part struct {
	report.Part
	source Source
	spec   *config.Spec // nil if it is not known
	trials []trial      // as Part.Trials
}

func (s Source) runPart(id string, t *trial) *part {
	p := &part{source: s, spec: t.spec, trials: []trial{*t}}
	p.ID, p.Name, p.State, p.Seeds = id, t.spec.Name, t.state, []uint64{seedIn(t)}
	p.Objectives = objectives([]string{config.ObjectiveAccuracy, config.ObjectiveBytes})
	p.describe()
	told := told(t)
	told.Command = "espalier run " + p.File
	p.Trials = []report.Trial{told}
	if t.from != nil {
		p.Facts = append(p.Facts, report.Fact{Name: "made", Value: t.from.Said()})
	}
	return p
}

func (s Source) sweepPart(ctx context.Context, id string, g *gathering) (*part, error) {
	p := &part{source: s, spec: g.of.Spec}
	p.ID, p.Name, p.Sweep, p.State, p.Over = id, g.of.Name, true, g.of.State, g.of.Over
	p.Objectives = objectives(g.of.Objectives)
	if p.spec != nil {
		p.describe()
	}
	for number := range g.of.Made {
		t, err := g.trial(ctx, number)
		if err != nil {
			return nil, err
		}
		p.trials = append(p.trials, t)
		one := told(&t)
		if one.Number = number; p.Spec != "" {
			one.Command = p.command(&t)
		}
		p.Trials = append(p.Trials, one)
		if !slices.Contains(p.Seeds, one.Seed) {
			p.Seeds = append(p.Seeds, one.Seed)
		}
	}
	p.vary()
	return p, nil
}

// mostListed bounds the values of a path that are listed.
const mostListed = 12

// vary says of the settings that trials change what they change them to.
func (p *part) vary() {
	var paths []string
	values := map[string][]string{}
	for _, t := range p.Trials {
		for _, s := range t.Settings {
			if values[s.Path] == nil {
				paths = append(paths, s.Path)
			}
			if !slices.Contains(values[s.Path], s.Value) {
				values[s.Path] = append(values[s.Path], s.Value)
			}
		}
	}
	for _, path := range paths {
		text := fmt.Sprintf("varied, %d values", len(values[path]))
		if len(values[path]) <= mostListed {
			text = "varied: " + strings.Join(values[path], ", ")
		}
		at := slices.IndexFunc(p.Facts, func(f report.Fact) bool { return f.Name == path })
		if at < 0 {
			at = len(p.Facts)
			p.Facts = append(p.Facts, report.Fact{Name: path})
		}
		p.Facts[at].Value = text
	}
}

func objectives(names []string) []report.Objective {
	var all []report.Objective
	for _, name := range names {
		all = append(all, report.Objective{Name: name, Maximize: config.Maximized(name)})
	}
	return all
}

// seedIn is the seed of a trial, that of its trainer where another language trains.
func seedIn(t *trial) uint64 {
	if t.spec != nil && t.spec.Exec != nil {
		return t.spec.Exec.Seed
	}
	return t.seed
}

// describe tells of the spec, and how a command is to have it. A folder of this
// machine is nobody else's affair.
func (p *part) describe() {
	spec := *p.spec
	if spec.Sweep == nil {
		for _, path := range []*string{&spec.Data.Path, &spec.Data.ExtraTest} {
			p.carry(path, "data")
		}
		for _, path := range []*string{&spec.Network.Weights, &spec.Network.ONNX} {
			p.carry(path, "file")
		}
	}
	for _, s := range spec.Settings() {
		if s.Path != "name" && !strings.HasPrefix(s.Path, "durability.") && !strings.HasPrefix(s.Path, "resources.") {
			p.Facts = append(p.Facts, report.Fact{Name: s.Path, Value: s.Value})
		}
	}
	p.File = p.Name + ".yaml"
	if text, err := spec.YAML(); err == nil {
		p.Spec = string(text)
	}
	if c := spec.Network.Checkpoint; c != "" {
		p.Needs = append(p.Needs, "checkpoint "+c+" in the store")
	}
	for _, t := range spec.Teachers() {
		p.Needs = append(p.Needs, "checkpoint "+t.Checkpoint+" in the store, for "+t.Key)
	}
	if e := spec.Exec; e != nil {
		p.Needs = append(p.Needs, "the trainer "+e.Trainer+", by --trainer "+e.Trainer+"=COMMAND")
	}
	p.Network = cmp.Or(spec.Network.Arch, filepath.Base(spec.Network.ONNX))
	if c := spec.Network.Checkpoint; c != "" {
		p.Network = "the network of checkpoint " + c
	}
	if e := spec.Exec; e != nil {
		p.Network = "that of the trainer " + e.Trainer
	}
	p.Data = report.Data{Name: spec.Data.Name, Validation: spec.Data.Validation}
}

// carry puts a file or folder beside the spec.
func (p *part) carry(path *string, what string) {
	if *path == "" {
		return
	}
	*path = "./" + filepath.Base(*path)
	need := fmt.Sprintf("%s %s", what, *path)
	if digest := p.spec.Network.FileDigest; what == "file" && digest != "" {
		need += ", SHA-256 " + digest
	}
	p.Needs = append(p.Needs, need)
}

// command does the trial's steps again with the sweep's file. It is empty where
// the values make another spec than the trial had.
func (p *part) command(t *trial) string {
	words := []string{"espalier", "run", p.File}
	values := make([]config.Setting, len(t.values))
	for i, v := range t.values {
		values[i] = config.Setting(v)
	}
	if len(values) == 0 { // without any the whole sweep is run
		values = []config.Setting{{Path: config.SeedPath, Value: fmt.Sprint(p.spec.Train.Seed)}}
	}
	made, err := p.spec.Trial(values)
	if err != nil || t.spec != nil && made.ID() != t.spec.ID() {
		return ""
	}
	for _, v := range values {
		words = append(words, "--set", quoted(v.Path+"="+v.Value))
	}
	return strings.Join(words, " ")
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	const bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.=/:%+,@"
	if word != "" && strings.Trim(word, bare) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// told is a trial as a report has it.
func told(t *trial) report.Trial {
	out := report.Trial{Run: t.run, Number: max(t.number, 0), Seed: seedIn(t), State: t.state, Why: t.why}
	for _, v := range t.values {
		if v.Path != config.SeedPath {
			out.Settings = append(out.Settings, report.Setting(v))
		}
	}
	for i := range t.rows {
		out.Passes = append(out.Passes, passOf(&t.rows[i]))
	}
	return out
}

func passOf(r *workflows.Row) report.Pass {
	return report.Pass{
		Number: r.Pass, Network: kind(r), Kept: r.Kept,
		Accuracy: r.Accuracy, Low: r.AccuracyLow, High: r.AccuracyHigh, Validation: r.Validation, Loss: r.Loss, Sparsity: r.Sparsity,
		Weights: r.Weights, NonZero: r.NonZero, Params: r.Params, MACs: r.MACs, EffectiveMACs: r.EffectiveMACs,
		DenseBytes: r.DenseBytes, CSRBytes: r.SparseBytes, PrunedBytes: r.PrunedBytes, CodedBytes: r.CodedBytes, HuffmanBytes: r.HuffmanBytes,
		FileBytes: r.Size, Latency: r.Latency, Checkpoint: string(r.Checkpoint),
	}
}
