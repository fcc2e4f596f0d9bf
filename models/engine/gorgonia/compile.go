package gorgonia

import (
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"
)

// source is a graph to compile and what is around it.
type source struct {
	graph   *G.ExprGraph
	batch   int
	threads int
	given   map[*G.Node]*buffer   // of every input node
	results []*G.Node             // what is asked for
	into    map[*G.Node][]float32 // where results go; others stay in the program's memory
	prelude bool                  // parameters are packed by a prelude, not in every run
	grain   int                   // samples are divided among the parts in multiples of it
	least   int                   // samples that are worth a part
}

// compiler turns a graph into a program: it finds for every node the stage in
// which it is computed. Nodes that no result needs are left out: the gradient
// of the network's input, for one.
type compiler struct {
	source
	values  map[*G.Node]*value
	readers map[*G.Node][]*G.Node
	late    map[*G.Node]bool // computed anew in each stage that reads it
	copies  map[lateCopy]*value
	stages  [][]*step
	prepare []*step

	workspace int // the largest that an operation asks for
	adders    map[*G.Node]*adder
}

type lateCopy struct {
	node  *G.Node
	stage int
}

// compile plans the computation of the results. The program computes once it
// is placed in memory.
func compile(s source) (*program, error) {
	c, err := schedule(s)
	if err != nil {
		return nil, err
	}
	return c.program(), nil
}

// schedule finds the stage of every node.
func schedule(s source) (*compiler, error) {
	sorted, err := G.Sort(s.graph) // consumers first
	if err != nil {
		return nil, err
	}
	if !s.prelude {
		s.threads = max(1, min(s.threads, s.batch/max(1, s.least))) // no more parts than that ever run
	}
	c := &compiler{
		source: s, values: make(map[*G.Node]*value), readers: make(map[*G.Node][]*G.Node),
		late: make(map[*G.Node]bool), copies: make(map[lateCopy]*value),
		adders: make(map[*G.Node]*adder),
	}
	for n, b := range s.given {
		c.values[n] = c.givenValue(b)
	}
	needed := c.needed(sorted)
	for i := len(needed) - 1; i >= 0; i-- {
		if err := c.node(needed[i]); err != nil {
			return nil, fmt.Errorf("compile %v: %w", needed[i], err)
		}
	}
	return c, nil
}

func (c *compiler) givenValue(b *buffer) *value {
	v := &value{kind: shared, width: b.width, stage: given, outside: true, root: b}
	if b.batch {
		v.kind = perSample
	}
	return v
}

// needed are the nodes that the results depend on, consumers first.
func (c *compiler) needed(sorted G.Nodes) []*G.Node {
	mark := make(map[*G.Node]bool)
	for _, n := range c.results {
		mark[origin(n)] = true
	}
	var needed []*G.Node
	for _, n := range sorted {
		if !mark[n] {
			continue
		}
		needed = append(needed, n)
		for _, in := range operands(n) {
			mark[in] = true
			c.readers[in] = append(c.readers[in], n)
		}
	}
	for _, n := range needed {
		c.late[n] = c.values[n] == nil && c.mayBeLate(n)
	}
	return needed
}

// origin looks through operations that give a batch another shape and change
// nothing.
func origin(n *G.Node) *G.Node {
	for {
		if _, same := n.Op().(*flatten); !same {
			return n
		}
		n = children(n)[0]
	}
}

// operands are the node's inputs in the operation's order.
func operands(n *G.Node) []*G.Node {
	nodes := children(n)
	for i := range nodes {
		nodes[i] = origin(nodes[i])
	}
	return nodes
}

func children(n *G.Node) []*G.Node {
	from := n.Graph().From(n.ID())
	var nodes []*G.Node
	for from.Next() {
		nodes = append(nodes, from.Node().(*G.Node))
	}
	return nodes
}

func (c *compiler) node(n *G.Node) error {
	if c.values[n] != nil {
		return nil
	}
	in, op := operands(n), n.Op()
	if v := n.Value(); v != nil && len(in) == 0 {
		b, err := bufferOf(v)
		c.values[n] = c.givenValue(b)
		return err
	}
	if c.late[n] {
		c.values[n] = &value{kind: perSample, stage: c.stageOf(in, chunks)}
		return nil
	}
	switch op := op.(type) {
	case reduction:
		c.values[n] = c.reduce(n, op, in)
	case packing:
		c.values[n] = c.pack(n, op, in)
	case fused:
		c.values[n] = c.mapped(n, op, in, c.stageOf(in, whenOf(op)))
	default:
		if !isSum(op) {
			return fmt.Errorf("operation %T is not one that the executor knows", op)
		}
		c.values[n] = c.sum(n, in)
	}
	return nil
}

// isSum recognises Gorgonia's element-wise addition, whose type it does not
// export.
func isSum(op G.Op) bool {
	_, binary := op.(G.BinaryOp)
	return binary && strings.HasPrefix(op.String(), "+ ")
}

// whenOf finds out how an operation's task may be divided.
func whenOf(op fused) when {
	if op.task(blank(op), &buffer{}).axis == overSamples {
		return chunks
	}
	return shares
}

// blank are operands to ask an operation about its task with.
func blank(op G.Op) []*buffer {
	in := make([]*buffer, op.Arity())
	for i := range in {
		in[i] = &buffer{}
	}
	return in
}

// stageOf is the earliest stage at which a step can read the operands.
func (c *compiler) stageOf(in []*G.Node, t when) int {
	stage := 0
	for _, o := range in {
		stage = max(stage, c.values[o].ready(t))
	}
	return stage
}
