package gemm_test

import (
	"fmt"
	"testing"

	"espalier/models/engine/gemm"
)

// BenchmarkPatches: rows overlap as the patches of a 3x3 convolution do.
func BenchmarkPatches(b *testing.B) {
	for _, s := range []struct{ pixels, c, n, width int }{{180, 16, 16, 34}, {1024, 16, 16, 34}, {192, 64, 16, 34}, {192, 64, 64, 34}, {1024, 64, 64, 34}, {208, 512, 512, 6}} {
		x := random((s.pixels + 3*s.width) * s.c)
		left := gemm.Left{Data: x, Rows: multiples(s.pixels, s.c), Taps: []int32{0, int32(s.width * s.c), int32(2 * s.width * s.c)}, Span: 3 * s.c}
		rows := multiples(s.pixels, s.n)
		g, c := random(s.pixels*s.n), make([]float32, left.Inner()*s.n)
		name := fmt.Sprintf("%dx%dx%d", s.pixels, s.n, left.Inner())
		run(b, name+"/T", s.pixels*s.n*left.Inner(), func() { gemm.MulT(c, s.n, left, g, rows, s.n) })
		run(b, name+"/P", s.pixels*s.n*left.Inner(), func() { gemm.MulTPanels(c, left, g, rows, s.n) })
	}
}
