package gorgonia

import (
	"unsafe"

	"espalier/models/engine/parallel"
)

// program computes the nodes of a graph in stages. Within a stage every part
// goes through all tasks on its own range of samples or features, without
// waiting for the others; between stages all wait for all. A training step of
// a multilayer perceptron has two: everything by samples, then the weights'
// gradients by features.
type program struct {
	stages  [][]task
	buffers []*buffer

	// Of the call in progress.
	stage, samples, parts int
}

func (p *program) add(stage int, t task, out *buffer) {
	for len(p.stages) <= stage {
		p.stages = append(p.stages, nil)
	}
	p.stages[stage] = append(p.stages[stage], t)
	p.buffers = append(p.buffers, out)
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

// memory is how many elements the program's buffers take.
func (p *program) memory() int {
	total := 0
	for _, b := range p.buffers {
		if b.over == nil {
			total += aligned(b.size)
		}
	}
	return total
}

// place lays the buffers out in memory. A buffer that has its place already,
// such as a gradient that the session shows, keeps it.
func (p *program) place(arena []float32) {
	for _, b := range p.buffers {
		switch {
		case b.data != nil:
		case b.over != nil:
			b.data = b.over.data
		default:
			b.data, arena = arena[:b.size:b.size], arena[aligned(b.size):]
		}
	}
}

// samplesPerPart is how few samples are worth a part: a smaller matrix product
// costs as much for reading the weights.
const samplesPerPart = 16

// run computes n samples in at most that many parts. The division depends on
// nothing else.
func (p *program) run(n, threads int) {
	p.samples = n
	p.parts = max(1, min(threads, n/samplesPerPart))
	for p.stage = range p.stages {
		parallel.Run(p.parts, p)
	}
}

// Part does part i of the stage in progress.
func (p *program) Part(i int) {
	stage := p.stages[p.stage]
	for k := range stage {
		t := &stage[k]
		extent := t.extent(p.samples)
		lo, hi := bound(extent, i, p.parts), bound(extent, i+1, p.parts)
		if lo < hi {
			t.run(p.samples, lo, hi)
		}
	}
}

// bound is where part i begins: at a multiple of 8, the vector width.
func bound(extent, i, parts int) int {
	if i == parts {
		return extent
	}
	return extent * i / parts &^ 7
}
