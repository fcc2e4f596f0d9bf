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
	about, err := prune.Describe(s.Prune.Method)
	if err != nil || d.faulty("prune.method", "prune.granularity", "prune.scope") || !d.checkMethod(s.Prune, about) {
		d.checkGoal(s.Prune, about, false)
		return
	}
	d.checkTaken(s.Prune, about)
	d.checkGoal(s.Prune, about, true)
	d.checkRewind(s)
	if d.faulty("network") {
		return
	}
	net, err := outline(s.Network)
	if err != nil {
		return // noted by checkNetwork
	}
	layers, err := prune.Layers(net, s.Prune.Options())
	if err != nil {
		d.note("prune.method", "%v", err)
		return
	}
	d.checkLayers(s.Prune, layers)
	d.checkCover(s.Prune, layers)
	if s.Prune.RemovesChannels() && !d.faulty("prune") {
		d.checkChannels(s.Prune, net)
	}
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
// only one of the two. Channels of layers without a rule just stay.
func (d *decoder) checkCover(p *Prune, layers []string) {
	if d.faulty("prune.schedule.target", "prune.quality", "prune.exclude") {
		return
	}
	path, ruled, others := "prune.schedule.target", p.Schedule.Target.Layers, "sparsity"
	all := p.Schedule.Target.Sparsity > 0 || p.RemovesChannels()
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

// checkChannels asks package prune what the method makes of the network's
// graph, which has some channels that cannot go.
func (d *decoder) checkChannels(p *Prune, net *models.Network) {
	o := p.Options()
	target := p.Schedule.Target
	for _, name := range slices.Sorted(maps.Keys(target.Layers)) {
		o.Layers = map[string]float64{name: target.Layers[name]}
		if err := prune.Check(net, o); err != nil {
			d.note("prune.schedule.target.layers."+name, "%s", strings.TrimPrefix(err.Error(), "layers: "))
		}
	}
	o.Layers = nil
	if _, o.Channels = target.Goal(); len(target.Layers) > 0 && o.Channels == 0 {
		return
	}
	if err := prune.Check(net, o); err != nil {
		d.note("prune.method", "%v", err)
	}
}
