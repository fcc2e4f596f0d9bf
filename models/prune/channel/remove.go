package channel

import (
	"slices"

	"espalier/models"
)

// Remove returns the smaller network that is left without the units of the set:
// every parameter and mask without its slices, every node with its new sizes.
// Its outputs are those of [Zero]. net is not changed.
//
// Nodes go that are left without channels or readers, where the graph allows
// it: all units of a layer that only concatenations read. A channel_select that
// comes to hand on all that it reads, in order, goes too. The error of anything
// else that would vanish, and of a fixed unit, names the group and says what is
// allowed.
func Remove(net *models.Network, set Set) (*models.Network, error) {
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	c, err := a.cut(set)
	if err != nil {
		return nil, err
	}
	small := c.build()
	return small, small.Validate()
}

// build makes the network that is left.
func (c *cut) build() *models.Network {
	small := &models.Network{Name: c.net.Name, Input: slices.Clone(c.net.Input)}
	instead := map[string]string{} // what to read for a node that hands on one input
	for _, node := range c.net.Nodes {
		if !c.alive[node.Name] {
			continue
		}
		fitted := c.resized(node)
		for i, input := range fitted.Inputs {
			if other, ok := instead[input]; ok {
				fitted.Inputs[i] = other
			}
		}
		if c.handsOn(node, fitted) {
			instead[node.Name] = fitted.Inputs[0]
			continue
		}
		small.Nodes = append(small.Nodes, fitted)
		for _, p := range c.params[node.Name] {
			rows, columns := c.sides(node, p)
			small.Params = append(small.Params, pick(p, rows, columns))
		}
	}
	return small
}

// resized is the node with what is left of its inputs, and attributes that fit
// the channels that stay.
func (c *cut) resized(node models.Node) models.Node {
	out := len(c.kept[node.Name])
	switch {
	case node.Op == models.OpChannelSelect:
		var channels []int
		for _, at := range c.kept[node.Name] {
			from := node.Attrs.Channels[at]
			if stays := from >= 0; stays {
				if from, stays = slices.BinarySearch(c.kept[node.Inputs[0]], from); !stays {
					from = -1 // it meets samples that stay
				}
			}
			channels = append(channels, from)
		}
		node.Attrs.Channels = channels
	case c.makes(node):
		node.Attrs.Out = out
	case node.Op == models.OpConv2D: // depthwise
		node.Attrs.Out, node.Attrs.Groups = out, len(c.kept[node.Inputs[0]])
	}
	node.Inputs = slices.Clone(c.inputs[node.Name])
	return node
}

// handsOn says whether a node has become superfluous, because it puts out its
// first input as it is.
func (c *cut) handsOn(node, fitted models.Node) bool {
	switch {
	case node.Name == c.net.Output():
		return false
	case node.Op == models.OpConcat:
		return len(fitted.Inputs) == 1
	case node.Op != models.OpChannelSelect:
		return false
	}
	return slices.Equal(fitted.Attrs.Channels, count(len(c.kept[node.Inputs[0]])))
}

// count is 0 to n-1.
func count(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// pick is p with those rows, and those columns of each; nil is all of them.
func pick(p *models.Param, rows, columns []int) *models.Param {
	q := *p
	q.Shape = slices.Clone(p.Shape)
	q.Shape[0] = len(rows)
	width := p.Shape[1:].Size() // of a row
	if len(p.Shape) > 1 && columns != nil {
		q.Shape[1] = len(columns)
	}
	q.Data, q.Mask = make([]float32, 0, q.Shape.Size()), nil
	for _, row := range rows {
		q.Data = gather(q.Data, p.Data[row*width:(row+1)*width], p.Shape, columns)
		if p.Mask != nil {
			q.Mask = gather(q.Mask, p.Mask[row*width:(row+1)*width], p.Shape, columns)
		}
	}
	if !slices.Contains(q.Mask, false) {
		q.Mask = nil
	}
	return &q
}

// gather appends those columns of a row.
func gather[T any](to, row []T, shape models.Shape, columns []int) []T {
	if columns == nil {
		return append(to, row...)
	}
	n := shape[2:].Size()
	for _, c := range columns {
		to = append(to, row[c*n:(c+1)*n]...)
	}
	return to
}
