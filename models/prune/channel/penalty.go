package channel

import (
	"slices"

	"espalier/models"
)

// Penalties are the weights of ISTA's penalty, one for each scale of batch
// normalization by the name of its parameter: what one channel costs in memory
// (Ye et al. 2018, section 4),
//
//	lambda = (own + read + pixels) / input
//
// with the weights of the filter that makes the channel (own: k_w*k_h*c_in),
// those of all layers that read it (read: the sum of k_w*k_h*c_out), the pixels
// of its map and the pixels of the network's input. All are as net is now. Read
// are channels through whatever hands them on: activations, pools, sums,
// selections, and depthwise convolutions, whose filters count too; of a linear
// layer behind a map each pixel is read. What batch normalization makes of
// anything but a layer's own output, as in pre-activation networks, has no
// filter that goes with it: own is 0. Of channels that differ it is the mean.
//
// A flat input, and the map of a flat layer, is one pixel. Channels that are
// fixed do not count; where all of them are, as before the output, lambda is 0.
func Penalties(net *models.Network) (map[string]float64, error) {
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	input, penalties := float64(pixels(net.Input)), map[string]float64{}
	for i, node := range net.Nodes {
		if node.Op != models.OpBatchNorm || node.Attrs.NoScale {
			continue
		}
		free, read := 0, 0
		behind := a.behind(i)
		for c, u := range a.of[node.Name] {
			if a.units[u].Fixed == "" {
				free++
				read += behind[c]
			}
		}
		lambda := 0.0
		if free > 0 {
			each := float64(a.own(node)+pixels(a.shapes[node.Name])) + float64(read)/float64(free)
			lambda = each / input
		}
		penalties[a.params[node.Name][0].Name] = lambda
	}
	return penalties, nil
}

// pixels of each channel.
func pixels(s models.Shape) int { return s[1:].Size() }

// own is the size of a filter of the layer whose output the node alone reads,
// or 0.
func (a *analysis) own(node models.Node) int {
	for len(node.Inputs) == 1 && len(a.readers[node.Inputs[0]]) == 1 {
		node, _ = a.net.Node(node.Inputs[0])
		switch node.Op {
		case models.OpLinear, models.OpConv2D:
			return a.params[node.Name][0].Shape[1:].Size()
		case models.OpInput, models.OpFlatten, models.OpChannelSelect:
			return 0
		}
	}
	return 0
}

// behind counts, for each channel of node number from, the weights that read it.
func (a *analysis) behind(from int) []int {
	start := a.net.Nodes[from].Name
	weights := make([]int, len(a.of[start]))
	// carried has, for each node's channels, those of the start that are in them.
	carried := map[string][][]int{start: make([][]int, len(weights))}
	for c := range weights {
		carried[start][c] = []int{c}
	}
	for _, node := range a.net.Nodes[from+1:] {
		if node.Op == models.OpLinear || node.Op == models.OpConv2D {
			each := a.params[node.Name][0].Shape
			n := each[0] / node.Attrs.Defaults().Groups * each[2:].Size()
			for _, channels := range carried[node.Inputs[0]] {
				for _, c := range channels {
					weights[c] += n
				}
			}
		}
		if slices.ContainsFunc(node.Inputs, func(name string) bool { return carried[name] != nil }) && !a.makes(node) {
			carried[node.Name] = a.carry(node, carried)
		}
	}
	return weights
}

// carry hands what the node's inputs carry on to its own channels.
func (a *analysis) carry(node models.Node, carried map[string][][]int) [][]int {
	out := make([][]int, len(a.of[node.Name]))
	for i := range out {
		for _, p := range a.sources(node, i) {
			from := carried[p.node]
			switch {
			case from == nil:
			case out[i] == nil:
				out[i] = from[p.channel]
			default:
				out[i] = slices.Concat(out[i], from[p.channel])
				slices.Sort(out[i])
				out[i] = slices.Compact(out[i])
			}
		}
	}
	return out
}

// port is one channel of a node's output.
type port struct {
	node    string
	channel int
}

// sources are the channels that channel i of the node is made of, one by one:
// none where filters mix all of them.
func (a *analysis) sources(node models.Node, i int) []port {
	switch node.Op {
	case models.OpAdd, models.OpMul:
		var all []port
		for _, input := range node.Inputs {
			all = append(all, port{input, i})
		}
		return all
	case models.OpConcat:
		for _, input := range node.Inputs {
			n := len(a.of[input])
			if i < n {
				return []port{{input, i}}
			}
			i -= n
		}
		return nil
	case models.OpChannelSelect:
		if from := node.Attrs.Channels[i]; from >= 0 {
			return []port{{node.Inputs[0], from}}
		}
		return nil
	case models.OpInput:
		return nil
	}
	if a.makes(node) {
		return nil
	}
	// Flattening and depthwise convolutions make more of each.
	input := node.Inputs[0]
	return []port{{input, i * len(a.of[input]) / len(a.of[node.Name])}}
}
