package channel

import (
	"fmt"
	"maps"
	"slices"

	"espalier/models"
)

// Movable lists, by group, the units that [Permute] can let change places: they
// are not fixed, lie in the same nodes, have as much of the same parameters, and
// no channel_select names them. Groups with fewer than two are left out.
func Movable(net *models.Network) (map[string][]int, error) {
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	return a.movable(), nil
}

func (a *analysis) movable() map[string][]int {
	selected := make([]bool, len(a.units))
	for _, node := range a.net.Nodes {
		if node.Op == models.OpChannelSelect {
			for _, end := range []string{node.Name, node.Inputs[0]} {
				for _, u := range a.of[end] {
					selected[u] = true
				}
			}
		}
	}
	all := map[string][]int{}
	for _, g := range a.groups {
		var units []int
		for i, u := range g.Units {
			free := u.Fixed == "" && !selected[a.member[g.Name][i]]
			if free && (len(units) == 0 || u.like(g.Units[units[0]])) {
				units = append(units, i)
			}
		}
		if len(units) > 1 {
			all[g.Name] = units
		}
	}
	return all
}

// like says whether two units could be exchanged for each other.
func (u Unit) like(other Unit) bool {
	slice := func(a, b Slice) bool {
		return a.Param == b.Param && a.Axis == b.Axis && len(a.Indices) == len(b.Indices)
	}
	place := func(a, b Place) bool { return a.Node == b.Node && len(a.Channels) == len(b.Channels) }
	return slices.EqualFunc(u.Slices(), other.Slices(), slice) && slices.EqualFunc(u.Places, other.Places, place)
}

// Permute returns the network with units in other places: order has, by group,
// all units that are [Movable], in the order in which the result has them. It
// computes the same, but for the rounding of sums whose terms come in another
// order. net is not changed. It fails on an order that is none of the units.
func Permute(net *models.Network, order map[string][]int) (*models.Network, error) {
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	movable := a.movable()
	moved := net.Clone()
	for _, name := range slices.Sorted(maps.Keys(order)) {
		units := movable[name]
		if sorted := slices.Sorted(slices.Values(order[name])); len(units) == 0 || !slices.Equal(sorted, units) {
			return nil, fmt.Errorf("group %s: the order %v is not one of the units that can change places, %v", name, order[name], units)
		}
		g := a.groups[slices.IndexFunc(a.groups, func(g Group) bool { return g.Name == name })]
		// Rows and columns one after the other: a layer whose outputs are added to
		// what it reads has both of one unit.
		for axis := range 2 {
			before := moved
			moved = before.Clone()
			for k, to := range units {
				from := g.Units[order[name][k]].Slices()
				for n, s := range g.Units[to].Slices() {
					if s.Axis == axis {
						move(moved.Param(s.Param), before.Param(s.Param), s, from[n])
					}
				}
			}
		}
	}
	return moved, moved.Validate()
}

// move copies the slice from of a parameter to the slice to of a copy of it.
func move(copied, original *models.Param, to, from Slice) {
	inner := original.Shape[to.Axis+1:].Size()
	for o := range original.Shape[:to.Axis].Size() {
		for n, index := range to.Indices {
			at := (o*original.Shape[to.Axis] + index) * inner
			source := (o*original.Shape[to.Axis] + from.Indices[n]) * inner
			copy(copied.Data[at:at+inner], original.Data[source:source+inner])
			if original.Mask != nil {
				copy(copied.Mask[at:at+inner], original.Mask[source:source+inner])
			}
		}
	}
}
