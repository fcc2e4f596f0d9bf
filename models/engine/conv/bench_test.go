package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// layers are those of ResNet-20, LeNet-5 and VGG-16 that differ.
var layers = []struct {
	name string
	Shape
}{
	{"resnet 3-16@32", plain(32, 3, 16, 3, 1, 1)},
	{"resnet 16-16@32", plain(32, 16, 16, 3, 1, 1)},
	{"resnet 16-32@32s2", plain(32, 16, 32, 3, 2, 1)},
	{"resnet 32-32@16", plain(16, 32, 32, 3, 1, 1)},
	{"resnet 32-64@16s2", plain(16, 32, 64, 3, 2, 1)},
	{"resnet 64-64@8", plain(8, 64, 64, 3, 1, 1)},
	{"lenet 1-20@28", plain(28, 1, 20, 5, 1, 0)},
	{"lenet 20-50@12", plain(12, 20, 50, 5, 1, 0)},
	{"vgg 3-64@32", plain(32, 3, 64, 3, 1, 1)},
	{"vgg 64-64@32", plain(32, 64, 64, 3, 1, 1)},
	{"vgg 128-128@16", plain(16, 128, 128, 3, 1, 1)},
	{"vgg 256-256@8", plain(8, 256, 256, 3, 1, 1)},
	{"vgg 512-512@4", plain(4, 512, 512, 3, 1, 1)},
	{"vgg 512-512@2", plain(2, 512, 512, 3, 1, 1)},
}

// BenchmarkLayers reports the arithmetic of the definition per second on one
// thread, by the chosen algorithm and by matrix products.
func BenchmarkLayers(b *testing.B) {
	const n = 16
	for _, l := range layers {
		for _, algorithm := range []struct {
			name string
			make func(Shape) *Conv
		}{{"direct", direct}} {
			c := newChecked(nil, rand.New(rand.NewPCG(1, 2)), l.Shape, algorithm.make(l.Shape), n)
			_, nw, ny := newReference(l.Shape).lengths(n)
			flops := 2 * float64(nw/l.K) * float64(ny)
			packed, packedGrad := c.packed(c.c.PackedLen(), c.c.Pack), c.packed(c.c.PackedGradLen(), c.c.PackGrad)
			accs := [][]float32{make([]float32, c.c.GradWLen())}
			y, dx := normal(c.r, len(c.g)), normal(c.r, len(c.x))
			for _, op := range []struct {
				name  string
				flops float64
				run   func()
			}{
				{"forward", flops, func() { c.c.Forward(y, c.x, n, packed, 0, l.K, Epilogue{}, c.ws) }},
				{"gradx", flops, func() { c.c.GradX(dx, c.g, n, packedGrad, false, c.ws) }},
				{"gradw", flops, func() { c.c.GradW(accs[0], c.x, c.g, n, c.ws) }},
				{"pack", 0, func() { c.c.Pack(packed, c.w, 0, 1); c.c.PackGrad(packedGrad, c.w, 0, 1); c.c.FinishGradW(c.w, accs, 0, 1) }},
			} {
				b.Run(fmt.Sprintf("%s/%s/%s", l.name, algorithm.name, op.name), func(b *testing.B) {
					for b.Loop() {
						op.run()
					}
					b.ReportMetric(op.flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
				})
			}
		}
	}
}
