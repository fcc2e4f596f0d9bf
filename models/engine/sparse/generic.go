package sparse

import "espalier/models/engine/internal/fma"

// value is the weight of entry k.
func (m *entries) value(k int) float32 {
	if m.codes != nil {
		return m.book[m.codes[k]]
	}
	return m.values[k]
}

// place is where in its row or image entry k of a row that begins at from
// reads.
func (m *entries) place(k, from int) int {
	switch {
	case m.offsets != nil:
		return int(m.offsets[k])
	case m.columns != nil:
		return int(m.columns[k])
	default:
		return k - from
	}
}

// some is how many sums a row has where it meets one vector.
const some = 16

func gatherGeneric(g *gathering) {
	for r := g.lo; r < g.hi; r++ {
		var sums [some]float32
		from, end := int(g.starts[r]), int(g.starts[r+1])
		for k := from; k < end; k++ {
			sum := &sums[(k-from)%some]
			*sum = fma.Of(g.x[g.place(k, from)], g.value(k), *sum)
		}
		if rest := (end - from) % some; rest > 0 {
			for i := rest; i < some; i++ {
				sums[i] += 0 // as the assembly does, of -0 makes 0
			}
		}
		for half := some / 2; half > 0; half /= 2 {
			for i := range half {
				sums[i] += sums[i+half]
			}
		}
		v := fma.Of(sums[0], g.scale[r], g.bias[r])
		if g.relu && v < 0 {
			v = 0
		}
		g.y[r] = v
	}
}

func multiplyGeneric(w *walk) {
	for r := w.lo; r < w.hi; r++ {
		out := w.y[(r-w.lo)*w.vectors*vector:]
		for v := range w.vectors {
			w.generic(out[v*vector:][:vector], r, w.bases[v])
		}
	}
}

// generic computes row r for one vector.
func (w *walk) generic(out []float32, r, base int) {
	var sums [4][vector]float32
	from, end := int(w.starts[r]), int(w.starts[r+1])
	for k := from; k < end; k++ {
		x, value := w.data[base+w.stride*w.place(k, from):][:vector], w.value(k)
		sum := &sums[(k-from)%w.chains]
		for i, v := range x {
			sum[i] = fma.Of(v, value, sum[i])
		}
	}
	for step := 1; step < w.chains; step *= 2 {
		for c := 0; c < w.chains; c += 2 * step {
			for i := range sums[c] {
				sums[c][i] += sums[c+step][i]
			}
		}
	}
	for i := range out {
		out[i] = fma.Of(sums[0][i], w.scale[r], w.bias[r])
	}
}

func turnGeneric(t *turning) {
	for r := range t.rows {
		for c, v := range t.from[r*t.fromStride:][:t.columns] {
			at := c*t.toStride + r
			if t.residual != nil {
				v += t.residual[at]
			}
			if t.relu && v < 0 {
				v = 0
			}
			t.to[at] = v
		}
	}
}
