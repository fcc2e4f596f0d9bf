package channel

import (
	"slices"

	"espalier/models"
)

// Compact returns net without the channels that cannot make a difference: those
// that every layer behind has only zeros for, and those that arrive there as 0
// whatever comes in. Pruned connections leave such channels behind. Layers
// become narrower, outputs stay the same but for rounding; a group keeps at
// least one of its units. It is for networks that are done: plans and optimizer
// states of the wide network do not fit the result.
func Compact(net *models.Network) (*models.Network, error) {
	small := net
	for {
		a, err := analyse(small, nil)
		if err != nil {
			return nil, err
		}
		set := a.useless()
		if set.Len() == 0 {
			return small.Clone(), nil
		}
		c, err := a.cut(set)
		if err != nil {
			return nil, err
		}
		small = c.build() // a channel gone may leave one before it useless
	}
}

// useless are the units that make no difference.
func (a *analysis) useless() Set {
	useful := a.useful()
	set := Set{}
	for _, g := range a.groups {
		for i, u := range a.member[g.Name] {
			if !useful[u] {
				set[g.Name] = append(set[g.Name], i)
			}
		}
	}
	return set
}

// useful says of each unit whether it is to stay: it is fixed, or a layer reads
// anything but 0 from it with anything but 0, or from a sample of it, or it is
// the first of a group of which none would stay.
func (a *analysis) useful() []bool {
	useful := make([]bool, len(a.units))
	values := a.constants()
	var note func(u int)
	note = func(u int) {
		if !useful[u] {
			useful[u] = true
			for _, from := range a.taken[u] {
				note(from)
			}
		}
	}
	for u, unit := range a.units {
		if unit.Fixed != "" {
			note(u)
		}
	}
	for _, node := range a.net.Nodes {
		if !a.makes(node) {
			continue
		}
		heard := a.heard(node)
		for i, v := range values[node.Inputs[0]] {
			if heard[i] && v != 0 { // NaN, what varies, is not 0
				note(a.of[node.Inputs[0]][i])
			}
		}
	}
	for _, g := range slices.Backward(a.groups) { // samples keep what they are taken from
		members := a.member[g.Name]
		if !slices.ContainsFunc(members, func(u int) bool { return useful[u] }) {
			note(members[0])
		}
	}
	return useful
}

// heard says which of its input channels a layer has a weight for that is not 0.
func (a *analysis) heard(node models.Node) []bool {
	heard, reads := make([]bool, len(a.of[node.Inputs[0]])), a.reads(node)
	for at, w := range a.params[node.Name][0].Data {
		if w != 0 {
			heard[reads(at)] = true
		}
	}
	return heard
}
