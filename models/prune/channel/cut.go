package channel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"espalier/models"
)

// named are the units of a set, as marks on a.units, and the samples of which
// no original is left.
func (a *analysis) named(set Set) ([]bool, error) {
	gone := make([]bool, len(a.units))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		members, ok := a.member[name]
		if !ok {
			return nil, fmt.Errorf("network %s has no channel group %q; there are %s", a.net.Name, name, a.names())
		}
		for _, i := range set[name] {
			if i < 0 || i >= len(members) {
				return nil, fmt.Errorf("group %s: no unit %d, it has units 0 to %d", name, i, len(members)-1)
			}
			u := members[i]
			if why := a.units[u].Fixed; why != "" {
				return nil, fmt.Errorf("group %s: unit %d is fixed (%s): %s", name, i, why, a.allowed(name))
			}
			if gone[u] {
				return nil, fmt.Errorf("group %s: unit %d is named twice", name, i)
			}
			gone[u] = true
		}
	}
	for again := true; again; {
		again = false
		for u, from := range a.taken {
			left := slices.ContainsFunc(from, func(o int) bool { return !gone[o] })
			if !gone[u] && len(from) > 0 && !left {
				gone[u], again = true, true
			}
		}
	}
	return gone, nil
}

func (a *analysis) names() string {
	var names []string
	for _, g := range a.groups {
		names = append(names, g.Name)
	}
	return strings.Join(names, ", ")
}

// allowed says what of a group may go.
func (a *analysis) allowed(group string) string {
	i := slices.IndexFunc(a.groups, func(g Group) bool { return g.Name == group })
	free := a.groups[i].Free()
	switch {
	case len(free) == 0:
		return fmt.Sprintf("all its %d units are fixed", len(a.groups[i].Units))
	case len(free) == free[len(free)-1]-free[0]+1:
		return fmt.Sprintf("allowed are units %d to %d", free[0], free[len(free)-1])
	default:
		return fmt.Sprintf("allowed are units %v", free)
	}
}

// cut is the graph that removing units leaves.
type cut struct {
	*analysis
	kept   map[string][]int    // by node, the channels of its output that stay
	inputs map[string][]string // by node, without inputs that are gone
	alive  map[string]bool     // nodes that still reach the output, or have never been read
}

// cut takes units out of the graph. A node that keeps no channels is gone, and
// so is one that is no longer read. A concatenation does without inputs; that
// anything else loses all that it reads is an error.
func (a *analysis) cut(set Set) (*cut, error) {
	gone, err := a.named(set)
	if err != nil {
		return nil, err
	}
	c := &cut{analysis: a, kept: map[string][]int{}, inputs: map[string][]string{}, alive: map[string]bool{}}
	for _, node := range a.net.Nodes {
		c.kept[node.Name] = a.left(node.Name, gone)
		c.inputs[node.Name] = node.Inputs
		if node.Op == models.OpConcat {
			c.inputs[node.Name] = slices.DeleteFunc(slices.Clone(node.Inputs), func(input string) bool { return len(c.kept[input]) == 0 })
		}
	}
	for i := len(a.net.Nodes) - 1; i >= 0; i-- {
		node := a.net.Nodes[i].Name
		read := slices.ContainsFunc(a.readers[node], func(r string) bool {
			return c.alive[r] && slices.Contains(c.inputs[r], node)
		})
		c.alive[node] = len(c.kept[node]) > 0 && (read || len(a.readers[node]) == 0)
	}
	for _, node := range a.net.Nodes {
		for _, input := range c.inputs[node.Name] {
			if c.alive[node.Name] && len(c.kept[input]) == 0 {
				return nil, a.vanished(node.Name, input, gone)
			}
		}
	}
	return c, nil
}

// left are the channels of a node that stay; where all do, one list serves every
// cut.
func (a *analysis) left(node string, gone []bool) []int {
	channels := a.of[node]
	if !slices.ContainsFunc(channels, func(u int) bool { return gone[u] }) {
		return a.all[:len(channels)]
	}
	var left []int
	for i, u := range channels {
		if !gone[u] {
			left = append(left, i)
		}
	}
	return left
}

// vanished is the error of a node that is left without one of its inputs.
func (a *analysis) vanished(node, input string, gone []bool) error {
	group, n := a.home[a.of[input][0]], 0
	for _, u := range a.member[group] {
		if gone[u] {
			n++
		}
	}
	return fmt.Errorf("group %s: %d of its %d units are to go, and node %s is left without its input %s: one of the units there must stay, at most %d may go",
		group, n, len(a.member[group]), node, input, n-1)
}

// sides are the rows of a parameter that stay and, for what reads channels, the
// columns; they are nil for all.
func (c *cut) sides(node models.Node, p *models.Param) (rows, columns []int) {
	rows = c.kept[node.Name]
	if p.Role == models.RoleWeight && c.makes(node) {
		read := c.kept[node.Inputs[0]]
		end, _ := slices.BinarySearch(read, p.Shape[1]) // the groups are alike
		columns = read[:end]
	}
	return rows, columns
}
