package conv

// border is an image of h x w pixels of c channels that lies within zeros, so
// that a patch may reach over the edge.
type border struct {
	h, w, c                   int
	above, left, below, right int
}

func (b border) none() bool { return b.above+b.left+b.below+b.right == 0 }

func (b border) row() int  { return (b.left + b.w + b.right) * b.c }
func (b border) size() int { return (b.above + b.h + b.below) * b.row() }

// clear writes the zeros around n samples.
func (b border) clear(dst []float32, n int) {
	for s := range n {
		all := dst[s*b.size():][:b.size()]
		from := 0
		for y := range b.h {
			inside := (b.above+y)*b.row() + b.left*b.c
			clear(all[from:inside])
			from = inside + b.w*b.c
		}
		clear(all[from:])
	}
}

// fill copies n samples between the zeros and returns them.
func (b border) fill(dst, x []float32, n int) []float32 {
	width := b.w * b.c
	for s := range n {
		inside := dst[s*b.size()+b.above*b.row()+b.left*b.c:]
		for y := range b.h {
			copy(inside[y*b.row():][:width], x[(s*b.h+y)*width:][:width])
		}
	}
	return dst[:n*b.size()]
}

// samples are images on their way into products: some at a time, with a border
// where one is needed.
type samples struct {
	border
	batch int
}

// newSamples takes enough samples at a time for about the given number of rows
// of a product, but not more than stay in cache.
func newSamples(b border, rowsOfOne, rows, limit int) samples {
	most := max(1, limit/b.size())
	return samples{b, min(most, max(1, (rows+rowsOfOne/2)/rowsOfOne))}
}

func (s samples) workspace() int {
	if s.none() {
		return 0
	}
	return s.batch * s.size()
}

// begin readies the workspace for calls of some.
func (s samples) begin(n int, ws []float32) {
	if !s.none() {
		s.clear(ws, min(n, s.batch))
	}
}

// some returns the samples from at to at+n as products read them.
func (s samples) some(x []float32, at, n int, ws []float32) []float32 {
	one := s.h * s.w * s.c
	x = x[at*one:][:n*one]
	if s.none() {
		return x
	}
	return s.fill(ws, x, n)
}
