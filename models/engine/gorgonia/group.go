package gorgonia

import "espalier/models"

// group is a node of the network with those after it that become one operation
// with it: nothing else reads what is between them.
type group struct {
	core     models.Node
	norm     *models.Node // a batch normalization to fold into core
	residual string       // what an addition adds to it
	relu     bool
	last     string // the node whose value the operation computes
}

// grouper divides a network into groups.
type grouper struct {
	net       *models.Network
	fold      bool
	consumers map[string][]int // by the live nodes' numbers
	taken     map[string]bool  // by a group that began earlier
}

// groups are those of the nodes that the output depends on, each at the place
// of its last node: there everything that it reads has been computed.
func groups(net *models.Network, fold bool) []group {
	g := &grouper{net: net, fold: fold, consumers: make(map[string][]int), taken: make(map[string]bool)}
	live := reaching(net)
	for i, node := range net.Nodes {
		if live[node.Name] {
			for _, in := range node.Inputs {
				g.consumers[in] = append(g.consumers[in], i)
			}
		}
	}
	at := make(map[string]group)
	for _, node := range net.Nodes {
		if live[node.Name] && !g.taken[node.Name] {
			grown := g.grow(node)
			at[grown.last] = grown
		}
	}
	var ordered []group
	for _, node := range net.Nodes {
		if grown, ok := at[node.Name]; ok {
			ordered = append(ordered, grown)
		}
	}
	return ordered
}

// reaching are the nodes that the output depends on, and the input.
func reaching(net *models.Network) map[string]bool {
	live := map[string]bool{net.Output(): true, net.Nodes[0].Name: true}
	for i := len(net.Nodes) - 1; i >= 0; i-- {
		if node := net.Nodes[i]; live[node.Name] {
			for _, in := range node.Inputs {
				live[in] = true
			}
		}
	}
	return live
}

// grow finds what follows the node and can be done in one operation with it.
func (g *grouper) grow(node models.Node) group {
	grown := group{core: node, last: node.Name}
	switch node.Op {
	case models.OpConv2D, models.OpLinear, models.OpBatchNorm, models.OpAdd:
	default:
		return grown
	}
	if node.Op == models.OpConv2D || node.Op == models.OpLinear {
		if next := g.only(grown.last, models.OpBatchNorm); next != nil && g.fold {
			grown.norm = next
			g.take(&grown, next)
		}
	}
	if node.Op == models.OpConv2D || node.Op == models.OpBatchNorm {
		if next := g.only(grown.last, models.OpAdd); next != nil && len(next.Inputs) == 2 {
			grown.residual = next.Inputs[0]
			if grown.residual == grown.last {
				grown.residual = next.Inputs[1]
			}
			g.take(&grown, next)
		}
	}
	if next := g.only(grown.last, models.OpReLU); next != nil {
		grown.relu = true
		g.take(&grown, next)
	}
	return grown
}

func (g *grouper) take(grown *group, next *models.Node) {
	g.taken[next.Name] = true
	grown.last = next.Name
}

// only is the node that alone reads the value, once, if it is of that
// operation and in no group.
func (g *grouper) only(name string, op models.Op) *models.Node {
	readers := g.consumers[name]
	if len(readers) != 1 {
		return nil
	}
	next := &g.net.Nodes[readers[0]]
	if next.Op != op || g.taken[next.Name] {
		return nil
	}
	return next
}
