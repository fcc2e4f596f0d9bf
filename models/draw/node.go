package draw

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"espalier/models"
	"espalier/models/measure"
)

// node is a box of the picture.
type node struct {
	name, short, block string // short is name without block
	kind, detail       string // detail is the second line
	tip                string
	class              string
	inputs             []int   // places in the list of nodes
	ghost              bool    // shown again at the head of a strip
	compared           bool    // with the node of another network
	kept               float64 // share of that one's weights

	row, column int // in its strip, once laid out
}

// describe has a node for each of the network's, in its order.
func describe(net *models.Network, layers []measure.Layer) []*node {
	at, members := make(map[string]int, len(net.Nodes)), map[string]int{}
	for i, n := range net.Nodes {
		at[n.Name] = i
		members[blockOf(n.Name)]++
	}
	nodes := make([]*node, len(net.Nodes))
	for i, n := range net.Nodes {
		block := blockOf(n.Name)
		if members[block] == 1 {
			block = "" // one node makes no block
		}
		d := &node{
			name: n.Name, block: block, short: strings.TrimLeft(strings.TrimPrefix(n.Name, block), "./"),
			kind: Operation(n), detail: size(layers[i].Out), class: class(n.Op),
		}
		d.tip = fmt.Sprintf("%s: %s, output %s", n.Name, d.kind, d.detail)
		if layers[i].Params > 0 {
			count := humanize.Comma(layers[i].Params) + " parameters"
			d.detail += " · " + count
			d.tip += ", " + count
		}
		if layers[i].MACs > 0 {
			d.tip += ", " + humanize.Comma(layers[i].MACs) + " multiply-adds"
		}
		for _, input := range n.Inputs {
			d.inputs = append(d.inputs, at[input])
		}
		nodes[i] = d
	}
	return nodes
}

// blockOf is the beginning of the name that the nodes of a block share: what
// stands before the last dot or slash, up to the last part that ends in a digit
// or a bracket. Of layer2.0.shortcut.pad it is layer2.0. It is empty if there
// is none.
func blockOf(name string) string {
	for {
		cut := strings.LastIndexAny(name, "./")
		if cut < 0 {
			return ""
		}
		name = name[:cut]
		if name != "" && strings.ContainsRune("0123456789)]", rune(name[len(name)-1])) {
			return name
		}
	}
}

// Operation says in a few words what a node does: its operation, and kernel,
// stride, dilation and groups where they are not 1, as in "conv2d 3×3 /2".
func Operation(n models.Node) string {
	a := n.Attrs.Defaults()
	kind := string(n.Op)
	switch n.Op {
	case models.OpConv2D, models.OpMaxPool, models.OpAvgPool:
		kind += fmt.Sprintf(" %d×%d", a.Kernel[0], a.Kernel[1])
		if a.Stride != [2]int{1, 1} {
			kind += " /" + pair(a.Stride)
		}
		if n.Op == models.OpConv2D && a.Dilation != [2]int{1, 1} {
			kind += " dilation " + pair(a.Dilation)
		}
		if n.Op == models.OpConv2D && a.Groups > 1 {
			kind += fmt.Sprintf(" groups %d", a.Groups)
		}
	case models.OpDropout:
		kind += fmt.Sprintf(" %g", a.Rate)
	}
	return kind
}

func pair(p [2]int) string {
	if p[0] == p[1] {
		return fmt.Sprint(p[0])
	}
	return fmt.Sprintf("%d×%d", p[0], p[1])
}

func size(s models.Shape) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint([]int(s)), "[]"), " ", "×")
}

// class is the style of a box.
func class(op models.Op) string {
	switch op {
	case models.OpConv2D:
		return "conv"
	case models.OpLinear:
		return "linear"
	case models.OpBatchNorm, models.OpLRN:
		return "norm"
	case models.OpMaxPool, models.OpAvgPool, models.OpGlobalAvgPool:
		return "pool"
	case models.OpAdd, models.OpMul, models.OpConcat, models.OpChannelSelect:
		return "join"
	case models.OpInput, models.OpFlatten, models.OpDropout:
		return "other"
	default:
		return "activation"
	}
}
