package gorgonia

import (
	"slices"

	G "gorgonia.org/gorgonia"

	"espalier/models/engine/kernel"
)

// A value with several consumers has a gradient from each; Gorgonia adds them
// up by an operation of its own. Where one of the two comes from a convolution,
// the convolution adds it to the other instead.

// adding is an operation that can add its result to another value.
type adding interface {
	packing
	addTo(other *buffer, in []*buffer, out, packed, workspace *buffer) task
}

// adder is where an adding operation was placed.
type adder struct {
	op     adding
	step   *step
	stage  int
	reads  []*value
	packed *value
}

// sum places an addition that Gorgonia inserted.
func (c *compiler) sum(n *G.Node, in []*G.Node) *value {
	k, t := shared, shares
	if c.values[in[0]].kind == perSample {
		k, t = perSample, chunks
	}
	stage := c.stageOf(in, t)
	for i, o := range in {
		a, other := c.adders[o], in[1-i]
		if a != nil && a.stage == stage && len(c.readers[o]) == 1 && o != other {
			return c.sumInto(n, a, c.read([]*G.Node{other}, stage)[0])
		}
	}
	reads := c.read(in, stage)
	out := c.result(n, k, stage)
	s := &step{when: t, reads: reads, writes: out, inPlace: -1}
	if t == chunks {
		s.inPlace = 0
		s.task = func(v *viewer) task { return sumTask(v.of(reads[0]), v.of(reads[1]), v.of(out)) }
	} else {
		s.share = func(v *viewer) share { return divided(sumTask(reads[0].root, reads[1].root, out.root)) }
	}
	c.add(stage, s)
	return out
}

// sumInto moves the adder's step to the sum's place.
func (c *compiler) sumInto(n *G.Node, a *adder, other *value) *value {
	stage := c.stages[a.stage]
	c.stages[a.stage] = slices.Delete(stage, slices.Index(stage, a.step), slices.Index(stage, a.step)+1)
	out := c.result(n, perSample, a.stage)
	c.add(a.stage, &step{
		when: chunks, reads: append([]*value{other, a.packed}, a.reads...), writes: out, inPlace: 0, weights: a.step.weights,
		task: func(v *viewer) task {
			return a.op.addTo(v.of(other), v.all(a.reads, v.of), v.of(out), a.packed.root, v.workspace)
		},
	})
	return out
}

// sumTask adds two values, of samples or parameters.
func sumTask(a, b, out *buffer) task {
	t := task{axis: overFeatures, features: out.width, run: func(_, lo, hi int) {
		kernel.Add(out.data[lo:hi], a.data[lo:hi], b.data[lo:hi])
	}}
	if out.batch {
		t.axis, t.run = overSamples, func(_, lo, hi int) {
			lo, hi = lo*out.width, hi*out.width
			kernel.Add(out.data[lo:hi], a.data[lo:hi], b.data[lo:hi])
		}
	}
	return t
}
