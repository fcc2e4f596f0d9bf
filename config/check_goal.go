package config

import (
	"maps"
	"slices"

	"espalier/models/prune"
)

// share is one of the target's shares of the whole network.
type share struct {
	key   string
	value float64
}

// shares are those of which one is given at most.
func (t PruneTarget) shares() []share {
	return []share{{"sparsity", t.Sparsity}, {"channels", t.Channels}, {"params", t.Params}, {"macs", t.MACs}, {"latency", t.Latency}}
}

// checkGoal: exactly one of target, quality and what else a method goes by,
// and what scope and granularity allow. About is the zero value of a method
// that is not known; goals of channels are judged if the granularity is right.
func (d *decoder) checkGoal(p *Prune, about prune.About, judged bool) {
	target, quality := d.given("prune.schedule.target"), d.given("prune.quality")
	switch {
	case d.faulty("prune.schedule.target", "prune.quality", "prune.threshold", "prune.deviations"):
	case target && quality:
		d.note("prune.quality", "given together with schedule.target; want exactly one of the two")
	case target && p.Schedule.Target.IsZero():
		d.note("prune.schedule.target", "empty; want %s", p.goals())
	case target:
		for _, own := range []string{prune.OptionThreshold, prune.OptionDeviations} {
			if d.given(join("prune", own)) {
				d.note(join("prune", own), "given together with schedule.target; want one of the two")
			}
		}
	case !quality && p.Threshold == 0 && !about.Open:
		d.note("prune.schedule.target", "missing; want where the last pass arrives, such as %s", p.instead(about))
	}
	d.checkShares(p, judged)
	d.checkOrder(p, judged)
	d.checkVia(p.Schedule)
	if p.Scope == prune.ScopeGlobal && len(p.Schedule.Target.Layers) > 0 {
		d.note("prune.schedule.target.layers", "scope global has one sparsity for the whole network; leave layers out, or use scope layer")
	}
	if _, others := p.Quality["default"]; p.Scope == prune.ScopeGlobal && quality && (!others || len(p.Quality) > 1) {
		d.note("prune.quality", "scope global has one threshold for the whole network; give default alone, or use scope layer")
	}
}

// checkShares: one of the shares and, if that is judged, of channels only where
// they are removed.
func (d *decoder) checkShares(p *Prune, judged bool) {
	first := ""
	for _, s := range p.Schedule.Target.shares() {
		path := "prune.schedule.target." + s.key
		switch {
		case s.value == 0 || d.faulty(path):
		case judged && s.key != "sparsity" && !p.RemovesChannels():
			d.note(path, "has no meaning for granularity connection, only for channel; want sparsity")
		case first != "":
			d.note(path, "given together with %s; want one of the two", first)
		default:
			first = s.key
		}
	}
}

// checkOrder: the layers of target.layers, each once, in no more passes.
func (d *decoder) checkOrder(p *Prune, judged bool) {
	const path = "prune.schedule.order"
	s := p.Schedule
	key, _ := s.Target.Goal()
	switch {
	case len(s.Order) == 0 || d.faulty("prune.schedule"):
		return
	case judged && !p.RemovesChannels():
		d.note(path, "has no meaning for granularity connection, only for channel")
	case key != "":
		d.note("prune.schedule.target."+key, "is of the whole network, schedule.order goes layer by layer; want layers alone")
	case d.given("prune.schedule.shape"):
		d.note("prune.schedule.shape", "given together with order, which prunes each layer at once; want one of the two")
	case s.Passes > len(s.Order):
		d.note("prune.schedule.passes", "%d passes for the %d layers of order; want at most one a layer", s.Passes, len(s.Order))
	}
	for i, layer := range s.Order {
		switch _, ok := s.Target.Layers[layer]; {
		case slices.Contains(s.Order[:i], layer):
			d.note(index(path, i), "%s stands here twice", layer)
		case !ok:
			d.note(index(path, i), "%s has no share in target.layers", layer)
		}
	}
	for _, layer := range slices.Sorted(maps.Keys(s.Target.Layers)) {
		if !slices.Contains(s.Order, layer) {
			d.note(path, "lacks %s of target.layers", layer)
		}
	}
}

// goals are the keys of a target that make sense.
func (p *Prune) goals() string {
	if p.RemovesChannels() {
		return "one of sparsity, channels, params, macs and latency, or layers"
	}
	return "sparsity, layers or both"
}

// instead is an example of a target, and what may stand for it.
func (p *Prune) instead(about prune.About) string {
	example := "{sparsity: 92%}"
	if p.RemovesChannels() {
		example = "{channels: 50%}"
	}
	switch {
	case about.Name == "" || slices.Contains(about.Takes, prune.OptionQuality):
		return example + ", or thresholds in prune.quality"
	case slices.Contains(about.Takes, prune.OptionThreshold):
		return example + ", or a threshold above 0 in prune.threshold"
	}
	return example
}

// checkMethod: what the method can do at all. It is false if the rest cannot be
// judged.
func (d *decoder) checkMethod(p *Prune, about prune.About) bool {
	granularity := p.Granularity
	if granularity == "" {
		granularity = about.Granularities[0]
	}
	fine := true
	if !slices.Contains(about.Granularities, granularity) {
		d.note("prune.granularity", "method %s has granularity %s only; leave granularity out", p.Method, listed(about.Granularities))
		fine = false
	}
	if !slices.Contains(about.Scopes, p.Scope) {
		d.note("prune.scope", "method %s has scope %s only; leave scope out", p.Method, listed(about.Scopes))
		fine = false
	}
	return fine
}

// checkTaken notes options that the method does not read.
func (d *decoder) checkTaken(p *Prune, about prune.About) {
	for _, option := range []string{
		prune.OptionQuality, prune.OptionNorm, prune.OptionGreedy, prune.OptionFirst, prune.OptionNormalize, prune.OptionThreshold, prune.OptionDeviations,
		prune.OptionPoints, prune.OptionResidual, prune.OptionReconstruct, prune.OptionTolerance,
	} {
		d.meant(join("prune", option), "method", p.Method, prune.Takers(option))
	}
	d.meant("prune.samples", "method", p.Method, methods(func(a prune.About) bool { return a.Data > 0 }))
	d.meant("prune.rewind", "method", p.Method, methods(func(a prune.About) bool { return a.Rewound }))
	granularity, channel, connection := prune.GranularityConnection, []string{prune.GranularityChannel}, []string{prune.GranularityConnection}
	if p.RemovesChannels() {
		granularity = prune.GranularityChannel
	}
	for _, key := range []string{"min_channels", "multiple", "max_per_pass", "coupled", "branch", "constants"} {
		d.meant(join("prune", key), "granularity", granularity, channel)
	}
	for _, key := range []string{"dead_neurons", "adjust_dropout"} {
		d.meant(join("prune", key), "granularity", granularity, connection)
	}
}

// methods are the names of the methods that are so.
func methods(so func(prune.About) bool) []string {
	return slices.DeleteFunc(prune.Methods(), func(name string) bool {
		about, err := prune.Describe(name)
		return err != nil || !so(about)
	})
}

// meant notes a key that is given though what was chosen of a kind does not
// read it.
func (d *decoder) meant(path, kind, chosen string, readers []string) {
	switch {
	case !d.given(path) || slices.Contains(readers, chosen):
	case len(readers) == 0:
		d.note(path, "has no meaning for %s %s", kind, chosen)
	default:
		d.note(path, "has no meaning for %s %s, only for %s", kind, chosen, listed(readers))
	}
}
