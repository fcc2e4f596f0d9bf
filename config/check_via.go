package config

import (
	"maps"
	"slices"
)

// checkVia: passes ascend and are before the last, and no share falls on the way.
func (d *decoder) checkVia(s PruneSchedule) {
	const path = "prune.schedule.via"
	switch {
	case len(s.Via) == 0 || d.faulty("prune.schedule"):
		return
	case len(s.Order) > 0:
		d.note(path, "given together with order, which prunes each layer at once; want one of the two")
		return
	case s.Target.IsZero() || s.Target.Sensitivity != nil:
		d.note(path, "is on the way to target, which has no shares")
		return
	}
	before := PruneVia{Pass: -1}
	for i, via := range append(slices.Clone(s.Via), PruneVia{Pass: s.Passes, Target: s.Target}) {
		at := path
		if i < len(s.Via) {
			at = index(path, i)
		}
		key, share := via.Target.Goal()
		want, _ := s.Target.Goal()
		_, gone := before.Target.Goal()
		switch {
		case i < len(s.Via) && (via.Pass <= before.Pass || via.Pass >= s.Passes):
			d.note(at, "pass %d is not between the one before, %d, and the last, %d", via.Pass, max(before.Pass, 0), s.Passes)
		case via.Target.Sensitivity != nil || key != want || !slices.Equal(sortedKeys(via.Target.Layers), sortedKeys(s.Target.Layers)):
			d.note(at, "its target has other keys than schedule.target")
		case share < gone:
			d.note(at, "%g of %s after pass %d is less than the %g before", share, key, via.Pass, gone)
		}
		for _, layer := range sortedKeys(via.Target.Layers) {
			if share, gone := via.Target.Layers[layer], before.Target.Layers[layer]; share < gone {
				d.note(at, "%g of %s after pass %d is less than the %g before", share, layer, via.Pass, gone)
			}
		}
		before = via
	}
}

// sortedKeys are the same whatever the order of the map.
//
//workflowcheck:ignore
func sortedKeys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }
