package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"espalier/models/engine/blas"
	"espalier/models/engine/gemm"
)

var shapes = []struct{ m, n, k int }{
	{1024, 1024, 1024}, {1024, 16, 144}, {256, 32, 288}, {64, 64, 576}, {64, 512, 512}, {36, 64, 64}, {256, 128, 1152},
}

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func multiples(n, of int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(i * of)
	}
	return x
}

// BenchmarkMul compares plain products with OpenBLAS on one thread.
func BenchmarkMul(b *testing.B) {
	lib := blas.Open()
	for _, s := range shapes {
		x, y, c := random(s.m*s.k), random(s.k*s.n), make([]float32, s.m*s.n)
		packed := make([]float32, gemm.PackedLen(s.k, s.n))
		gemm.Pack(packed, y, s.k, s.n, s.n)
		left := gemm.Left{Data: x, Rows: multiples(s.m, s.k), Taps: []int32{0}, Span: s.k}
		rows := multiples(s.m, s.n)
		name := fmt.Sprintf("%dx%dx%d", s.m, s.n, s.k)
		run(b, name+"/gemm", s.m*s.n*s.k, func() { gemm.Mul(c, rows, left, packed, s.n, 0, s.n, gemm.Epilogue{}) })
		run(b, name+"/"+lib.String(), s.m*s.n*s.k, func() {
			lib.Gemm(false, false, s.m, s.n, s.k, 1, x, s.k, y, s.n, 0, c, s.n)
		})
	}
}

// BenchmarkMulT does the same for gradients of weights, whose inner index is
// the row.
func BenchmarkMulT(b *testing.B) {
	lib := blas.Open()
	for _, s := range []struct{ m, n, k int }{{1024, 16, 144}, {64, 64, 576}, {256, 32, 288}, {256, 128, 1152}, {64, 512, 512}} {
		x, g, c := random(s.m*s.k), random(s.m*s.n), make([]float32, s.k*s.n)
		left := gemm.Left{Data: x, Rows: multiples(s.m, s.k), Taps: []int32{0}, Span: s.k}
		rows := multiples(s.m, s.n)
		name := fmt.Sprintf("%dx%dx%d", s.m, s.n, s.k)
		run(b, name+"/gemm", s.m*s.n*s.k, func() { gemm.MulT(c, s.n, left, g, rows, s.n) })
		run(b, name+"/"+lib.String(), s.m*s.n*s.k, func() {
			lib.Gemm(true, false, s.k, s.n, s.m, 1, x, s.k, g, s.n, 1, c, s.n)
		})
	}
}

func run(b *testing.B, name string, products int, f func()) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
		b.ReportMetric(2*float64(products)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
	})
}

// BenchmarkPatches: rows overlap as the patches of a 3x3 convolution do.
func BenchmarkPatches(b *testing.B) {
	for _, s := range []struct{ pixels, c, n, width int }{{180, 16, 16, 34}, {1024, 16, 16, 34}, {192, 64, 16, 34}, {192, 64, 64, 34}, {1024, 64, 64, 34}, {208, 512, 512, 6}} {
		x := random((s.pixels + 3*s.width) * s.c)
		left := gemm.Left{Data: x, Rows: multiples(s.pixels, s.c), Taps: []int32{0, int32(s.width * s.c), int32(2 * s.width * s.c)}, Span: 3 * s.c}
		rows := multiples(s.pixels, s.n)
		g, c := random(s.pixels*s.n), make([]float32, gemm.PackedLen(left.Inner(), s.n))
		name, products := fmt.Sprintf("%dx%dx%d", s.pixels, s.n, left.Inner()), s.pixels*s.n*left.Inner()
		packed := make([]float32, gemm.PackedLen(left.Inner(), s.n))
		gemm.Pack(packed, random(left.Inner()*s.n), left.Inner(), s.n, s.n)
		y := make([]float32, s.pixels*s.n)
		run(b, name+"/Mul", products, func() { gemm.Mul(y, rows, left, packed, s.n, 0, s.n, gemm.Epilogue{}) })
		run(b, name+"/MulT", products, func() { gemm.MulT(c, s.n, left, g, rows, s.n) })
		run(b, name+"/MulTPanels", products, func() { gemm.MulTPanels(c, left, g, rows, s.n) })
	}
}
