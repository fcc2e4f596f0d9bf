package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"espalier/models/prune"
	"espalier/models/prune/sensitivity"
)

// SensitivityTarget takes the shares of layers from a scan of sensitivity. Load
// writes them into PruneTarget.Layers and leaves nothing of it, so that a run's
// identity is that of the shares; the layers that bear none are excluded.
type SensitivityTarget struct {
	File string  `json:"file" yaml:"file" required:"true" example:"./sensitivity.json" doc:"What espalier sensitivity --output has written, relative to the spec's own folder."`
	Drop float64 `json:"drop" yaml:"drop" required:"true" unit:"fraction" range:"[0,1)" example:"1%" doc:"Each layer gives up the largest share that alone, without fine-tuning, costs no more accuracy than this: 1% is a point."`
}

// Alone are the options of p that count when each layer is pruned alone: how it
// chooses, and not how far a run goes, in which passes, and what follows.
func (p Prune) Alone() Prune {
	return Prune{
		Method: p.Method, Granularity: p.Granularity, Scope: prune.ScopeLayer, Exclude: p.Exclude,
		MinChannels: p.MinChannels, Coupled: p.Coupled, Branch: p.Branch, Constants: p.Constants,
		Norm: p.Norm, Greedy: p.Greedy, First: p.First, Normalize: p.Normalize, Points: p.Points,
		Residual: p.Residual, Reconstruct: p.Reconstruct, Samples: p.Samples,
	}
}

// reader reads the report of a scan; nil is of specs that are not in a file.
type reader func(file string) (*sensitivity.Report, error)

// reportIn reads reports relative to the folder of a spec.
func reportIn(spec string) reader {
	return func(file string) (*sensitivity.Report, error) {
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(spec), file)
		}
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("%w; write it with: espalier sensitivity %s --output %s", err, spec, file)
		}
		defer f.Close()
		r, err := sensitivity.Read(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return r, nil
	}
}

// noReport reads none.
func noReport(string) (*sensitivity.Report, error) { return nil, nil }

// aim puts the shares of a scan in the place of target.sensitivity.
func (d *decoder) aim(s *Spec, read reader) {
	const path = "prune.schedule.target.sensitivity"
	if s.Prune == nil || s.Prune.Schedule.Target.Sensitivity == nil {
		return
	}
	target := &s.Prune.Schedule.Target
	want := *target.Sensitivity
	if target.Sensitivity = nil; d.faulty("prune.schedule.target", "prune.method", "prune.granularity", "prune.scope") {
		return
	}
	switch {
	case len(target.Layers) > 0:
		d.note(path, "given together with layers; want one of the two")
		return
	case s.Prune.Scope != prune.ScopeLayer:
		d.note(path, "gives each layer its own share, scope %s has one for the whole network; want scope layer", s.Prune.Scope)
		return
	case read == nil:
		d.note(path, "is read beside the spec's file, and this spec is in none")
		return
	}
	report, err := read(want.File)
	switch {
	case err != nil:
		d.note(path+".file", "%v", err)
	case report == nil: // nobody reads the target, and any will do
		target.Sparsity, target.Channels, target.Params, target.MACs, target.Latency = 0.5, 0, 0, 0, 0
	default:
		d.take(s, report, want)
	}
}

// take makes the report's shares the target's.
func (d *decoder) take(s *Spec, report *sensitivity.Report, want SensitivityTarget) {
	const path = "prune.schedule.target.sensitivity"
	granularity := prune.GranularityConnection
	if s.Prune.RemovesChannels() {
		granularity = prune.GranularityChannel
	}
	if report.Granularity != granularity {
		d.note(path+".file", "%s was measured with granularity %s, this spec has %s", want.File, report.Granularity, granularity)
		return
	}
	if strangers := d.strangers(s, report); len(strangers) > 0 {
		d.note(path+".file", "%s is of another network; this one has no %s to prune", want.File, strings.Join(strangers, ", "))
		return
	}
	target, shares := &s.Prune.Schedule.Target, report.Shares(want.Drop)
	for _, name := range s.Prune.Exclude {
		delete(shares, name)
	}
	if len(shares) == 0 {
		d.note(path+".drop", "no layer of %s bears a drop of %g%%", want.File, 100*want.Drop)
		return
	}
	target.Layers = shares
	// Weights want a share for every layer, and a share of the whole network
	// would be taken of the layers that bear none too.
	_, whole := target.Goal()
	for _, c := range report.Layers {
		_, has := shares[c.Layer]
		alone := granularity == prune.GranularityConnection || whole > 0 && len(c.Points) > 0
		if !has && alone && !slices.Contains(s.Prune.Exclude, c.Layer) {
			s.Prune.Exclude = append(s.Prune.Exclude, c.Layer)
		}
	}
}

// strangers are layers of the report that the spec's network does not have. Of
// a network that is not known yet there are none: the run looks for them.
func (d *decoder) strangers(s *Spec, report *sensitivity.Report) []string {
	if d.faulty("network") {
		return nil
	}
	net, err := outline(s.Network)
	if err != nil {
		return nil
	}
	known, err := prune.Layers(net, s.Prune.Options())
	if err != nil {
		return nil // noted by checkPrune
	}
	var strangers []string
	for _, c := range report.Layers {
		if !slices.Contains(known, c.Layer) && len(strangers) < 3 {
			strangers = append(strangers, c.Layer)
		}
	}
	return strangers
}
