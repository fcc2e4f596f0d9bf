package gorgonia

import (
	"unsafe"

	G "gorgonia.org/gorgonia"

	"espalier/models/engine/parallel"
)

// program computes the nodes of a graph in stages. Within a stage every part
// of the batch goes through all tasks on its own samples, without waiting for
// the others, and does so in chunks of a few samples, whose values stay in the
// cache from one task to the next; between stages all wait for all. A training
// step of a multilayer perceptron has two: everything by samples, then the
// weights' gradients by features. Batch normalization makes a stage of each
// layer and pass: its moments need all samples.
type program struct {
	prelude []stage // packs the parameters
	stages  []stage
	values  map[*G.Node]*value
	rooms   []*room
	threads int
	grain   int
	least   int

	full, local, workspace int // elements of memory: of all parts, and of each part
	workspaces             []*buffer

	// Of the call in progress.
	running        []stage
	stage          int
	samples, parts int
}

// stage is what happens between two barriers.
type stage struct {
	chunk  int // samples
	local  []*room
	parts  []work
	narrow *narrow // of inference programs
}

// work is what a part does in a stage, bound to its views of the values.
type work struct {
	each   []share
	views  []view
	tasks  []task
	shares []share
}

// alignment of a buffer in float32 elements: a cache line.
const alignment = 16

func aligned(n int) int { return (n + alignment - 1) / alignment * alignment }

// newArena allocates n elements that begin at a cache line.
func newArena(n int) []float32 {
	raw := make([]float32, n+alignment)
	misplaced := int(uintptr(unsafe.Pointer(unsafe.SliceData(raw))) / unsafe.Sizeof(raw[0]) % alignment)
	start := aligned(misplaced) - misplaced
	return raw[start : start+n : start+n]
}

// program plans the memory of the stages and binds their steps.
func (c *compiler) program() *program {
	stages := divide(c.stages)
	plan := plan(c.prepare, stages, c.batch, c.threads)
	p := &program{values: c.values, threads: c.threads, grain: max(1, c.grain), least: max(1, c.least), workspace: aligned(c.workspace)}
	for range c.threads {
		p.workspaces = append(p.workspaces, &buffer{})
	}
	for _, r := range plan.rooms {
		if !r.local {
			p.rooms = append(p.rooms, r)
		}
	}
	p.full = pack(p.rooms, func(r *room) int { return aligned(r.size) })
	for i, steps := range stages {
		s := stage{chunk: c.batch}
		for _, r := range plan.rooms {
			if r.local && r.stage == i {
				s.local = append(s.local, r)
			}
		}
		s.chunk = chunkOf(steps, s.local, c.batch)
		p.local = max(p.local, pack(s.local, func(r *room) int { return aligned(r.size * s.chunk) }))
		for _, r := range s.local {
			for _, v := range r.values {
				v.localCopies(c.threads)
			}
		}
		p.stages = append(p.stages, s)
	}
	for i, steps := range stages {
		p.bind(&p.stages[i], steps)
		if c.prelude && c.threads > 1 {
			p.stages[i].narrow = p.bindNarrow(steps)
		}
	}
	for _, s := range c.prepare {
		var one stage
		p.bind(&one, []*step{s})
		p.prelude = append(p.prelude, one)
	}
	for _, v := range plan.values {
		for _, b := range v.copies {
			if v.kind == replica {
				b.data = make([]float32, v.width)
			}
			if v.doubles > 0 {
				b.sums = make([]float64, v.doubles)
			}
		}
	}
	return p
}

// bind gives every part its own tasks on its own views.
func (p *program) bind(s *stage, steps []*step) {
	for part := range p.threads {
		v := &viewer{part: part, workspace: p.workspaces[part], rows: make(map[*value]*buffer)}
		var w work
		for _, step := range steps {
			switch step.when {
			case eachPart:
				w.each = append(w.each, step.share(v))
			case chunks:
				w.tasks = append(w.tasks, step.task(v))
			default:
				w.shares = append(w.shares, step.share(v))
			}
		}
		w.views = v.views
		s.parts = append(s.parts, w)
	}
}

func (v *value) localCopies(threads int) {
	v.copies = nil
	for range threads {
		v.copies = append(v.copies, &buffer{batch: true, width: v.width})
	}
}

// result is the memory of a node's value: of a replica, the first part's.
func (p *program) result(n *G.Node) *buffer {
	v := p.values[origin(n)]
	if v.root == nil {
		return v.copies[0]
	}
	return v.root
}

// memory is how many elements the program takes.
func (p *program) memory() int { return p.full + p.threads*(p.local+p.workspace) }

// place lays the program out in memory.
func (p *program) place(arena []float32) {
	for _, r := range p.rooms {
		for _, v := range r.values {
			if v.kind == partial {
				for i, b := range v.copies {
					at := r.offset + i*aligned(v.width)
					b.data = arena[at : at+v.width : at+v.width]
				}
				continue
			}
			v.root.data = arena[r.offset : r.offset+r.size : r.offset+r.size]
		}
	}
	for part := range p.threads {
		own := arena[p.full+part*(p.local+p.workspace):][:p.local+p.workspace]
		p.workspaces[part].data = own[p.local:]
		for _, s := range p.stages {
			for _, r := range s.local {
				for _, v := range r.values {
					v.copies[part].data = own[r.offset : r.offset+s.chunk*r.size]
				}
			}
		}
	}
}

// prepare packs the parameters.
func (p *program) prepare() { p.runStages(p.prelude, p.threads, p.threads) }

// run computes n samples in at most as many parts as there are threads. The
// division depends on nothing else.
func (p *program) run(n int) {
	if 2*n <= p.threads && len(p.stages) > 0 && p.stages[0].narrow != nil {
		for i := range p.stages {
			p.stages[i].narrow.runAll(n, p.stages[i].chunk)
		}
		return
	}
	p.runStages(p.stages, n, max(1, min(p.threads, n/p.least)))
}

func (p *program) runStages(stages []stage, n, parts int) {
	p.running, p.samples, p.parts = stages, n, parts
	for p.stage = range stages {
		parallel.Run(parts, p)
	}
	p.running = nil
}

// Part does part i of the stage in progress.
func (p *program) Part(i int) {
	s := &p.running[p.stage]
	w := &s.parts[i]
	for _, f := range w.each {
		f(p.samples, i, p.parts)
	}
	if len(w.tasks) > 0 {
		lo, hi := bound(p.samples, i, p.parts, p.grain), bound(p.samples, i+1, p.parts, p.grain)
		w.run(p.samples, lo, hi, s.chunk)
	}
	for _, f := range w.shares {
		f(p.samples, i, p.parts)
	}
}

// run does the tasks for the samples lo to hi, in chunks as equal as can be.
func (w *work) run(n, lo, hi, chunk int) {
	for i := range w.tasks {
		if begin := w.tasks[i].begin; begin != nil {
			begin(n)
		}
	}
	count := (hi - lo + chunk - 1) / chunk
	for k := range count {
		from, to := lo+(hi-lo)*k/count, lo+(hi-lo)*(k+1)/count
		for _, v := range w.views {
			v.move(from, to)
		}
		for i := range w.tasks {
			w.tasks[i].run(n, 0, to-from)
		}
	}
}

// bound is where part i begins: at a multiple of grain.
func bound(extent, i, parts, grain int) int {
	if i == parts {
		return extent
	}
	return extent * i / parts / grain * grain
}
