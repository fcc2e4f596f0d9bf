package prune

import "espalier/models"

// source is where the features that a node puts out come from: the nearest
// linear layer before it, feature by feature, and whether a ReLU lies between.
type source struct {
	layer string // "" if they come from anything else
	relu  bool
}

// passes says whether the node hands on the features that it reads one by one,
// a constant 0 as 0. What is not known to do so here does not: normalization
// moves a constant, a sum or a selection mixes neurons, another activation
// need not keep 0.
func passes(op models.Op) bool {
	switch op {
	case models.OpReLU, models.OpDropout:
		return true
	case models.OpFlatten:
		return true // what comes from a linear layer is flat already
	default:
		return false
	}
}

// sources finds the source of every node's output.
func sources(net *models.Network) map[string]source {
	found := make(map[string]source, len(net.Nodes))
	for _, node := range net.Nodes {
		switch {
		case node.Op == models.OpLinear:
			found[node.Name] = source{layer: node.Name}
		case passes(node.Op):
			from := found[node.Inputs[0]]
			from.relu = from.relu || node.Op == models.OpReLU
			found[node.Name] = from
		}
	}
	return found
}

// wire leads the neurons of one linear layer to the inputs of another.
type wire struct {
	from, to *models.Param // the weight tensors
	relu     bool          // the neurons' outputs pass a ReLU
}

// at is what the wire carries for a neuron that sends a constant.
func (w wire) at(constant float64) float64 {
	if w.relu {
		return max(constant, 0)
	}
	return constant
}

// hidden is a linear layer whose neurons only other linear layers see.
type hidden struct {
	weight *models.Param // out x in
	wires  []wire        // at least one
}

// neurons is the layer's width.
func (h hidden) neurons() int { return h.weight.Shape[0] }

// hiddenLayers are the linear layers that feed other linear layers, by ReLU and
// dropout at most, and nothing else that counts: a layer that reaches the
// network's output is not hidden, nor is one that anything else reads too, nor
// one that feeds nothing. Convolutions are never hidden.
func hiddenLayers(net *models.Network) []hidden {
	source := sources(net)
	weight := map[string]*models.Param{}
	for _, p := range prunable(net) {
		weight[p.Node] = p
	}
	wires := map[string][]wire{}
	visible := map[string]bool{source[net.Output()].layer: true}
	for _, node := range net.Nodes {
		for _, input := range node.Inputs {
			from := source[input]
			switch {
			case from.layer == "" || passes(node.Op):
			case node.Op == models.OpLinear:
				wires[from.layer] = append(wires[from.layer], wire{weight[from.layer], weight[node.Name], from.relu})
			default:
				visible[from.layer] = true
			}
		}
	}
	var layers []hidden
	for _, p := range prunable(net) {
		if !visible[p.Node] && len(wires[p.Node]) > 0 {
			layers = append(layers, hidden{p, wires[p.Node]})
		}
	}
	return layers
}
