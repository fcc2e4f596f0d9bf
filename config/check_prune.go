package config

import (
	"maps"
	"slices"
	"strings"

	"espalier/models"
	"espalier/models/prune"
)

// checkPrune holds the rules between the parts of prune, and between it and
// the network's layers. Whether a method can reach the target depends on the
// shape of the data as well; package prune says so when the run begins.
func (d *decoder) checkPrune(s *Spec) {
	d.checkGoal(s.Prune)
	if d.faulty("network") {
		return
	}
	net, err := outline(s.Network)
	if err != nil {
		return // noted by checkNetwork
	}
	if s.Prune.RemovesChannels() {
		return
	}
	layers := prunable(net)
	d.checkLayers(s.Prune, layers)
	d.checkCover(s.Prune, layers)
}

// prunable are the names of the nodes that have weights.
func prunable(net *models.Network) []string {
	var names []string
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			names = append(names, p.Node)
		}
	}
	return names
}

// checkGoal: exactly one of target and quality, and what scope and method
// allow.
func (d *decoder) checkGoal(p *Prune) {
	target, quality := d.given("prune.schedule.target"), d.given("prune.quality")
	switch {
	case d.faulty("prune.schedule.target", "prune.quality"):
	case target && quality:
		d.note("prune.quality", "given together with schedule.target; want exactly one of the two")
	case !target && !quality && !p.open():
		d.note("prune.schedule.target", "missing; want where the last pass arrives, such as {sparsity: 92%%}, or thresholds in prune.quality")
	case target && p.Schedule.Target.IsZero():
		d.note("prune.schedule.target", "empty; want sparsity, layers or both")
	}
	if p.Scope == "global" && len(p.Schedule.Target.Layers) > 0 {
		d.note("prune.schedule.target.layers", "scope global has one sparsity for the whole network; leave layers out, or use scope layer")
	}
	if _, others := p.Quality["default"]; p.Scope == "global" && quality && (!others || len(p.Quality) > 1) {
		d.note("prune.quality", "scope global has one threshold for the whole network; give default alone, or use scope layer")
	}
	if quality && p.Method != "han" && !d.faulty("prune.method") {
		d.note("prune.quality", "is for method han; method %s wants schedule.target", p.Method)
	}
}

// open says whether a pass has something to go by without a target.
func (p *Prune) open() bool {
	about, err := prune.Describe(p.Method)
	return err == nil && (about.Open || p.Threshold > 0)
}

// checkLayers: every layer that is named is one that can be pruned.
func (d *decoder) checkLayers(p *Prune, layers []string) {
	known := func(path, name string, allowed []string) {
		if !d.faulty(path) && !slices.Contains(allowed, name) {
			d.note(path, "the network has no such layer to prune; %s", suggestion(name, allowed))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Schedule.Target.Layers)) {
		known("prune.schedule.target.layers."+name, name, layers)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Quality)) {
		known("prune.quality."+name, name, append(slices.Clone(layers), "default"))
	}
	for i, name := range p.Exclude {
		known(index("prune.exclude", i), name, layers)
	}
}

// checkCover: every layer is pruned by some rule or left out by name, and by
// only one of the two.
func (d *decoder) checkCover(p *Prune, layers []string) {
	if d.faulty("prune.schedule.target", "prune.quality", "prune.exclude") {
		return
	}
	path, ruled, others := "prune.schedule.target", p.Schedule.Target.Layers, "sparsity"
	all := p.Schedule.Target.Sparsity > 0
	if p.Quality != nil {
		path, ruled, others = "prune.quality", p.Quality, "default"
		_, all = ruled[others]
	}
	var open, pruned []string
	for _, name := range layers {
		_, own := ruled[name]
		excluded := slices.Index(p.Exclude, name)
		switch {
		case own && excluded >= 0:
			d.note(index("prune.exclude", excluded), "%s has its own value in %s; want one of the two", name, strings.TrimPrefix(path, "prune."))
		case !own && !all && excluded < 0:
			open = append(open, name)
		}
		if excluded < 0 {
			pruned = append(pruned, name)
		}
	}
	if len(open) > 0 {
		d.note(path, "says nothing about %s; add %s for all the others, or name them in prune.exclude", strings.Join(open, ", "), others)
	}
	if len(pruned) == 0 {
		d.note("prune.exclude", "leaves no layer to prune")
	}
}
