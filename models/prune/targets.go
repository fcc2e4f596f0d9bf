package prune

import (
	"slices"

	"espalier/models"
)

// Target is a layer, or the channels that some layers make together, of which a
// share of its own may go.
type Target struct {
	Name string `json:"name"` // in Options.Layers
	Size int    `json:"size"` // weights or channels
	// Closed says why none may go; empty if some may.
	Closed string `json:"closed,omitempty"`
}

// Targets lists what may be pruned alone, in the network's order. Of the
// options it reads method, granularity, exclude, coupled and branch. A method
// may close more of them when it plans.
func Targets(net *models.Network, o Options) ([]Target, error) {
	names, err := Layers(net, o)
	if err != nil {
		return nil, err
	}
	if method, err := methodNamed(o.Method); err != nil || method.about().granularity(o) == GranularityConnection {
		return connectionTargets(net, o), err
	}
	s, err := shrink(net, o, Basis{})
	if err != nil {
		return nil, err
	}
	var targets []Target
	for _, g := range s.groups {
		of := append([]string{g.Name}, g.Producers...)
		if !slices.ContainsFunc(of, func(name string) bool { return slices.Contains(names, name) }) {
			continue // the network's input
		}
		t := Target{Name: g.Name, Size: len(g.Units), Closed: g.why}
		at := slices.IndexFunc(of, func(name string) bool { return slices.Contains(names, name) && s.of(name) == g })
		if at >= 0 {
			t.Name = of[at]
		} else if t.Closed == "" {
			t.Closed = "part of a layer"
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func connectionTargets(net *models.Network, o Options) []Target {
	var targets []Target
	for _, p := range prunable(net) {
		t := Target{Name: p.Node, Size: len(p.Data)}
		if slices.Contains(o.Exclude, p.Node) {
			t.Closed = "excluded"
		}
		targets = append(targets, t)
	}
	return targets
}
