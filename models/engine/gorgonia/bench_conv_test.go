package gorgonia_test

import (
	"fmt"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
)

// BenchmarkConvTrain is a training step of the trainer, update included; it
// allocates nothing.
func BenchmarkConvTrain(b *testing.B) {
	for _, name := range []string{"lenet-5", "resnet-20", "vgg-16-bn"} {
		b.Run(name, func(b *testing.B) {
			n, net := batchOf(name), zooNet(b, name)
			x, labels := samples(1, n, net.Input.Size(), 10)
			step := trainingStep(b, net, open(b, gorgonia.Options{}, net, n), oneBatch{x, labels})
			for range 2 {
				if err := step(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := step(); err != nil {
					b.Fatal(err)
				}
			}
			reportRate(b, n)
		})
	}
}

// BenchmarkConvInfer is the path that folds batch normalization.
func BenchmarkConvInfer(b *testing.B) {
	for _, name := range []string{"lenet-5", "resnet-20", "vgg-16-bn"} {
		for _, n := range []int{1, batchOf(name)} {
			b.Run(fmt.Sprint(name, "/batch", n), func(b *testing.B) {
				net := zooNet(b, name)
				s := openInference(b, name, n)
				x, _ := samples(1, n, net.Input.Size(), 10)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Forward(x, n); err != nil {
						b.Fatal(err)
					}
				}
				reportRate(b, n)
			})
		}
	}
}

func openInference(b *testing.B, name string, batch int) engine.Session {
	b.Helper()
	e, err := gorgonia.New(gorgonia.Options{})
	if err != nil {
		b.Fatal(err)
	}
	s, err := e.Open(zooNet(b, name), engine.Options{Batch: batch, Inference: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkConvOpen is a session's start: expression, gradients, compilation
// and memory.
func BenchmarkConvOpen(b *testing.B) {
	for _, name := range []string{"resnet-20", "resnet-56", "vgg-16-bn"} {
		b.Run(name, func(b *testing.B) {
			net := zooNet(b, name)
			e, err := gorgonia.New(gorgonia.Options{})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s, err := e.Open(net, engine.Options{Batch: batchSize})
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}

// BenchmarkGorgoniaOwnOps trains LeNet-5, without its biases, with Gorgonia's
// own convolution, pool, tape machine and solver, for comparison.
func BenchmarkGorgoniaOwnOps(b *testing.B) {
	g := G.NewGraph()
	x := G.NewTensor(g, tensor.Float32, 4, G.WithShape(batchSize, 1, 28, 28), G.WithInit(G.Gaussian(0, 1)), G.WithName("x"))
	hot := G.NewMatrix(g, tensor.Float32, G.WithShape(batchSize, 10), G.WithInit(G.Zeroes()), G.WithName("labels"))
	var weights G.Nodes
	weight := func(shape ...int) *G.Node {
		w := G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithInit(G.GlorotN(1)), G.WithName(fmt.Sprint("w", len(weights))))
		weights = append(weights, w)
		return w
	}
	conv := func(x *G.Node, out, in int) *G.Node {
		y := G.Must(G.Conv2d(x, weight(out, in, 5, 5), tensor.Shape{5, 5}, []int{0, 0}, []int{1, 1}, []int{1, 1}))
		return G.Must(G.MaxPool2D(y, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	}
	y := conv(conv(x, 20, 1), 50, 20)
	y = G.Must(G.Reshape(y, tensor.Shape{batchSize, 800}))
	y = G.Must(G.Rectify(G.Must(G.Mul(y, weight(800, 500)))))
	y = G.Must(G.SoftMax(G.Must(G.Mul(y, weight(500, 10)))))
	loss := G.Must(G.Neg(G.Must(G.Mean(G.Must(G.HadamardProd(hot, G.Must(G.Log(y))))))))
	if _, err := G.Grad(loss, weights...); err != nil {
		b.Fatal(err)
	}
	_, labels := samples(1, batchSize, 1, 10)
	for i, label := range labels {
		hot.Value().Data().([]float32)[i*10+int(label)] = 1
	}
	vm := G.NewTapeMachine(g, G.BindDualValues(weights...))
	defer vm.Close()
	solver := G.NewMomentum(G.WithLearnRate(0.01), G.WithMomentum(0.9))
	b.ReportAllocs()
	for b.Loop() {
		if err := vm.RunAll(); err != nil {
			b.Fatal(err)
		}
		if err := solver.Step(G.NodesToValueGrads(weights)); err != nil {
			b.Fatal(err)
		}
		vm.Reset()
	}
	reportRate(b, batchSize)
}
