package export

import (
	"math"
	"slices"

	"espalier/models"
	"espalier/models/compress"
)

// Folded is the network as inference needs it: every batch normalization that
// alone reads a convolution or a linear layer goes into that layer's weights and
// bias, and dropout is left out. It computes the same up to rounding, which is
// done once, from float64; weights that are multiples of a scale, as rounding to
// int8 makes them, stay such. Other batch normalizations stay, those that normalize
// before a layer for instance. What a mask prunes stays pruned.
func Folded(net *models.Network) (*models.Network, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	small := net.Clone()
	for _, n := range net.Nodes {
		layer, ok := foldsInto(small, n.Name)
		switch {
		case n.Op == models.OpDropout && n.Name != small.Output():
			bypass(small, n.Name)
		case ok:
			fold(small, layer, n)
		}
	}
	layout, err := small.Layout()
	if err != nil {
		return nil, err
	}
	for _, p := range layout {
		old := small.Param(p.Name)
		p.Data, p.Mask = old.Data, old.Mask
	}
	small.Params = layout
	return small, small.Validate()
}

// foldsInto is the layer that a node can go into, if it is a batch normalization
// that has one. The last node stays last.
func foldsInto(net *models.Network, name string) (models.Node, bool) {
	norm, _ := net.Node(name)
	if norm.Op != models.OpBatchNorm {
		return models.Node{}, false
	}
	layer, _ := net.Node(norm.Inputs[0])
	readers := 0
	for _, n := range net.Nodes {
		for _, in := range n.Inputs {
			if in == layer.Name {
				readers++
			}
		}
	}
	stays := name != net.Output() || net.Nodes[len(net.Nodes)-2].Name == layer.Name
	return layer, stays && readers == 1 && (layer.Op == models.OpConv2D || layer.Op == models.OpLinear)
}

// bypass has the readers of a node of one input read that, and removes the node.
func bypass(net *models.Network, name string) {
	node, _ := net.Node(name)
	for _, n := range net.Nodes {
		for k, in := range n.Inputs {
			if in == name {
				n.Inputs[k] = node.Inputs[0]
			}
		}
	}
	net.Nodes = slices.DeleteFunc(net.Nodes, func(n models.Node) bool { return n.Name == name })
}

// fold multiplies the layer's outputs by gamma/sqrt(variance+eps) and adds
// beta - mean*gamma/sqrt(variance+eps) (Ioffe and Szegedy 2015, algorithm 2).
// The layer keeps its name.
func fold(net *models.Network, layer, norm models.Node) {
	weight := net.Param(layer.Name + "." + string(models.RoleWeight))
	bias := net.Param(layer.Name + "." + string(models.RoleBias))
	if bias == nil {
		bias = &models.Param{Name: layer.Name + "." + string(models.RoleBias), Node: layer.Name, Role: models.RoleBias, Data: make([]float32, layer.Attrs.Out)}
		net.Params = append(net.Params, bias)
	}
	of := func(role models.Role, c int, def float64) float64 {
		if p := net.Param(norm.Name + "." + string(role)); p != nil {
			return float64(p.Data[c])
		}
		return def
	}
	each, eps := len(weight.Data)/layer.Attrs.Out, norm.Attrs.Defaults().Eps
	for c := range layer.Attrs.Out {
		scale := of(models.RoleGamma, c, 1) / math.Sqrt(of(models.RoleVariance, c, 1)+eps)
		scaleRow(weight.Data[c*each:(c+1)*each], scale)
		bias.Data[c] = float32((float64(bias.Data[c])-of(models.RoleMean, c, 0))*scale + of(models.RoleBeta, c, 0))
	}
	weight.ApplyMask() // a scale below 0 makes -0 of a pruned weight
	bias.Mask = nil
	for i := range net.Nodes {
		if net.Nodes[i].Name == layer.Name {
			net.Nodes[i].Attrs.NoBias = false
		}
	}
	bypass(net, norm.Name)
}

// scaleRow multiplies the weights of one output. Those that are multiples of a
// scale, as rounding to int8 makes them, stay multiples: of the new scale.
func scaleRow(weights []float32, by float64) {
	ints := make([]int8, len(weights))
	if scale, ok := compress.Multiples(ints, weights); ok {
		scale = float32(float64(scale) * by)
		for i, q := range ints {
			if q != 0 {
				weights[i] = float32(q) * scale
			}
		}
		return
	}
	for i, w := range weights {
		weights[i] = float32(float64(w) * by)
	}
}
