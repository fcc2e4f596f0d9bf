package config

import (
	"maps"
	"slices"
	"strings"
)

// maxSweepBytes bounds the file of a sweep, which travels with every part of
// its history.
const maxSweepBytes = 64 << 10

// checkSweep holds the rules between the parts of sweep. Whether each trial is
// a spec that can be run is known when it is made.
func (d *decoder) checkSweep(s *Spec) {
	sweep := s.Sweep
	if sweep == nil {
		return
	}
	if len(sweep.Source) > maxSweepBytes {
		d.note("sweep", "the file has %d bytes; one with a sweep has %d at most", len(sweep.Source), maxSweepBytes)
	}
	if d.given("prune.schedule.target.sensitivity") {
		d.note("prune.schedule.target.sensitivity", "given together with sweep; write the shares that it stands for in layers")
	}
	d.checkVaried(sweep)
	d.checkConditions(sweep.Params)
	for i, word := range sweep.Objectives {
		if slices.Contains(sweep.Objectives[:i], word) {
			d.note(index("sweep.objectives", i), "%s stands here twice", word)
		}
	}
	for i, seed := range sweep.Seeds {
		if slices.Contains(sweep.Seeds[:i], seed) {
			d.note(index("sweep.seeds", i), "%d stands here twice", seed)
		}
	}
	d.checkHalving(s)
	if !d.faulty("sweep.budget") && (sweep.Budget.Cost > 0) != (sweep.Budget.PerHour > 0) {
		d.note("sweep.budget", "cost and per_hour go together; want both or neither")
	}
}

// checkVaried: every search but list has parameters, and nothing is varied
// twice.
func (d *decoder) checkVaried(s *Sweep) {
	var sets []string
	switch {
	case s.Search.List != nil && d.given("sweep.params"):
		d.note("sweep.params", "given together with search list, whose trials name their own values; want one of the two")
	case s.Search.List == nil && !d.given("sweep.params") && !d.faulty("sweep"):
		d.note("sweep", "params is missing; want what is varied, such as {prune.method: [han, taylor]}")
	}
	for _, p := range s.Params {
		sets = append(sets, p.Path)
		if s.Search.Grid != nil && len(p.Values) == 0 && p.Step == 0 && !d.faulty("sweep.params."+p.Path) {
			d.note("sweep.params."+p.Path, "a grid wants values, or a step beside min and max")
		}
	}
	if s.Search.List != nil {
		for _, trial := range s.Search.List.Trials {
			for _, setting := range trial {
				sets = append(sets, setting.Path)
			}
		}
	}
	if len(s.Seeds) > 0 && slices.Contains(sets, SeedPath) {
		d.note("sweep.seeds", "given while train.seed is varied; want one of the two")
	}
}

// checkConditions: each names another parameter and values that it can have,
// and none depends on itself.
func (d *decoder) checkConditions(params SweepParams) {
	paths := make([]string, len(params))
	for i, p := range params {
		paths[i] = p.Path
	}
	for i, p := range params {
		when := "sweep.params." + p.Path + ".when"
		for _, c := range p.When {
			at := join(when, c.Path)
			j := slices.Index(paths, c.Path)
			switch {
			case d.faulty("sweep.params."+p.Path) || d.faulty("sweep.params."+c.Path):
			case j < 0:
				d.note(at, "is not varied here; %s", suggestion(c.Path, paths))
			case j == i:
				d.note(at, "is the path itself; want another one")
			case len(params[j].Values) == 0:
				d.note(at, "has a range; a condition wants a path with a list of values")
			default:
				for _, v := range c.Values {
					if !slices.Contains(params[j].Values, v) {
						d.note(at, "never is %s; %s", clipped(v), suggestion(v, params[j].Values))
					}
				}
			}
		}
	}
	if ring := circle(params); ring != "" && !d.faulty("sweep.params") {
		d.note("sweep.params."+ring+".when", "depends on itself, by the conditions of what it depends on")
	}
}

// circle is a parameter whose conditions lead back to it, if there is one.
func circle(params SweepParams) string {
	settled := map[string]bool{}
	for range params {
		for _, p := range params {
			settled[p.Path] = !slices.ContainsFunc(p.When, func(c SweepCondition) bool { return !settled[c.Path] })
		}
	}
	for _, p := range params {
		if !settled[p.Path] {
			return p.Path
		}
	}
	return ""
}

// checkHalving: trials are compared at passes that there are.
func (d *decoder) checkHalving(s *Spec) {
	const passes = "prune.schedule.passes"
	asha, median := s.Sweep.Search.ASHA, s.Sweep.Stop.Median
	path := "sweep.search.asha"
	if asha == nil {
		path = "sweep.stop.median"
	}
	switch {
	case asha == nil && median == nil || d.faulty("sweep.search", "sweep.params", "sweep.stop", "prune"):
	case s.Prune == nil:
		d.note(path, "compares trials at the passes of pruning, and this spec has no prune")
	case asha == nil:
	case median != nil:
		d.note("sweep.stop.median", "given together with search asha, which stops trials itself; want one of the two")
	case len(s.Sweep.Seeds) > 1 && !d.faulty("sweep.seeds"):
		d.note("sweep.seeds", "given together with search asha, which compares trials and no means; want one of the two")
	case slices.ContainsFunc(s.Sweep.Params, func(p SweepParam) bool { return strings.HasPrefix(passes+".", p.Path+".") }):
		d.note("sweep.params", "asha wants the same passes in all trials; take what varies %s out", passes)
	case asha.From >= s.Prune.Schedule.Passes:
		d.note("sweep.search.asha", "from %d leaves nothing to go on to; want a pass before the last, %d", asha.From, s.Prune.Schedule.Passes)
	}
}

// known is what a sweep adds to the canonical form, nil if there is none.
func (s *Sweep) known() any {
	if s == nil {
		return nil
	}
	var files []string
	for _, path := range slices.Sorted(maps.Keys(s.Files)) {
		files = append(files, s.Files[path])
	}
	return struct {
		Search     SweepSearch `json:"search"`
		Params     SweepParams `json:"params,omitempty"`
		Seeds      []uint64    `json:"seeds,omitempty"`
		Objectives []string    `json:"objectives"`
		Stop       SweepStop   `json:"stop,omitzero"`
		Files      []string    `json:"files,omitempty"`
	}{s.Search, s.Params, s.Seeds, s.Objectives, s.Stop, files}
}
