package conv

import (
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
	{"1x1 64-16@32", plain(32, 64, 16, 1, 1, 0)},
	{"1x1 16-64@32", plain(32, 16, 64, 1, 1, 0)},
	{"depthwise 64@16", grouped(plain(16, 64, 64, 3, 1, 1), 64)},
}

// BenchmarkLayers reports the arithmetic of the definition per second on one
// thread, as a layer is computed.
func BenchmarkLayers(b *testing.B) {
	for _, l := range layers {
		benchmark(b, l.name, l.Shape, New(l.Shape))
	}
}

// BenchmarkAlgorithms does so for each algorithm that can.
func BenchmarkAlgorithms(b *testing.B) {
	for _, l := range layers {
		if l.Groups > 1 {
			continue
		}
		benchmark(b, l.name+"/product", l.Shape, only(newProduct(l.Shape)))
		benchmark(b, l.name+"/cellwise", l.Shape, only(newCellwise(l.Shape)))
		if filterable(l.Shape) {
			benchmark(b, l.name+"/winograd", l.Shape, only(newMinimal(l.Shape, manySamples)))
		}
	}
}

// benchmark runs about as many samples as an engine gives a thread at a time.
func benchmark(b *testing.B, name string, s Shape, layer *Conv) {
	n := 8
	if s.H <= 8 {
		n = 32
	}
	c := newChecked(nil, rand.New(rand.NewPCG(1, 2)), s, layer, n)
	_, nw, ny := newReference(s).lengths(n)
	flops := 2 * float64(nw/s.K) * float64(ny)
	packed, packedGrad := c.packed(layer.PackedLen(), layer.Pack), c.packed(layer.PackedGradLen(), layer.PackGrad)
	accs := [][]float32{make([]float32, layer.GradWLen())}
	y, dx := normal(c.r, len(c.g)), normal(c.r, len(c.x))
	for _, op := range []struct {
		name  string
		flops float64
		run   func()
	}{
		{"forward", flops, func() { layer.Forward(y, c.x, n, packed, 0, s.K, Epilogue{}, c.ws) }},
		{"gradx", flops, func() { layer.GradX(dx, c.g, n, packedGrad, false, c.ws) }},
		{"gradw", flops, func() { layer.GradW(accs[0], c.x, c.g, n, c.ws) }},
		{"weights", 0, func() {
			layer.Pack(packed, c.w, 0, 1)
			layer.PackGrad(packedGrad, c.w, 0, 1)
			layer.FinishGradW(c.w, accs, 0, 1)
		}},
	} {
		b.Run(name+"/"+op.name, func(b *testing.B) {
			for b.Loop() {
				op.run()
			}
			if op.flops > 0 {
				b.ReportMetric(op.flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
			}
		})
	}
}
