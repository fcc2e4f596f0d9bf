package gemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// problem is a random product whose rows overlap and lie in any order.
type problem struct {
	a       Left
	b       []float32 // packed
	g       []float32
	c       []float32
	rows    []int32 // of c and of g
	bias    []float32
	from    []float32
	n       int
	inner   int
	columns int // from row to row of c
}

func newProblem(r *rand.Rand, m, n, taps, span int) *problem {
	p := &problem{n: n, inner: taps * span, columns: n + r.IntN(5)}
	p.a = Left{Data: normal(r, m*3+taps*7+span), Span: span}
	for range m {
		p.a.Rows = append(p.a.Rows, int32(r.IntN(m*3)))
	}
	for range taps {
		p.a.Taps = append(p.a.Taps, int32(r.IntN(taps*7)))
	}
	for _, i := range r.Perm(m) {
		p.rows = append(p.rows, int32(i*p.columns))
	}
	p.b = make([]float32, PackedLen(p.inner, n))
	Pack(p.b, normal(r, p.inner*n), p.inner, n, n)
	p.g, p.c, p.bias = normal(r, m*p.columns), normal(r, max(m, p.inner)*p.columns), normal(r, n)
	p.from = normal(r, len(p.c))
	return p
}

// normal draws numbers with now and then a special one.
func normal(r *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), 1e-39, -3e-42, 1e-20, 1e30}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(50) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

var shapes = []struct{ m, n, taps, span int }{
	{1, 1, 1, 1}, {1, 16, 3, 48}, {2, 17, 1, 5}, {3, 8, 2, 3}, {4, 9, 9, 16}, {5, 31, 3, 7}, {6, 16, 1, 144},
	{7, 10, 5, 4}, {12, 48, 1, 1}, {13, 20, 5, 5}, {64, 33, 3, 6}, {100, 50, 2, 500}, {31, 16, 1, 2000}, {450, 24, 9, 100},
}

// The assembly and the portable loops give the same bits.
func TestAssemblyAgreesWithPortableLoops(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range shapes {
		p := newProblem(r, s.m, s.n, s.taps, s.span)
		for _, e := range []Epilogue{{}, {Accumulate: true}, {Bias: p.bias}, {Bias: p.bias, ReLU: true}, {Accumulate: true, ReLU: true}, {From: p.from}} {
			lo, hi := 0, s.n
			if s.n > 2*Width {
				lo, hi = Width, min(s.n, 3*Width)
			}
			got, want := slices.Clone(p.c), slices.Clone(p.c)
			Mul(got, p.rows, p.a, p.b, s.n, lo, hi, e)
			if e.Accumulate {
				e.From = want
			}
			mulGeneric(want, p.rows, p.a, p.b, lo, hi, e)
			same(t, "Mul", s, got, want)
		}
		got, want := slices.Clone(p.c), slices.Clone(p.c)
		MulT(got, p.columns, p.a, p.g, p.rows, s.n)
		mulTGeneric(want, p.columns, Width, p.a, p.g, p.rows, s.n)
		same(t, "MulT", s, got, want)
		panels := normal(r, PackedLen(p.inner, s.n))
		got, want = slices.Clone(panels), slices.Clone(panels)
		MulTPanels(got, p.a, p.g, p.rows, s.n)
		mulTGeneric(want, Width, p.inner*Width, p.a, p.g, p.rows, s.n)
		same(t, "MulTPanels", s, got, want)
	}
}

func same(t *testing.T, name string, shape any, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s of %+v: element %d is %g, want %g", name, shape, i, got[i], want[i])
		}
	}
}

// Both directions of a transposed panel, with and without whole squares.
func TestPackedTransposes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		k, n := 1+r.IntN(40), 1+r.IntN(Width)
		ldb, lds := k+r.IntN(3), n+r.IntN(3)
		b, order := normal(r, n*ldb), make([]int32, k)
		for i, at := range r.Perm(k + 3)[:k] {
			order[i] = int32(at)
		}
		panel := normal(r, (k+3)*Width)
		want := slices.Clone(panel)
		PackPanelT(panel, b, order, n, ldb)
		for i, at := range order {
			clear(want[at*Width:][:Width])
			for j := range n {
				want[int(at)*Width+j] = b[j*ldb+i]
			}
		}
		same(t, "PackPanelT", []int{k, n}, panel, want)
		src, dst := normal(r, (k+3)*lds), normal(r, n*ldb)
		for _, add := range []bool{true, false} {
			want := slices.Clone(dst)
			for j := range n {
				for i, at := range order {
					sum := src[int(at)*lds+j]
					if add {
						sum += want[j*ldb+i]
					}
					want[j*ldb+i] = sum
				}
			}
			UnpackT(dst, ldb, src, lds, order, n, add)
			same(t, "UnpackT", []int{k, n}, dst, want)
		}
	}
}

// PackT is Pack of the transpose.
func TestPackT(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	for _, s := range [][2]int{{1, 1}, {9, 16}, {300, 17}, {513, 40}} {
		k, n := s[0], s[1]
		b, transposed := normal(r, k*n), make([]float32, k*n)
		for i := range k {
			for j := range n {
				transposed[j*k+i] = b[i*n+j]
			}
		}
		got, want := make([]float32, PackedLen(k, n)), make([]float32, PackedLen(k, n))
		Pack(want, b, k, n, n)
		PackT(got, transposed, k, n, k)
		same(t, "PackT", s, got, want)
	}
}
