package prune

import (
	"fmt"

	"espalier/models"
)

// connections counts what is left of a layer's weights by neuron and by input.
type connections struct {
	stays     []bool
	ins, outs []int // by row, by column
}

func (c *connections) remove(row, column int) {
	i := row*len(c.outs) + column
	if c.stays[i] {
		c.stays[i] = false
		c.ins[row]--
		c.outs[column]--
	}
}

// funeral removes dead neurons from a plan. Biases are kept in float64 until
// all is added up.
type funeral struct {
	left map[string]*connections // by layer
	bias map[string][]float64
	dead map[string][]int
}

// removeDeadNeurons extends the plan by the hidden neurons that have no
// connection on one side (Han et al. 2015, section 3.5): their connections on
// the other side go too and their bias becomes 0. A neuron without inputs still
// sends act(bias), which the paper ignores; here it is added to the biases of
// the layers behind first, so that no output changes. This goes on until no
// neuron is dead. A neuron that touches an excluded layer is left, and so is
// one whose constant a layer behind has no bias for. Filters of convolutions
// are not neurons in this sense: what reads them need not pass a 0 on.
func (p *Plan) removeDeadNeurons(net *models.Network) error {
	f := newFuneral(net, p)
	layers := f.open(net, p)
	for again := true; again; {
		again = false
		for _, h := range layers {
			for neuron := range h.neurons() {
				again = f.bury(h, neuron) || again
			}
		}
	}
	for i := range p.Layers {
		if err := f.report(net, &p.Layers[i]); err != nil {
			return err
		}
	}
	return nil
}

func newFuneral(net *models.Network, p *Plan) *funeral {
	f := &funeral{left: map[string]*connections{}, bias: map[string][]float64{}, dead: map[string][]int{}}
	for i := range p.Layers {
		l := &p.Layers[i]
		rows := net.Param(l.Param).Shape[0]
		c := &connections{stays: l.stays(), ins: make([]int, rows), outs: make([]int, l.Weights/rows)}
		for at, stays := range c.stays {
			if stays {
				c.ins[at/len(c.outs)]++
				c.outs[at%len(c.outs)]++
			}
		}
		f.left[l.Name] = c
		if bias := biasOf(net, l.Name); bias != nil {
			for _, b := range bias.Data {
				f.bias[l.Name] = append(f.bias[l.Name], float64(b))
			}
		}
	}
	return f
}

// open are the hidden layers that no excluded layer touches.
func (f *funeral) open(net *models.Network, p *Plan) []hidden {
	excluded := map[string]bool{}
	for _, l := range p.Layers {
		excluded[l.Name] = l.Excluded
	}
	var layers []hidden
	for _, h := range hiddenLayers(net) {
		closed := excluded[h.weight.Node]
		for _, w := range h.wires {
			closed = closed || excluded[w.to.Node]
		}
		if !closed {
			layers = append(layers, h)
		}
	}
	return layers
}

// bury removes the neuron if it is dead, and says whether it did.
func (f *funeral) bury(h hidden, neuron int) bool {
	name := h.weight.Node
	ins, outs := f.left[name].ins[neuron], 0
	for _, w := range h.wires {
		outs += f.left[w.to.Node].outs[neuron]
	}
	constant := f.constant(name, neuron)
	if (ins > 0 && outs > 0) || (ins == 0 && outs == 0 && constant == 0) || !f.absorbed(h, neuron, constant) {
		return false
	}
	for _, w := range h.wires {
		f.cutOutputs(w, neuron, constant)
	}
	for column := range f.left[name].outs {
		f.left[name].remove(neuron, column)
	}
	if f.bias[name] != nil {
		f.bias[name][neuron] = 0
	}
	f.dead[name] = append(f.dead[name], neuron)
	return true
}

// constant is the neuron's bias, 0 if its layer has none.
func (f *funeral) constant(layer string, neuron int) float64 {
	if f.bias[layer] == nil {
		return 0
	}
	return f.bias[layer][neuron]
}

// absorbed says whether the layers behind have biases to take up what the
// neuron still sends.
func (f *funeral) absorbed(h hidden, neuron int, constant float64) bool {
	for _, w := range h.wires {
		if f.bias[w.to.Node] == nil && f.left[w.to.Node].outs[neuron] > 0 && w.at(constant) != 0 {
			return false
		}
	}
	return true
}

// cutOutputs removes what the neuron sends along the wire, and adds it, a
// constant because the neuron has no inputs if it has outputs, to the biases.
func (f *funeral) cutOutputs(w wire, neuron int, constant float64) {
	to, bias := f.left[w.to.Node], f.bias[w.to.Node]
	for row := range to.ins {
		at := row*len(to.outs) + neuron
		if !to.stays[at] {
			continue
		}
		if sent := w.at(constant); sent != 0 {
			// A product of its own rounding, the same on every processor.
			bias[row] += float64(float64(w.to.Data[at]) * sent)
		}
		to.remove(row, neuron)
	}
}

// report writes what was done to a layer into the plan.
func (f *funeral) report(net *models.Network, l *Layer) error {
	l.set(f.left[l.Name].stays)
	l.Dead = f.dead[l.Name]
	if l.After == 0 && l.Before > 0 {
		return fmt.Errorf("layer %s would be empty once dead neurons are removed: the weights that stay join the network's input and output nowhere; prune less, or without dead_neurons", l.Name)
	}
	bias := biasOf(net, l.Name)
	if bias == nil {
		return nil
	}
	for neuron, was := range bias.Data {
		value := float32(f.bias[l.Name][neuron])
		if value == was {
			continue
		}
		if !finite(value) {
			return fmt.Errorf("layer %s: the bias of neuron %d would be %g once dead neurons are removed; training has diverged", l.Name, neuron, value)
		}
		l.Bias = append(l.Bias, Bias{Neuron: neuron, Value: value})
	}
	return nil
}
