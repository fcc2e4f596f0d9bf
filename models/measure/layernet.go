package measure

import (
	"espalier/models"
)

// layerNet is a layer of a network as a network of its own.
type layerNet struct {
	LayerLatency
	net  *models.Network
	form string
}

// layerNets are those of the network's convolutions and linear layers.
func layerNets(net *models.Network) ([]layerNet, error) {
	costs, err := Layers(net)
	if err != nil {
		return nil, err
	}
	readers, shapes := make(map[string][]models.Node), make(map[string]models.Shape)
	for i, node := range net.Nodes {
		shapes[node.Name] = costs[i].Out
		for _, input := range node.Inputs {
			readers[input] = append(readers[input], node)
		}
	}
	var layers []layerNet
	raw := make(map[string]bool) // the network's input, and that flattened
	for i, node := range net.Nodes {
		if node.Op == models.OpInput || node.Op == models.OpFlatten && raw[node.Inputs[0]] {
			raw[node.Name] = true
		}
		if node.Op != models.OpConv2D && node.Op != models.OpLinear {
			continue
		}
		layer := layerNet{LayerLatency: LayerLatency{
			Name: node.Name, Op: node.Op, In: shapes[node.Inputs[0]], Out: costs[i].Out, Attrs: node.Attrs,
			First: raw[node.Inputs[0]], Weights: costs[i].Weights, MACs: costs[i].MACs,
		}}
		layer.net = alone(net, chain(node, readers), layer.In, layer.Out)
		if layer.form, err = formOf(layer.net); err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// chain is the node with the batch normalization and the relu directly behind
// it, each the only reader of the one before.
func chain(node models.Node, readers map[string][]models.Node) []models.Node {
	nodes := []models.Node{node}
	for _, op := range []models.Op{models.OpBatchNorm, models.OpReLU} {
		if next := readers[nodes[len(nodes)-1].Name]; len(next) == 1 && next[0].Op == op {
			nodes = append(nodes, next[0])
		}
	}
	return nodes
}

// alone makes a network of some nodes that read one another. Its names do not
// depend on theirs, so that layers of one form are equal.
func alone(net *models.Network, nodes []models.Node, in, out models.Shape) *models.Network {
	b := newChain(net.Name+" "+nodes[0].Name, in)
	for _, node := range nodes {
		name := b.add(node.Op, node.Attrs)
		for _, p := range net.Params {
			if p.Node == node.Name {
				own := *p
				own.Node, own.Name = name, name+"."+string(p.Role)
				b.net.Params = append(b.net.Params, &own)
			}
		}
	}
	b.toFlat(out)
	return b.net
}

// surroundings are the network of a layer without the layer, but for one of its
// kind that has next to nothing to do: the engine divides the work of
// convolutional networks in a way of their own.
func surroundings(layer *layerNet) (*models.Network, error) {
	b := newChain(layer.net.Name+" without it", layer.In)
	out := models.Shape{1}
	if layer.Op == models.OpConv2D {
		b.toPixel(layer.In)
		out = models.Shape{1, 1, 1}
	}
	b.add(models.OpChannelSelect, models.Attrs{Channels: []int{0}})
	b.add(layer.Op, models.Attrs{Out: 1, NoBias: true})
	b.toFlat(out)
	params, err := b.net.Layout()
	if err != nil {
		return nil, err
	}
	for _, p := range params {
		p.Data = make([]float32, p.Shape.Size())
	}
	b.net.Params = params
	return b.net, nil
}

// chainBuilder adds nodes that each read the one before.
type chainBuilder struct{ net *models.Network }

func newChain(name string, in models.Shape) *chainBuilder {
	return &chainBuilder{&models.Network{Name: name, Input: in, Nodes: []models.Node{{Name: "input", Op: models.OpInput}}}}
}

func (b *chainBuilder) add(op models.Op, attrs models.Attrs) string {
	name := string(op)
	b.net.Nodes = append(b.net.Nodes, models.Node{Name: name, Op: op, Inputs: []string{b.net.Output()}, Attrs: attrs})
	return name
}

// toPixel keeps one pixel of an image, for next to no work.
func (b *chainBuilder) toPixel(from models.Shape) {
	if from[1]*from[2] > 1 {
		b.add(models.OpMaxPool, models.Attrs{Stride: [2]int{from[1], from[2]}})
	}
}

// toFlat ends the network with a flat value, as engines ask for.
func (b *chainBuilder) toFlat(from models.Shape) {
	if len(from) == 3 {
		b.toPixel(from)
		b.add(models.OpFlatten, models.Attrs{})
	}
}
