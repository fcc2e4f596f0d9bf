package channel

import (
	"fmt"
	"slices"

	"espalier/models"
)

// Branch returns net with a channel_select of all channels, named after the
// reader with ".select" behind, between each of the readers and what it reads.
// It computes the same. Its groups have a new one for each reader, of the
// select's name and without producers: channels that may go for that reader
// alone and stay for all others.
//
// This is how networks are pruned whose blocks share one stream: network
// slimming's channel selection (Liu et al. 2017, section 4.3) and the sampler
// of He et al. 2017, section 3.3. A normalization as reader becomes narrower
// with its layer; the layer as reader leaves the normalization as it is, as in
// network slimming. [Remove] takes out selections that came to nothing.
//
// A reader that reads a channel_select already is left as it is. [Branches]
// lists the readers with which this is of use; others are an error.
func Branch(net *models.Network, readers ...string) (*models.Network, error) {
	useful, err := Branches(net)
	if err != nil {
		return nil, err
	}
	for _, reader := range readers {
		node, ok := net.Node(reader)
		if !ok {
			return nil, fmt.Errorf("network %s has no node %q to branch", net.Name, reader)
		}
		if !slices.Contains(useful, reader) && !readsSelection(net, node) {
			return nil, fmt.Errorf("node %s: its channels cannot go for it alone; of network %s those of %v can", reader, net.Name, useful)
		}
	}
	return branched(net, readers)
}

// Branches lists the nodes for which [Branch] opens channels that are not free
// otherwise, in the network's order: those that share what they read with
// others, or read the network's input, and do not lead into a sum with it.
func Branches(net *models.Network) ([]string, error) {
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	readers := map[string]int{}
	for _, node := range net.Nodes {
		for _, input := range node.Inputs {
			readers[input]++
		}
	}
	var candidates []string
	for _, node := range net.Nodes {
		if len(node.Inputs) != 1 || node.Op == models.OpChannelSelect {
			continue
		}
		first := a.units[a.of[node.Inputs[0]][0]]
		if !readsSelection(net, node) && (first.Fixed == FixedInput || readers[node.Inputs[0]] > 1) {
			candidates = append(candidates, node.Name)
		}
	}
	return a.opened(candidates)
}

// opened are those of the readers whose channels become free by a selection.
func (a *analysis) opened(readers []string) ([]string, error) {
	net, err := branched(a.net, readers)
	if err != nil {
		return nil, err
	}
	b, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(readers, func(reader string) bool {
		units := b.of[selection(reader)]
		return len(units) < 2 || b.units[units[0]].Fixed != "" || len(b.taken[units[0]]) == 0
	}), nil
}

// readsSelection says whether the node reads a channel_select.
func readsSelection(net *models.Network, node models.Node) bool {
	if len(node.Inputs) == 0 {
		return false
	}
	input, _ := net.Node(node.Inputs[0])
	return input.Op == models.OpChannelSelect
}

// selection is the name of a reader's channel_select.
func selection(reader string) string { return reader + ".select" }

// branched inserts the selections, but behind others.
func branched(net *models.Network, readers []string) (*models.Network, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	wide := net.Clone()
	wide.Nodes = nil
	for _, node := range net.Clone().Nodes {
		if slices.Contains(readers, node.Name) && !readsSelection(net, node) {
			name, input := selection(node.Name), node.Inputs[0]
			all := models.Attrs{Channels: count(shapes[input][0])}
			wide.Nodes = append(wide.Nodes, models.Node{Name: name, Op: models.OpChannelSelect, Inputs: []string{input}, Attrs: all})
			node.Inputs[0] = name
		}
		wide.Nodes = append(wide.Nodes, node)
	}
	return wide, wide.Validate()
}
