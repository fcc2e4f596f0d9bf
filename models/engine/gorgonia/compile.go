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
		c.values[n] = c.map_(n, op, in, c.stageOf(in, whenOf(op)))
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

func (c *compiler) add(stage int, s *step) {
	for len(c.stages) <= stage {
		c.stages = append(c.stages, nil)
	}
	c.stages[stage] = append(c.stages[stage], s)
}

// result makes the value of a node.
func (c *compiler) result(n *G.Node, k kind, stage int) *value {
	width := n.Shape().TotalSize()
	if k == perSample {
		width /= c.batch
	}
	v := c.newValue(k, width, stage)
	for _, r := range c.results {
		v.kept = v.kept || origin(r) == n
	}
	if data := c.into[n]; data != nil {
		v.outside, v.root.data = true, data
	}
	return v
}

// read are the operands' values at a stage, computed there where they are late.
func (c *compiler) read(in []*G.Node, stage int) []*value {
	values := make([]*value, len(in))
	for i, o := range in {
		values[i] = c.values[o]
		if c.late[o] {
			values[i] = c.lateValue(o, stage)
		}
	}
	return values
}

// map_ places an operation that is not a sum over parts.
func (c *compiler) map_(n *G.Node, op fused, in []*G.Node, stage int) *value {
	reads := c.read(in, stage)
	s := &step{when: whenOf(op), reads: reads, inPlace: op.inPlace()}
	if s.when == chunks {
		out := c.result(n, perSample, stage)
		s.writes = out
		s.weights = weightsOf(reads)
		s.task = func(v *viewer) task { return op.task(v.all(reads, v.of), v.of(out)) }
	} else {
		out := c.result(n, shared, stage)
		s.writes, s.inPlace = out, -1
		s.share = func(v *viewer) share { return divided(op.task(v.all(reads, v.whole), out.root)) }
	}
	c.add(stage, s)
	return s.writes
}

// weightsOf are how many elements a chunk reads besides samples.
func weightsOf(reads []*value) int {
	n := 0
	for _, v := range reads {
		if v.kind == shared {
			n += v.width
		}
	}
	return n
}

// divided shares a task among the parts by features, at multiples of a vector.
func divided(t task) share {
	extent := 1
	if t.axis == overFeatures {
		extent = t.features
	}
	return func(n, part, parts int) {
		if lo, hi := bound(extent, part, parts, 8), bound(extent, part+1, parts, 8); lo < hi {
			t.run(n, lo, hi)
		}
	}
}

// reduce places the two halves of a sum over samples.
func (c *compiler) reduce(n *G.Node, op reduction, in []*G.Node) *value {
	stage := c.stageOf(in, chunks)
	reads := c.read(in, stage)
	singles, doubles := op.sums()
	sum := c.newValue(partial, singles, stage)
	sum.doubles = doubles
	c.workspace = max(c.workspace, op.workspace())
	c.add(stage, &step{
		when: chunks, reads: reads, writes: sum, inPlace: -1, weights: 2 * singles,
		task: func(v *viewer) task { return op.accumulate(v.all(reads, v.of), v.of(sum), v.workspace) },
	})
	merge := &step{when: shares, reads: []*value{sum}, inPlace: -1}
	k := shared
	if op.replicated() {
		merge.when, k = eachPart, replica
	}
	out := c.result(n, k, stage+1)
	merge.writes = out
	merge.share = func(v *viewer) share { return op.merge(sum.copies, v.whole(out)) }
	c.add(stage+1, merge)
	return out
}

// pack places an operation and, before it, the packing of its parameters.
func (c *compiler) pack(n *G.Node, op packing, in []*G.Node) *value {
	stage := c.stageOf(in, chunks)
	if !c.prelude {
		stage = max(stage, 1)
	}
	reads := c.read(in, stage)
	c.workspace = max(c.workspace, op.workspace())
	packed, scratch := c.newValue(shared, op.packed(), stage-1), c.newValue(shared, op.scratch(), stage-1)
	params := []*value{scratch}
	for _, v := range reads {
		if v.kind == shared {
			params = append(params, v)
		}
	}
	for i := range op.pack(blank(op), packed.root, scratch.root) {
		s := &step{when: shares, reads: params, writes: packed, inPlace: -1}
		s.share = func(v *viewer) share { return op.pack(v.all(reads, v.whole), packed.root, scratch.root)[i] }
		if c.prelude {
			packed.stage, packed.kept, scratch.stage = given, true, given
			c.prepare = append(c.prepare, s)
		} else {
			c.add(stage-1, s)
		}
	}
	out := c.result(n, perSample, stage)
	s := &step{
		when: chunks, reads: append([]*value{packed}, reads...), writes: out, inPlace: packedInPlace(op), weights: op.packed(),
		task: func(v *viewer) task { return op.bind(v.all(reads, v.of), v.of(out), packed.root, v.workspace) },
	}
	c.add(stage, s)
	if op, ok := op.(adding); ok && !out.kept {
		c.adders[n] = &adder{op: op, step: s, stage: stage, reads: reads, packed: packed}
	}
	return out
}

// packedInPlace is the operand's number behind the packed parameters.
func packedInPlace(op packing) int {
	if i := op.inPlace(); i >= 0 {
		return i + 1
	}
	return -1
}
