package sparse

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawn are weights of which a share is not zero, out of values if there are
// any.
func drawn(r *rand.Rand, n int, density float64, values []float32) []float32 {
	w := make([]float32, n)
	for i := range w {
		switch {
		case r.Float64() >= density:
		case values != nil:
			w[i] = values[r.IntN(len(values))]
		default:
			w[i] = float32(r.NormFloat64())
		}
	}
	return w
}

// normal draws numbers with now and then a special one.
func normal(r *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), 1e-39, -3e-42, -1e-30, 1e30, float32(math.Inf(1)), float32(math.NaN())}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(60) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

// matrices are some of every kind.
func matrices(t *testing.T, r *rand.Rand) []*Matrix {
	t.Helper()
	var all []*Matrix
	add := func(m *Matrix, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	for _, s := range [][2]int{{1, 1}, {3, 15}, {5, 16}, {40, 17}, {33, 100}, {70, 300}} {
		for _, density := range []float64{0, 0.05, 0.4, 1} {
			add(New(drawn(r, s[0]*s[1], density, nil), s[0], s[1]))
			for _, distinct := range []int{1, smallBook - 1, smallBook, smallBook + 1, MaxShared} {
				add(NewShared(drawn(r, s[0]*s[1], density, drawn(r, distinct, 1, nil)), s[0], s[1]))
			}
		}
	}
	return all
}

func levels() []level {
	all := []level{avx2, avx512}
	return slices.DeleteFunc(all, func(l level) bool { return l > best })
}

func same(t *testing.T, what string, on level, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s at level %d: element %d is %g, want %g", what, on, i, got[i], want[i])
		}
	}
}

func TestGatherIsThePortableLoop(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, m := range matrices(t, r) {
		lo := r.IntN(m.Rows)
		g := gathering{
			entries: &m.entries, lo: lo, hi: lo + 1 + r.IntN(m.Rows-lo), scale: normal(r, m.Rows), bias: normal(r, m.Rows),
			x: normal(r, m.Columns), relu: r.IntN(2) == 0,
		}
		want := normal(r, m.Rows)
		got := slices.Clone(want)
		for _, on := range levels() {
			g.y = want
			gather(portable, &g)
			g.y = got
			gather(on, &g)
			same(t, "gather", on, got, want)
		}
	}
}

func TestMultiplyIsThePortableLoop(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, m := range matrices(t, r) {
		for _, shape := range [][2]int{{8, 1}, {4, 1}, {2, 1}, {1, 1}, {2, 2}, {1, 4}} {
			e := m.entries
			w := walk{entries: &e, stride: shape[0] * vector, vectors: shape[0], chains: shape[1], scale: normal(r, m.Rows), bias: normal(r, m.Rows)}
			if r.IntN(2) == 0 && m.columns != nil {
				w.stride = 1
				for _, c := range m.columns {
					e.offsets = append(e.offsets, int32(c))
				}
			}
			w.reach = w.stride * (m.Columns - 1)
			w.data = normal(r, w.reach+200)
			for v := range w.vectors {
				w.bases[v] = r.IntN(190)
			}
			w.lo = r.IntN(m.Rows)
			w.hi = w.lo + 1 + r.IntN(m.Rows-w.lo)
			got, want := make([]float32, m.Rows*w.vectors*vector), make([]float32, m.Rows*w.vectors*vector)
			for _, on := range levels() {
				w.y = want
				multiply(portable, &w)
				w.y = got
				multiply(on, &w)
				same(t, "multiply", on, got, want)
			}
		}
	}
}

func TestTurnIsThePortableLoop(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		p := turning{rows: 1 + r.IntN(40), columns: 1 + r.IntN(40), relu: r.IntN(2) == 0}
		p.toStride, p.fromStride = p.rows+r.IntN(4), p.columns+r.IntN(4)
		p.from = normal(r, p.rows*p.fromStride)
		want := normal(r, p.columns*p.toStride)
		got := slices.Clone(want)
		if r.IntN(2) == 0 {
			p.residual = normal(r, len(want))
		}
		for _, on := range levels() {
			p.to = want
			turn(portable, &p)
			p.to = got
			turn(on, &p)
			same(t, "turn", on, got, want)
		}
	}
}
