package channel

import (
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

// Absorb is [Zero] that keeps what the units of the set send, as far as it is
// constant: the biases of the layers that read them take it over. A layer
// without bias has its running mean lowered where only batch normalization
// reads it, and is given a bias otherwise. [Remove] of the same set then
// computes what Absorb's network does.
//
// Both compute what net does if the units are all constant and nothing that
// reads them has padding. A zero-padded convolution sees less of a constant at
// the border than its bias can say; fine-tuning repairs that. So it must for a
// sum of samples that loses one of them and stays.
func Absorb(net *models.Network, set Set) (*models.Network, error) {
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	gone, err := a.named(set)
	if err != nil {
		return nil, err
	}
	absorbed := net.Clone()
	values := a.constants()
	for _, node := range net.Nodes {
		if !a.makes(node) {
			continue
		}
		sent := slices.Clone(values[node.Inputs[0]])
		for i, u := range a.of[node.Inputs[0]] {
			if !gone[u] || math.IsNaN(sent[i]) {
				sent[i] = 0
			}
		}
		if err := a.absorb(absorbed, node, sent); err != nil {
			return nil, err
		}
	}
	return Zero(absorbed, set)
}

// absorb adds to the node's biases what it makes of those values.
func (a *analysis) absorb(net *models.Network, node models.Node, sent []float64) error {
	shift := a.made(node, sent)
	if !slices.ContainsFunc(shift, func(s float64) bool { return s != 0 }) {
		return nil
	}
	for _, s := range shift {
		if math.IsNaN(s) || math.Abs(s) > math.MaxFloat32 {
			return fmt.Errorf("layer %s: absorbing constants makes a bias of %g", node.Name, s)
		}
	}
	if bias := net.Param(node.Name + "." + string(models.RoleBias)); bias != nil {
		increase(bias, shift, 1)
		return nil
	}
	readers := a.readers[node.Name]
	normalized := len(readers) > 0 && !slices.ContainsFunc(readers, func(name string) bool {
		reader, _ := net.Node(name)
		return reader.Op != models.OpBatchNorm
	})
	if !normalized {
		giveBias(net, node.Name, shift)
		return nil
	}
	for _, reader := range readers {
		increase(net.Param(reader+"."+string(models.RoleMean)), shift, -1)
	}
	return nil
}

// made is what each filter makes of constants at its input, without its bias.
func (a *analysis) made(node models.Node, sent []float64) []float64 {
	weight := a.params[node.Name][0]
	shift := make([]float64, weight.Shape[0])
	row, reads := weight.Shape[1:].Size(), a.reads(node)
	for at, w := range weight.Data {
		if v := sent[reads(at)]; v != 0 && w != 0 {
			shift[at/row] += v * float64(w)
		}
	}
	return shift
}

// reads says which channel of a layer's input each of its weights reads.
func (a *analysis) reads(node models.Node) func(at int) int {
	shape := a.params[node.Name][0].Shape
	row, taps := shape[1:].Size(), shape[2:].Size()
	filters := shape[0] / node.Attrs.Defaults().Groups
	return func(at int) int { return at/row/filters*shape[1] + at%row/taps }
}

// increase adds to a vector; an element that no longer is 0 is not masked.
func increase(p *models.Param, by []float64, sign float64) {
	for i, v := range by {
		p.Data[i] = float32(float64(p.Data[i]) + sign*v)
		if p.Mask != nil && v != 0 {
			p.Mask[i] = true
		}
	}
}

// giveBias gives a layer without bias one of those values.
func giveBias(net *models.Network, layer string, values []float64) {
	for i := range net.Nodes {
		if net.Nodes[i].Name == layer {
			net.Nodes[i].Attrs.NoBias = false
		}
	}
	bias := &models.Param{
		Name: layer + "." + string(models.RoleBias), Node: layer, Role: models.RoleBias,
		Shape: models.Shape{len(values)}, Data: make([]float32, len(values)),
	}
	increase(bias, values, 1)
	at := slices.IndexFunc(net.Params, func(p *models.Param) bool { return p.Node == layer })
	net.Params = slices.Insert(net.Params, at+1, bias)
}
