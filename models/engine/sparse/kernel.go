package sparse

// level is which assembly runs.
type level int

const (
	portable level = iota
	avx2
	avx512
)

// gathering is a product of the rows lo to hi with one vector.
type gathering struct {
	*entries
	lo, hi      int
	scale, bias []float32
	x, y        []float32 // row r goes to y[r]
	relu        bool
}

// walk is a product of the rows lo to hi with vectors of neighbouring values.
// What the entries of a column meet begins for vector v at
// data[bases[v]+stride*column].
type walk struct {
	*entries
	lo, hi      int
	scale, bias []float32
	data        []float32
	stride      int
	reach       int // the furthest that an entry is from a base
	bases       [most]int
	vectors     int       // 1, 2, 4 or 8
	chains      int       // that each sum is computed in
	y           []float32 // row r of the vectors begins at y[(r-lo)*vectors*vector]
}

// turning writes to[c*toStride+r] from from[r*fromStride+c], with residual,
// which is laid out as to, added where it is not nil.
type turning struct {
	to, from, residual   []float32
	toStride, fromStride int
	rows, columns        int
	relu                 bool
}

// chainsOf is in how many chains each of so many sums is computed, so that four
// sums or more are under way: one waits for what it is added to.
func chainsOf(vectors int) int { return max(1, 4/vectors) }

// check panics where a product would read or write beyond its slices: the
// assembly checks no bounds.
func (w *walk) check() {
	last := w.bases[0]
	for _, b := range w.bases[1:w.vectors] {
		last = max(last, b)
	}
	_, _, _, _ = w.y[(w.hi-w.lo)*w.vectors*vector-1], w.data[last+w.reach+vector-1], w.scale[w.hi-1], w.bias[w.hi-1]
}

// check panics where squares would lie beyond the slices.
func (t *turning) check() {
	last := (t.columns-1)*t.toStride + t.rows - 1
	_, _ = t.to[last], t.from[(t.rows-1)*t.fromStride+t.columns-1]
	if t.residual != nil {
		_ = t.residual[last]
	}
}

// part is some rows and columns of the same.
func (t *turning) part(r, rows, c, columns int) turning {
	p := *t
	p.rows, p.columns = rows, columns
	at := c*t.toStride + r
	p.to, p.from = t.to[at:], t.from[r*t.fromStride+c:]
	if t.residual != nil {
		p.residual = t.residual[at:]
	}
	return p
}
