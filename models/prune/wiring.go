package prune

import "espalier/models"

// source is where the features that a node puts out come from: the nearest
// linear layer before it, feature by feature, and whether a ReLU lies between.
type source struct {
	layer string // "" if they come from the network's input
	relu  bool
}

// sources finds the source of every node's output.
func sources(net *models.Network) map[string]source {
	found := make(map[string]source, len(net.Nodes))
	for _, node := range net.Nodes {
		switch node.Op {
		case models.OpInput:
			found[node.Name] = source{}
		case models.OpLinear:
			found[node.Name] = source{layer: node.Name}
		case models.OpReLU:
			found[node.Name] = source{layer: found[node.Inputs[0]].layer, relu: true}
		default: // flatten of a flat tensor and dropout pass features through
			found[node.Name] = found[node.Inputs[0]]
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

// hidden is a layer whose neurons nobody outside the network sees.
type hidden struct {
	weight *models.Param // out x in
	bias   *models.Param
	wires  []wire // at least one
}

// neurons is the layer's width.
func (h hidden) neurons() int { return h.weight.Shape[0] }

// hiddenLayers are the linear layers that feed other linear layers and nothing
// else that counts: a layer that reaches the network's output is not hidden,
// nor is one that feeds nothing.
func hiddenLayers(net *models.Network) []hidden {
	source := sources(net)
	weight := map[string]*models.Param{}
	for _, p := range prunable(net) {
		weight[p.Node] = p
	}
	wires := map[string][]wire{}
	for _, node := range net.Nodes {
		if node.Op != models.OpLinear {
			continue
		}
		if from := source[node.Inputs[0]]; from.layer != "" {
			wires[from.layer] = append(wires[from.layer], wire{weight[from.layer], weight[node.Name], from.relu})
		}
	}
	visible := source[net.Output()].layer
	var layers []hidden
	for _, p := range prunable(net) {
		if p.Node != visible && len(wires[p.Node]) > 0 {
			layers = append(layers, hidden{p, biasOf(net, p.Node), wires[p.Node]})
		}
	}
	return layers
}
