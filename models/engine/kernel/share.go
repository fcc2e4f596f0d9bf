package kernel

type jobKind int

const (
	jobSGD jobKind = iota
	jobAdam
	jobMask
	jobAddScaled
	jobAddSign
	jobScale
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

// share runs the job over n elements.
func share(j job, n int) { j.run(0, n) }

func (j *job) run(lo, hi int) {
	switch j.kind {
	case jobSGD:
		j.sgd.slice(lo, hi).generic()
	case jobAdam:
		j.adam.slice(lo, hi).generic()
	case jobMask:
		maskGeneric(j.x[lo:hi], j.mask[lo:hi])
	case jobAddScaled:
		addScaledGeneric(j.dst[lo:hi], j.x[lo:hi], j.a)
	case jobAddSign:
		addSignGeneric(j.dst[lo:hi], j.x[lo:hi], j.a)
	case jobScale:
		scaleGeneric(j.x[lo:hi], j.a)
	}
}
