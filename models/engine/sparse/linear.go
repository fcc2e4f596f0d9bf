package sparse

const (
	vector = 8          // samples, or pixels, of a vector
	most   = 8          // vectors that an entry meets at a time
	few    = 2          // samples that are multiplied one by one
	block  = 32         // rows whose results are turned at a time
	atHand = 256 * 1024 // elements of turned samples that may be read again and again
)

// Linear is a layer y = W x. It is safe for concurrent use.
type Linear struct {
	*Matrix
	vectors int // samples at a time, in vectors
}

// NewLinear prepares a layer.
func NewLinear(m *Matrix) *Linear {
	l := &Linear{Matrix: m, vectors: most}
	for l.vectors > 1 && l.vectors*vector*m.Columns > atHand {
		l.vectors /= 2
	}
	return l
}

// Workspace is how many elements of scratch each goroutine needs for calls of
// up to n samples. What they hold before a call does not matter.
func (l *Linear) Workspace(n int) int {
	if n <= few {
		return 0
	}
	return l.at(n) * vector * (l.Columns + block)
}

// at is how many vectors n samples are taken at a time: a power of two.
func (l *Linear) at(n int) int {
	vectors := 1
	for vectors < l.vectors && vectors*vector < n {
		vectors *= 2
	}
	return vectors
}

// Forward computes the rows lo to hi of n samples: row r of sample i is
// y[i*Rows+r]. Others stay as they are. Its bits
// depend on n and i alone.
func (l *Linear) Forward(y, x []float32, n, lo, hi int, e Epilogue, ws []float32) {
	if n < 1 || lo >= hi {
		return
	}
	_, _ = y[n*l.Rows-1], x[n*l.Columns-1]
	scale, bias := l.lines(e)
	if n > few {
		w := walk{entries: &l.entries, scale: scale, bias: bias}
		for at := 0; at < n; {
			some := min(n-at, l.vectors*vector)
			l.some(w, y[at*l.Rows:], x[at*l.Columns:], some, lo, hi, e.ReLU, ws)
			at += some
		}
		return
	}
	for i := range n {
		gather(best, &gathering{
			entries: &l.entries, scale: scale, bias: bias, relu: e.ReLU,
			x: x[i*l.Columns:][:l.Columns], y: y[i*l.Rows:][:l.Rows], lo: lo, hi: hi,
		})
	}
}

// some turns samples, so that those of a column are side by side, and turns the
// results of some rows at a time back.
func (l *Linear) some(w walk, y, x []float32, n, lo, hi int, relu bool, ws []float32) {
	w.vectors = l.at(n)
	w.chains = chainsOf(w.vectors)
	w.stride = w.vectors * vector
	w.reach = w.stride * (l.Columns - 1)
	w.data, w.y = ws[:w.stride*l.Columns], ws[w.stride*l.Columns:][:w.stride*block]
	for v := range w.vectors {
		w.bases[v] = v * vector
		rows := max(0, min(vector, n-v*vector))
		if rows > 0 {
			turn(best, &turning{
				to: w.data[v*vector:], toStride: w.stride, from: x[v*vector*l.Columns:], fromStride: l.Columns,
				rows: rows, columns: l.Columns,
			})
		}
		for c := 0; rows < vector && c < l.Columns; c++ {
			clear(w.data[c*w.stride+v*vector:][rows:vector])
		}
	}
	for r := lo; r < hi; r += block {
		w.lo, w.hi = r, min(hi, r+block)
		multiply(best, &w)
		for v := range (n + vector - 1) / vector {
			turn(best, &turning{
				to: y[v*vector*l.Rows+r:], toStride: l.Rows, from: w.y[v*vector:], fromStride: w.stride,
				rows: w.hi - r, columns: min(vector, n-v*vector), relu: relu,
			})
		}
	}
}
