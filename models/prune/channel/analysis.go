package channel

import (
	"fmt"
	"slices"
	"strings"

	"espalier/models"
)

// analysis is all that is known of a network's channels.
type analysis struct {
	net    *models.Network
	shapes map[string]models.Shape
	params map[string][]*models.Param // by node
	// readers has the nodes that read each node.
	readers map[string][]string
	all     []int // 0, 1, 2, ... for as many channels as any node has
	// of has the unit of each channel of each node's output, an index of units.
	of     map[string][]int
	units  []*Unit
	taken  [][]int // the other units that a unit's samples are taken from
	groups []Group
	// member has the units of each group, by the group's name.
	member map[string][]int
	home   []string // the group's name of each unit
}

func analyse(net *models.Network, exclude []string) (*analysis, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	f := newFlow(net, shapes)
	a := &analysis{
		net: net, shapes: shapes, params: make(map[string][]*models.Param, len(net.Nodes)),
		of: f.of, member: map[string][]int{}, readers: make(map[string][]string, len(net.Nodes)),
	}
	for _, p := range net.Params {
		a.params[p.Node] = append(a.params[p.Node], p)
	}
	a.number(f.samples)
	widest := 0
	for _, node := range net.Nodes {
		a.collect(node)
		for _, input := range node.Inputs {
			a.readers[input] = append(a.readers[input], node.Name)
		}
		widest = max(widest, shapes[node.Name][0])
	}
	a.all = count(widest)
	if err := a.fix(exclude); err != nil {
		return nil, err
	}
	a.group()
	return a, nil
}

// number counts the units in the order in which layers make them, those that no
// layer makes where they first appear.
func (a *analysis) number(samples []sample) {
	index := map[int]int{}
	meet := func(node models.Node) {
		for _, c := range a.of[node.Name] {
			if _, known := index[c]; !known {
				index[c] = len(a.units)
				a.units = append(a.units, &Unit{})
			}
		}
	}
	for _, node := range a.net.Nodes {
		if node.Op == models.OpInput || a.makes(node) {
			meet(node)
		}
	}
	for _, node := range a.net.Nodes {
		meet(node)
		for i, c := range a.of[node.Name] {
			a.of[node.Name][i] = index[c]
		}
	}
	a.taken = make([][]int, len(a.units))
	for _, s := range samples {
		if s.channel != s.from {
			a.taken[index[s.channel]] = append(a.taken[index[s.channel]], index[s.from])
		}
	}
}

// makes says whether the node's filters make channels.
func (a *analysis) makes(node models.Node) bool {
	return node.Op != models.OpInput && hasFilters(node, a.shapes[node.Inputs[0]][0])
}

// collect gives the units what they have of a node.
func (a *analysis) collect(node models.Node) {
	channels := a.of[node.Name]
	for i, u := range channels {
		places := &a.units[u].Places
		if last := len(*places) - 1; last >= 0 && (*places)[last].Node == node.Name {
			(*places)[last].Channels = append((*places)[last].Channels, i)
			continue
		}
		*places = append(*places, Place{Node: node.Name, Channels: []int{i}})
	}
	for _, p := range a.params[node.Name] {
		for i, u := range channels {
			add(a.units[u].part(p.Role, a.makes(node)), p, 0, i)
		}
		if p.Role != models.RoleWeight || !a.makes(node) {
			continue
		}
		// The groups of a convolution read tied channels: the first stands for all.
		for i, u := range a.of[node.Inputs[0]][:p.Shape[1]] {
			add(&a.units[u].Inputs, p, 1, i)
		}
	}
}

// part is where a unit keeps its rows of a parameter.
func (u *Unit) part(role models.Role, makes bool) *[]Slice {
	switch {
	case role == models.RoleWeight && makes:
		return &u.Filters
	case role == models.RoleWeight:
		return &u.Depthwise
	case role == models.RoleBias:
		return &u.Biases
	case role == models.RoleGamma:
		return &u.Gammas
	case role == models.RoleBeta:
		return &u.Betas
	default:
		return &u.Statistics
	}
}

// add extends the last slice if it is of that parameter.
func add(list *[]Slice, p *models.Param, axis, index int) {
	if last := len(*list) - 1; last >= 0 && (*list)[last].Param == p.Name {
		(*list)[last].Indices = append((*list)[last].Indices, index)
		return
	}
	*list = append(*list, Slice{Node: p.Node, Param: p.Name, Role: p.Role, Axis: axis, Indices: []int{index}})
}

// fix marks the units that must stay.
func (a *analysis) fix(exclude []string) error {
	mark := func(node, why string) {
		for _, u := range a.of[node] {
			if a.units[u].Fixed == "" {
				a.units[u].Fixed = why
			}
		}
	}
	mark(a.net.Nodes[0].Name, FixedInput)
	mark(a.net.Output(), FixedOutput)
	var layers []string
	for _, node := range a.net.Nodes {
		switch {
		case node.Op == models.OpLRN:
			mark(node.Name, FixedLRN)
		case a.makes(node):
			layers = append(layers, node.Name)
		}
	}
	for _, name := range exclude {
		if !slices.Contains(layers, name) {
			return fmt.Errorf("network %s has no layer %q to exclude; allowed are %s", a.net.Name, name, strings.Join(layers, ", "))
		}
		mark(name, FixedExcluded)
	}
	return nil
}

// group puts units with the same producers together.
func (a *analysis) group() {
	names := map[string]string{} // by producers
	for i, u := range a.units {
		producers, origin := nodes(u.Filters), nodes(u.Filters)
		if len(producers) == 0 {
			origin = []string{u.Places[0].Node}
		}
		key := strings.Join(origin, "\x00")
		name, known := names[key]
		if !known {
			name = a.free(origin)
			names[key] = name
			a.groups = append(a.groups, Group{Name: name, Producers: producers})
		}
		a.member[name], a.home = append(a.member[name], i), append(a.home, name)
	}
	for i := range a.groups {
		g := &a.groups[i]
		reads := map[string]bool{}
		for _, m := range a.member[g.Name] {
			g.Units = append(g.Units, *a.units[m])
			for _, node := range nodes(a.units[m].Inputs) {
				reads[node] = true
			}
		}
		for _, node := range a.net.Nodes {
			if reads[node.Name] {
				g.Consumers = append(g.Consumers, node.Name)
			}
		}
	}
}

// free is a name that no group has yet.
func (a *analysis) free(origin []string) string {
	name := origin[0]
	if _, taken := a.member[name]; taken {
		name = strings.Join(origin, "+")
	}
	for _, taken := a.member[name]; taken; _, taken = a.member[name] {
		name += "'"
	}
	return name
}

func nodes(list []Slice) []string {
	var names []string
	for _, s := range list {
		names = append(names, s.Node)
	}
	return names
}
