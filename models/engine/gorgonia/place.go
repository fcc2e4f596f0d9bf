package gorgonia

import G "gorgonia.org/gorgonia"

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

// mapped places an operation that is not a sum over parts.
func (c *compiler) mapped(n *G.Node, op fused, in []*G.Node, stage int) *value {
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
	weights := op.packed()
	if op, ok := op.(weighty); ok {
		weights = op.weights()
	}
	s := &step{
		when: chunks, reads: append([]*value{packed}, reads...), writes: out, inPlace: -1, weights: weights,
		task: func(v *viewer) task { return op.bind(v.all(reads, v.of), v.of(out), packed.root, v.workspace) },
	}
	c.add(stage, s)
	if op, ok := op.(adding); ok && !out.kept {
		c.adders[n] = &adder{op: op, step: s, stage: stage, reads: reads, packed: packed}
	}
	return out
}
