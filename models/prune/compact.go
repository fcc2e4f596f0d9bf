package prune

import (
	"slices"

	"espalier/models"
)

// Compact returns a copy of net without the hidden neurons that cannot make a
// difference: those whose every outgoing weight is 0, and those that send 0
// whatever comes in. Layers become narrower, outputs stay the same but for
// rounding. A layer keeps at least one neuron. It is for networks that are
// done: plans and optimizer states of the wide network do not fit the result.
//
// Neurons are those of linear layers that only linear layers read, with ReLU
// and dropout between them. Convolutions, and linear layers next to them or to
// any other operation, keep their width.
func Compact(net *models.Network) (*models.Network, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	small := net.Clone()
	for again := true; again; { // a neuron gone may leave one before it useless
		again = false
		for _, h := range hiddenLayers(small) {
			useful := h.useful()
			if len(useful) < h.neurons() {
				h.narrow(small, useful)
				again = true
			}
		}
	}
	return small, small.Validate()
}

// useful are the neurons that may make a difference, or the first one.
func (h hidden) useful() []int {
	var useful []int
	for neuron := range h.neurons() {
		if h.sends(neuron) && h.isHeard(neuron) {
			useful = append(useful, neuron)
		}
	}
	if len(useful) == 0 {
		return []int{0}
	}
	return useful
}

// sends says whether the neuron ever puts out anything but 0.
func (h hidden) sends(neuron int) bool {
	inputs := h.weight.Shape[1]
	for _, w := range h.weight.Data[neuron*inputs : (neuron+1)*inputs] {
		if w != 0 {
			return true
		}
	}
	for _, w := range h.wires {
		if w.at(h.biasAt(neuron)) != 0 {
			return true
		}
	}
	return false
}

// isHeard says whether any weight behind reads the neuron.
func (h hidden) isHeard(neuron int) bool {
	for _, w := range h.wires {
		for row := range w.to.Shape[0] {
			if w.to.Data[row*w.to.Shape[1]+neuron] != 0 {
				return true
			}
		}
	}
	return false
}

// narrow keeps only those neurons.
func (h hidden) narrow(net *models.Network, neurons []int) {
	for i := range net.Nodes {
		if net.Nodes[i].Name == h.weight.Node {
			net.Nodes[i].Attrs.Out = len(neurons)
		}
	}
	pick(h.weight, neurons, indices(h.weight.Shape[1]))
	if h.bias != nil {
		pick(h.bias, neurons, []int{0})
	}
	for _, w := range h.wires {
		pick(w.to, indices(w.to.Shape[0]), neurons)
	}
}

// pick makes p the matrix of those rows and columns; a vector is one column.
func pick(p *models.Param, rows, columns []int) {
	width := p.Shape.Size() / p.Shape[0]
	var data []float32
	var mask []bool
	for _, row := range rows {
		for _, column := range columns {
			data = append(data, p.Data[row*width+column])
			if p.Mask != nil {
				mask = append(mask, p.Mask[row*width+column])
			}
		}
	}
	if !slices.Contains(mask, false) {
		mask = nil
	}
	p.Data, p.Mask, p.Shape[0] = data, mask, len(rows)
	if len(p.Shape) > 1 {
		p.Shape[1] = len(columns)
	}
}

// indices are 0 to n-1.
func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
