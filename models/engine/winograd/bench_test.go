package winograd

import (
	"fmt"
	"testing"

	"espalier/models/engine/gemm"
)

// layers are those of ResNet-20 and VGG-16, with as many samples as a core has
// at their batch sizes, up to what makes a run short.
var layers = []struct {
	s Shape
	n int
}{
	{square(32, 16), 16}, {square(16, 32), 16}, {square(8, 64), 64}, {square(32, 64), 4},
	{square(16, 128), 8}, {square(8, 256), 32}, {square(4, 512), 32}, {square(2, 512), 32},
}

func square(size, channels int) Shape {
	return Shape{H: size, W: size, C: channels, K: channels, Pad: [4]int{1, 1, 1, 1}}
}

// BenchmarkLayer gives the operations of the definition in a second, for
// either tile and for the direct product.
func BenchmarkLayer(b *testing.B) {
	for _, l := range layers {
		oh, ow := l.s.Out()
		flops := 2 * 9 * float64(l.n*oh*ow*l.s.C*l.s.K)
		rate := func(name string, do func()) {
			b.Run(fmt.Sprintf("%dto%d@%d/%s", l.s.C, l.s.K, l.s.H, name), func(b *testing.B) {
				for b.Loop() {
					do()
				}
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
			})
		}
		benchDirect(l.s, l.n, rate)
		for _, f := range []form{tile2, tile4} {
			benchForm(newConv(l.s, f), l.n, fmt.Sprintf("tile%d", f.side()), rate)
		}
	}
}

func benchForm(c *Conv, n int, name string, rate func(string, func())) {
	s := c.shape
	oh, ow := s.Out()
	x, y, w := ones(n*s.H*s.W*s.C), ones(n*oh*ow*s.K), ones(s.K*s.C*taps)
	packed, back, ws := ones(c.PackedLen()), ones(c.PackedGradLen()), ones(c.Workspace())
	acc, dw := ones(c.GradWLen()), ones(len(w))
	accs := [][]float32{acc, ones(c.GradWLen())}
	rate(name+"/Forward", func() { c.Forward(y, x, n, packed, 0, s.K, Epilogue{}, ws) })
	rate(name+"/GradX", func() { c.GradX(x, y, n, back, true, ws) })
	rate(name+"/GradW", func() { clear(acc); c.GradW(acc, x, y, n, ws) })
	rate(name+"/Pack", func() { c.Pack(packed, w, 0, 1) })
	rate(name+"/PackGrad", func() { c.PackGrad(back, w, 0, 1) })
	rate(name+"/Finish", func() { c.FinishGradW(dw, accs, 0, 1) })
}

// benchDirect multiplies patches of a bordered image with the filters.
func benchDirect(s Shape, n int, rate func(string, func())) {
	h, w := s.H+2, s.W+2
	x := ones(h * w * s.C)
	rows, out, at := []int32{}, []int32{}, []int32{}
	for i := range s.H * s.W {
		rows = append(rows, int32((i/s.W*w+i%s.W)*s.C))
		out = append(out, int32(i*s.K))
	}
	for i := range filter {
		at = append(at, int32(i*w*s.C))
	}
	a := gemm.Left{Data: x, Rows: rows, Taps: at, Span: filter * s.C}
	packed, y, dw := ones(gemm.PackedLen(a.Inner(), s.K)), ones(n*s.H*s.W*s.K), ones(a.Inner()*s.K)
	source := ones(n * s.H * s.W * s.C)
	each := func(do func(y []float32)) {
		for i := range n {
			for r := range s.H {
				copy(x[((r+1)*w+1)*s.C:], source[(i*s.H+r)*s.W*s.C:][:s.W*s.C])
			}
			do(y[i*s.H*s.W*s.K : (i+1)*s.H*s.W*s.K])
		}
	}
	rate("direct/Forward", func() {
		each(func(y []float32) { gemm.Mul(y, out, a, packed, s.K, 0, s.K, gemm.Epilogue{}) })
	})
	rate("direct/GradW", func() {
		each(func(y []float32) { gemm.MulT(dw, s.K, a, y, out, s.K) })
	})
}

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}
