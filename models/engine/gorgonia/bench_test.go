package gorgonia_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
	"espalier/models/engine/gorgonia"
	"espalier/models/engine/kernel"
)

// lenet is LeNet-300-100 (LeCun et al. 1998) with He-normal weights.
func lenet(seed uint64, hidden ...int) *models.Network {
	if len(hidden) == 0 {
		hidden = []int{300, 100}
	}
	net := &models.Network{Name: "lenet", Input: models.Shape{784}, Nodes: []models.Node{{Name: "x", Op: models.OpInput}}}
	last := "x"
	names := []string{"fc1", "fc2", "fc3", "fc4"}
	for i, h := range hidden {
		net.Nodes = append(net.Nodes,
			models.Node{Name: names[i], Op: models.OpLinear, Inputs: []string{last}, Attrs: models.Attrs{Out: h}},
			models.Node{Name: "relu" + names[i], Op: models.OpReLU, Inputs: []string{names[i]}})
		last = "relu" + names[i]
	}
	net.Nodes = append(net.Nodes, models.Node{Name: "out", Op: models.OpLinear, Inputs: []string{last}, Attrs: models.Attrs{Out: 10}})
	return withParams(net, seed)
}

func withParams(net *models.Network, seed uint64) *models.Network {
	params, err := net.Layout()
	if err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(seed, 7))
	for _, p := range params {
		p.Data = make([]float32, p.Shape.Size())
		for i := range p.Data {
			if p.Role == models.RoleWeight {
				p.Data[i] = float32(r.NormFloat64()) * 1.4 / sqrt(p.Shape[1])
			} else {
				p.Data[i] = float32(r.NormFloat64()) * 0.1
			}
		}
	}
	net.Params = params
	return net
}

func sqrt(n int) float32 {
	x := float32(n)
	for range 30 {
		x = (x + float32(n)/x) / 2
	}
	return x
}

func samples(seed uint64, n, width, classes int) ([]float32, []int32) {
	r := rand.New(rand.NewPCG(seed, 8))
	x, labels := make([]float32, n*width), make([]int32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for i := range labels {
		labels[i] = int32(r.IntN(classes))
	}
	return x, labels
}

// step is what one step of training with momentum costs in all.
func step(tb testing.TB, s engine.Session, v [][]float32, x []float32, labels []int32, i int64) engine.Loss {
	loss, err := s.Backward(x, labels, i)
	if err != nil {
		tb.Fatal(err)
	}
	for k, p := range s.Params() {
		if p.Grad != nil {
			kernel.SGD(p.Value, v[k], p.Grad, 0.1, 0.9, 0, false)
		}
	}
	return loss
}

func velocities(s engine.Session) [][]float32 {
	var v [][]float32
	for _, p := range s.Params() {
		v = append(v, make([]float32, len(p.Value)))
	}
	return v
}

func open(tb testing.TB, o gorgonia.Options, net *models.Network, batch int) engine.Session {
	tb.Helper()
	e, err := gorgonia.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := e.Open(net, engine.Options{Batch: batch, Seed: 5})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// batchSize is that of the benchmarks.
const batchSize = 128

// benchmarkTraining trains LeNet-300-100 with momentum, the update included.
func benchmarkTraining(b *testing.B, o gorgonia.Options) {
	s := open(b, o, lenet(1), batchSize)
	v := velocities(s)
	x, labels := samples(1, batchSize, 784, 10)
	for i := range int64(10) {
		step(b, s, v, x, labels, i)
	}
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		step(b, s, v, x, labels, i)
	}
	reportRate(b, batchSize)
}

func reportRate(b *testing.B, n int) {
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
}

func BenchmarkTrain(b *testing.B) {
	for _, lib := range []blas.Library{blas.Open(), blas.Gonum()} {
		b.Run(lib.String(), func(b *testing.B) { benchmarkTraining(b, gorgonia.Options{BLAS: lib}) })
	}
}

func BenchmarkForward(b *testing.B) {
	for _, n := range []int{1, batchSize} {
		b.Run(fmt.Sprint("batch", n), func(b *testing.B) {
			s := open(b, gorgonia.Options{}, lenet(1), batchSize)
			x, _ := samples(1, n, 784, 10)
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

// BenchmarkOpen is the part of a step's start that the engine answers for.
func BenchmarkOpen(b *testing.B) {
	net := lenet(1)
	for b.Loop() {
		open(b, gorgonia.Options{}, net, batchSize)
	}
}
