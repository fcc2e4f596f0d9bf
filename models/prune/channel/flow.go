package channel

import (
	"slices"

	"espalier/models"
)

// flow follows channels through the graph. Each gets a number where it begins;
// union-find says which numbers have turned out to be one unit.
type flow struct {
	net    *models.Network
	shapes map[string]models.Shape
	parent []int
	// of has the numbers of the channels of each node's output.
	of      map[string][]int
	samples []sample
}

// sample is a channel that a channel_select takes from another.
type sample struct{ channel, from int }

func newFlow(net *models.Network, shapes map[string]models.Shape) *flow {
	f := &flow{net: net, shapes: shapes, of: make(map[string][]int, len(net.Nodes))}
	for _, node := range net.Nodes {
		f.of[node.Name] = f.through(node)
	}
	f.anchor()
	for _, channels := range f.of {
		for i, c := range channels {
			channels[i] = f.find(c)
		}
	}
	for i, s := range f.samples {
		f.samples[i] = sample{f.find(s.channel), f.find(s.from)}
	}
	return f
}

// fresh are n channels that begin here.
func (f *flow) fresh(n int) []int {
	channels := make([]int, n)
	for i := range channels {
		channels[i] = len(f.parent)
		f.parent = append(f.parent, len(f.parent))
	}
	return channels
}

func (f *flow) find(c int) int {
	for f.parent[c] != c {
		f.parent[c] = f.parent[f.parent[c]]
		c = f.parent[c]
	}
	return c
}

// unite makes one unit of two; the older number stays.
func (f *flow) unite(a, b int) {
	a, b = f.find(a), f.find(b)
	f.parent[max(a, b)] = min(a, b)
}

// through are the channels that the node puts out. Each node has a slice of its
// own.
func (f *flow) through(node models.Node) []int {
	if node.Op == models.OpInput {
		return f.fresh(f.shapes[node.Name][0])
	}
	in := f.of[node.Inputs[0]]
	switch node.Op {
	case models.OpLinear:
		return f.fresh(node.Attrs.Out)
	case models.OpConv2D:
		return f.conv(node, in)
	case models.OpConcat:
		return f.concat(node)
	case models.OpAdd, models.OpMul:
		for _, other := range node.Inputs[1:] {
			for i, c := range f.of[other] {
				f.unite(in[i], c)
			}
		}
		return slices.Clone(in)
	case models.OpChannelSelect:
		return f.selected(node, in)
	default: // flattening makes more of each, all else as many
		times := f.shapes[node.Name][0] / len(in)
		var out []int
		for _, c := range in {
			for range times {
				out = append(out, c)
			}
		}
		return out
	}
}

func (f *flow) conv(node models.Node, in []int) []int {
	groups, out := node.Attrs.Defaults().Groups, []int(nil)
	if isDepthwise(node, len(in)) {
		for _, c := range in {
			for range node.Attrs.Out / len(in) {
				out = append(out, c)
			}
		}
		return out
	}
	out = f.fresh(node.Attrs.Out)
	f.tie(in, groups)
	f.tie(out, groups)
	return out
}

// tie unites the channels that have the same place in their group.
func (f *flow) tie(channels []int, groups int) {
	n := len(channels) / groups
	for i, c := range channels {
		f.unite(channels[i%n], c)
	}
}

func (f *flow) concat(node models.Node) []int {
	var out []int
	for _, input := range node.Inputs {
		out = append(out, f.of[input]...)
	}
	return out
}

func (f *flow) selected(node models.Node, in []int) []int {
	var out []int
	for _, c := range node.Attrs.Channels {
		if c < 0 {
			out = append(out, f.fresh(1)...)
			continue
		}
		s := f.fresh(1)[0]
		f.samples = append(f.samples, sample{s, in[c]})
		out = append(out, s)
	}
	return out
}

// anchor unites a sample with what it is taken from where it meets channels of
// other layers, or such as are fixed. Elsewhere it may go while the other stays.
func (f *flow) anchor() {
	anchored := make([]bool, len(f.parent))
	for i, node := range f.net.Nodes {
		first := node.Op == models.OpInput
		if first || i == len(f.net.Nodes)-1 || node.Op == models.OpLRN || hasFilters(node, f.shapes[node.Inputs[0]][0]) {
			for _, c := range f.of[node.Name] {
				anchored[f.find(c)] = true
			}
		}
	}
	for again := true; again; {
		again = false
		for _, s := range f.samples {
			if c, from := f.find(s.channel), f.find(s.from); anchored[c] && c != from {
				f.unite(c, from)
				anchored[f.find(c)] = true
				again = true
			}
		}
	}
}

// isDepthwise says whether a convolution of so many channels computes each on
// its own. One channel in one group is an ordinary convolution.
func isDepthwise(node models.Node, channels int) bool {
	return node.Op == models.OpConv2D && channels > 1 && node.Attrs.Groups == channels
}

// hasFilters says whether the node makes channels of others.
func hasFilters(node models.Node, channels int) bool {
	return node.Op == models.OpLinear || node.Op == models.OpConv2D && !isDepthwise(node, channels)
}
