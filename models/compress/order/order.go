// Package order puts the channels of a network in the order in which it is
// stored in the fewest bytes.
//
// The filters of a layer compute the same in every order, so which of them is
// first says nothing, and yet a file that stores where the weights of a pruned
// network are has to say it: of n filters log2(n!) bits. Sorted, dead filters
// stand together and full ones beside full ones, and a coder that learns from
// what it has seen writes them in less.
package order

import (
	"cmp"
	"fmt"
	"slices"

	"espalier/models"
	"espalier/models/prune/channel"
)

// Fewest returns the network in the order of its channels, of those that are
// tried, for which size is smallest: group by group as they are, and sorted in
// several ways. The result computes what net does, but for the rounding of
// sums. Groups of whose weights none is 0 stay as they are: there is nothing to
// gain. net is not changed.
func Fewest(net *models.Network, size func(*models.Network) (int, error)) (*models.Network, error) {
	groups, err := channel.Groups(net)
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	movable, err := channel.Movable(net)
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	best := net
	least, err := size(net)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if movable[g.Name] == nil || !sparse(net, g) {
			continue
		}
		start, units := best, unitsOf(best, g, movable[g.Name])
		for _, by := range keys {
			order := slices.Clone(movable[g.Name])
			slices.SortStableFunc(order, func(a, b int) int { return by(units[a], units[b]) })
			moved, err := channel.Permute(start, map[string][]int{g.Name: order})
			if err != nil {
				return nil, fmt.Errorf("order: %w", err)
			}
			bytes, err := size(moved)
			if err != nil {
				return nil, err
			}
			if bytes < least {
				best, least = moved, bytes
			}
		}
	}
	return best, nil
}

// unit is what the weights of a channel are.
type unit struct {
	made []int // of its filters, the places in a row that are not 0, row after row
	read int   // weights that read it and are not 0
}

// keys are the ways to sort: full filters first, those that much reads first,
// and by where in the row the weights are.
var keys = []func(a, b unit) int{
	func(a, b unit) int { return cmp.Or(len(b.made)-len(a.made), b.read-a.read) },
	func(a, b unit) int { return cmp.Or(b.read-a.read, len(b.made)-len(a.made)) },
	func(a, b unit) int {
		if len(a.made) == 0 || len(b.made) == 0 {
			return len(b.made) - len(a.made)
		}
		return slices.Compare(a.made, b.made)
	},
}

// unitsOf are those of a group that can be moved.
func unitsOf(net *models.Network, g channel.Group, movable []int) map[int]unit {
	units := map[int]unit{}
	for _, i := range movable {
		u := unit{}
		for _, s := range g.Units[i].Filters {
			p := net.Param(s.Param)
			for at := range s.Elements(p.Shape) {
				if p.Data[at] != 0 {
					u.made = append(u.made, at%p.Shape[1:].Size())
				}
			}
		}
		for _, s := range g.Units[i].Inputs {
			p := net.Param(s.Param)
			for at := range s.Elements(p.Shape) {
				if p.Data[at] != 0 {
					u.read++
				}
			}
		}
		units[i] = u
	}
	return units
}

// sparse says whether any weight that makes or reads the group is 0.
func sparse(net *models.Network, g channel.Group) bool {
	for _, node := range slices.Concat(g.Producers, g.Consumers) {
		for _, p := range net.Params {
			if p.Node == node && p.Role == models.RoleWeight && slices.Contains(p.Data, 0) {
				return true
			}
		}
	}
	return false
}
