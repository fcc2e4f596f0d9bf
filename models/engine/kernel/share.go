package kernel

import (
	"runtime"
	"sync"

	"espalier/models/engine/parallel"
)

type jobKind int

const (
	jobSGD jobKind = iota
	jobAdam
	jobMask
	jobAddScaled
	jobAddSign
	jobScale
	jobSoftThreshold
)

// job is one call of a kernel, to be run over any part of its range.
type job struct {
	kind   jobKind
	sgd    sgd
	adam   adam
	dst, x []float32
	mask   []bool
	a      float32
}

// worthSharing is the number of elements that take longer than waking a
// worker, a few microseconds.
const worthSharing = 1 << 14

// jobs keeps a call from allocating what its parts read.
var jobs = sync.Pool{New: func() any { return new(sharedJob) }}

// sharedJob is a job divided among the process's workers.
type sharedJob struct {
	job
	n, parts int
}

// Part does part i, whose bounds are at whole cache lines.
func (s *sharedJob) Part(i int) {
	const line = 16
	end := s.n
	if i < s.parts-1 {
		end = s.n * (i + 1) / s.parts &^ (line - 1)
	}
	s.run(s.n*i/s.parts&^(line-1), end)
}

// share runs the job over n elements. Elements do not depend on one another,
// so neither do the bits on the division.
func share(j job, n int) {
	if n < worthSharing {
		j.run(0, n)
		return
	}
	s := jobs.Get().(*sharedJob)
	s.job, s.n, s.parts = j, n, runtime.GOMAXPROCS(0)
	parallel.Run(s.parts, s)
	s.job = job{}
	jobs.Put(s)
}

func (j *job) run(lo, hi int) {
	switch j.kind {
	case jobSGD:
		j.sgd.slice(lo, hi).run()
	case jobAdam:
		j.adam.slice(lo, hi).run()
	case jobMask:
		maskOut(j.x[lo:hi], j.mask[lo:hi])
	case jobAddScaled:
		addScaled(j.dst[lo:hi], j.x[lo:hi], j.a)
	case jobAddSign:
		addSign(j.dst[lo:hi], j.x[lo:hi], j.a)
	case jobScale:
		scale(j.x[lo:hi], j.a)
	case jobSoftThreshold:
		softThreshold(j.x[lo:hi], j.a)
	}
}
