package kernel_test

import (
	"testing"

	"espalier/models/engine/kernel"
)

// Chunks of 4 samples of 1024 pixels and 16 channels, 256 KB: what a stage of
// the engine holds in the second-level cache. Bytes count what is read and
// written.
func BenchmarkImageLoops(b *testing.B) {
	const c, rows = 16, 4 * 1024
	const n = c * rows
	x, g, y, z := random(1, n), random(2, n), random(3, n), make([]float32, n)
	small, smallG := make([]float32, n/4), random(4, n/4)
	a, d, e := random(5, c), random(6, c), random(7, c)
	m1, m2 := make([]float64, c), make([]float64, c)
	wide1, wide2 := make([]float64, 4*c), make([]float64, 4*c)
	w := kernel.Window{H: 32, W: 32, C: c, OH: 16, OW: 16, Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}
	lenet := kernel.Window{H: 24, W: 24, C: 20, OH: 12, OW: 12, Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}
	kernel.MaxPool(small, x, w)
	half := n / 2
	for _, k := range []struct {
		name  string
		bytes int
		f     func()
	}{
		{"copy", 2 * n, func() { copy(z, x) }},
		{"ChannelMoments", n, func() { kernel.ChannelMoments(m1, m2, 0, x, rows) }},
		{"ChannelMoments64", n, func() { kernel.ChannelMoments(wide1, wide2, 0, x, rows/4) }},
		{"NormGradSums", half * 2, func() { kernel.NormGradSums(m1, m2, g[:half], x[:half], a, rows/2) }},
		{"ScaleShift", half * 2, func() { kernel.ScaleShift(z[:half], x[:half], a, d, nil, true) }},
		{"ScaleShift in place", n * 2, func() { kernel.ScaleShift(z, z, a, d, nil, true) }},
		{"ScaleShift+residual", half * 3, func() { kernel.ScaleShift(z[:half], x[:half], a, d, y[:half], true) }},
		{"NormGradX", half * 3, func() { kernel.NormGradX(g[:half], g[:half], x[:half], a, d, e) }},
		{"ReLU", half * 2, func() { kernel.ReLU(z[:half], x[:half]) }},
		{"Add", half * 3, func() { kernel.Add(z[:half], x[:half], y[:half]) }},
		{"MaxPool", n + n/4, func() { kernel.MaxPool(small, x, w) }},
		{"MaxPoolGrad", 2*n + n/2, func() { kernel.MaxPoolGrad(z, smallG, x, small, w) }},
		{"MaxPool20", 5 * 24 * 24 * 25, func() { kernel.MaxPool(small[:5*12*12*20], x[:5*24*24*20], lenet) }},
		{"MaxPoolGrad20", 5 * 24 * 24 * 50, func() {
			kernel.MaxPoolGrad(z[:5*24*24*20], smallG[:5*12*12*20], x[:5*24*24*20], small[:5*12*12*20], lenet)
		}},
		{"AvgPool", n + n/4, func() { kernel.AvgPool(small, x, w) }},
		{"AvgPoolGrad", n + n/4, func() { kernel.AvgPoolGrad(z, smallG, w) }},
		{"GlobalAvgPool", n, func() { kernel.GlobalAvgPool(small[:4*c], x, c, 1024) }},
		{"ToNHWC", 2 * n, func() { kernel.ToNHWC(z, x, c, 1024) }},
		{"ToNHWC3", 6 * 4096, func() { kernel.ToNHWC(z[:3*4096], x[:3*4096], 3, 1024) }},
		{"ToNCHW50", 2 * 800 * 80, func() { kernel.ToNCHW(z[:800*80], x[:800*80], 50, 16) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			b.SetBytes(int64(4 * k.bytes))
			b.ReportAllocs()
			for b.Loop() {
				k.f()
			}
		})
	}
}
