package gorgonia

import (
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"
)

// compiler turns a graph into a program: it gives every node a buffer and a
// place in the order.
type compiler struct {
	batch   int
	buffers map[*G.Node]*buffer
	stage   map[*G.Node]int // in which a node is computed; operands given from outside have none
	readers map[*G.Node]int
	program *program
}

// compile plans the computation of the outputs from given buffers, one for
// every input node of the graph, and adds the buffers of all others to them.
// Nodes that no output needs are left out: the gradient of the network's
// input, for one. The program computes once its buffers are placed in memory.
func compile(g *G.ExprGraph, batch int, given map[*G.Node]*buffer, outputs ...*G.Node) (*program, error) {
	sorted, err := G.Sort(g) // consumers first
	if err != nil {
		return nil, err
	}
	c := &compiler{batch: batch, buffers: given, stage: make(map[*G.Node]int), readers: make(map[*G.Node]int), program: &program{}}
	needed := make(map[*G.Node]bool)
	for _, n := range outputs {
		needed[n] = true
		c.readers[n]++ // whoever asked for it
	}
	for _, n := range sorted {
		if needed[n] {
			for _, in := range operands(n) {
				needed[in] = true
				c.readers[in]++
			}
		}
	}
	for i := len(sorted) - 1; i >= 0; i-- {
		if n := sorted[i]; needed[n] {
			if err := c.node(n); err != nil {
				return nil, fmt.Errorf("compile %v: %w", n, err)
			}
		}
	}
	return c.program, nil
}

// operands are the node's inputs in the operation's order.
func operands(n *G.Node) []*G.Node {
	children := n.Graph().From(n.ID())
	var nodes []*G.Node
	for children.Next() {
		nodes = append(nodes, children.Node().(*G.Node))
	}
	return nodes
}

func (c *compiler) node(n *G.Node) error {
	if c.buffers[n] != nil {
		return nil
	}
	in := operands(n)
	op := n.Op()
	if v := n.Value(); v != nil && len(in) == 0 {
		b, err := bufferOf(v)
		c.buffers[n] = b
		return err
	}
	buffers := make([]*buffer, len(in))
	for i, o := range in {
		buffers[i] = c.buffers[o]
	}
	switch op := op.(type) {
	case *flatten:
		c.share(n, in[0])
		return nil
	case fused:
		out := c.result(n, false)
		t := op.task(buffers, out)
		out.batch = t.axis == overSamples
		c.place(n, in, op.inPlace(), t)
		return nil
	default:
		if !isSum(op) {
			return fmt.Errorf("operation %T is not one that the executor knows", op)
		}
		out := c.result(n, buffers[0].batch)
		c.place(n, in, 0, sumTask(buffers, out))
		return nil
	}
}

// isSum recognises Gorgonia's element-wise addition, whose type it does not
// export.
func isSum(op G.Op) bool {
	_, binary := op.(G.BinaryOp)
	return binary && strings.HasPrefix(op.String(), "+ ")
}

// result makes the node's buffer.
func (c *compiler) result(n *G.Node, batch bool) *buffer {
	out := &buffer{batch: batch, width: n.Shape().TotalSize(), size: n.Shape().TotalSize()}
	if batch {
		out.width /= c.batch
	}
	c.buffers[n] = out
	return out
}

// share gives n the operand's memory. Both count the readers of both, so that
// nobody computes in place in what the other still needs.
func (c *compiler) share(n, operand *G.Node) {
	c.buffers[n] = c.buffers[operand]
	if s, computed := c.stage[operand]; computed {
		c.stage[n] = s
	}
	c.readers[operand] += c.readers[n]
	c.readers[n] = c.readers[operand]
}

// place puts the node's task into the earliest stage at which its operands are
// complete. A stage's tasks run one after the other on each part of the batch,
// so a task over samples may follow its operand in the same stage.
func (c *compiler) place(n *G.Node, in []*G.Node, inPlace int, t task) {
	stage := 0
	for _, o := range in {
		s, computed := c.stage[o]
		if computed && (t.axis != overSamples || !c.buffers[o].batch) {
			s++ // waits for all parts of the operand
		}
		stage = max(stage, s)
	}
	c.stage[n] = stage
	out := c.buffers[n]
	if inPlace >= 0 && c.readers[in[inPlace]] == 1 {
		if _, computed := c.stage[in[inPlace]]; computed {
			out.over = c.buffers[in[inPlace]]
		}
	}
	c.program.add(stage, t, out)
}
