package sparse_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"espalier/models/engine/blas"
	"espalier/models/engine/conv"
	"espalier/models/engine/sparse"
)

// kept are weights of which a share is not zero, of 32 values.
func kept(r *rand.Rand, n int, density float64) []float32 {
	w, values := make([]float32, n), normal(r, 32)
	for i := range w {
		if r.Float64() < density {
			w[i] = values[r.IntN(len(values))]
		}
	}
	return w
}

// BenchmarkLinear is a layer of 4096 x 4096 weights on one thread, dense by the
// BLAS library and in the forms of this package.
func BenchmarkLinear(b *testing.B) {
	const size = 4096
	r := rand.New(rand.NewPCG(1, 1))
	lib := blas.Open()
	for _, n := range []int{1, 2, 4, 8, 64} {
		x, y := normal(r, n*size), make([]float32, n*size)
		w := kept(r, size*size, 1)
		b.Run(fmt.Sprintf("batch%d/%s", n, lib), func(b *testing.B) {
			for b.Loop() {
				lib.Gemm(false, true, n, size, size, 1, x, size, w, size, 0, y, size)
			}
		})
		for _, density := range []float64{1, 0.3, 0.1, 0.05, 0.02} {
			w := kept(r, size*size, density)
			plain, err := sparse.New(w, size, size)
			if err != nil {
				b.Fatal(err)
			}
			shared, err := sparse.NewShared(w, size, size)
			if err != nil {
				b.Fatal(err)
			}
			for name, m := range map[string]*sparse.Matrix{"csr": plain, "shared": shared} {
				l := sparse.NewLinear(m)
				ws := make([]float32, l.Workspace(n))
				b.Run(fmt.Sprintf("batch%d/%s/%g", n, name, density), func(b *testing.B) {
					for b.Loop() {
						l.Forward(y, x, n, 0, size, sparse.Epilogue{}, ws)
					}
				})
			}
		}
	}
}

// BenchmarkConv are layers of ResNet-20, dense and sparse, 16 samples.
func BenchmarkConv(b *testing.B) {
	const n = 16
	r := rand.New(rand.NewPCG(2, 2))
	for _, l := range [][2]int{{32, 16}, {16, 32}, {8, 64}} {
		s := conv.Shape{
			H: l[0], W: l[0], C: l[1], K: l[1], Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1,
		}
		x := normal(r, n*s.H*s.W*s.C)
		y := make([]float32, len(x))
		dense := conv.NewFor(s, n)
		packed, ws := make([]float32, dense.PackedLen()), make([]float32, dense.Workspace())
		dense.Pack(packed, kept(r, s.K*s.C*9, 1), 0, 1)
		b.Run(fmt.Sprintf("%dx%d/dense", l[0], l[1]), func(b *testing.B) {
			for b.Loop() {
				dense.Forward(y, x, n, packed, 0, s.K, conv.Epilogue{}, ws)
			}
		})
		for _, density := range []float64{0.3, 0.1, 0.05} {
			m, err := sparse.New(kept(r, s.K*s.C*9, density), s.K, s.C*9)
			if err != nil {
				b.Fatal(err)
			}
			c, err := sparse.NewConv(m, s)
			if err != nil {
				b.Fatal(err)
			}
			ws := make([]float32, c.Workspace())
			b.Run(fmt.Sprintf("%dx%d/csr/%g", l[0], l[1], density), func(b *testing.B) {
				for b.Loop() {
					c.Forward(y, x, n, 0, s.K, sparse.Epilogue{}, nil, ws)
				}
			})
		}
	}
}
