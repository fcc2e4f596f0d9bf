package esp_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"espalier/models"
	"espalier/models/compress/esp"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// square is a network of one linear layer of 4096 x 4096, of whose weights that
// share is left.
func square(share float64) *models.Network {
	const n = 4096
	net := &models.Network{
		Name: "square", Input: models.Shape{n},
		Nodes:  []models.Node{{Name: "input", Op: models.OpInput}, {Name: "fc", Op: models.OpLinear, Inputs: []string{"input"}, Attrs: models.Attrs{Out: n, NoBias: true}}},
		Params: []*models.Param{{Name: "fc.weight", Node: "fc", Role: models.RoleWeight, Shape: models.Shape{n, n}, Data: make([]float32, n*n)}},
	}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range net.Params[0].Data {
		if share == 1 || r.Float64() < share {
			net.Params[0].Data[i] = float32(0.05 * r.NormFloat64())
		}
	}
	return net
}

// processor is the processor time of this process so far in nanoseconds, which
// other programs beside it change less than the time that passes.
func processor(b *testing.B) int64 {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// BenchmarkDecode reads packed networks; the rate is of their weights as dense
// float32.
func BenchmarkDecode(b *testing.B) {
	mlp, lenet := zoo.Options{Arch: "lenet-300-100"}, zoo.Options{Arch: "lenet-5"}
	for _, c := range []struct {
		name string
		net  func() *models.Network
	}{
		{"lenet-300-100/dense", func() *models.Network { return zootest.Drawn(b, mlp, 1) }},
		{"lenet-300-100/8%", func() *models.Network { return pruned(b, mlp, 1, 0.08) }},
		{"lenet-300-100/8%,5bits", func() *models.Network { return shared(b, pruned(b, mlp, 1, 0.08), 5) }},
		{"lenet-5/8%,5bits", func() *models.Network { return shared(b, pruned(b, lenet, 1, 0.08), 5) }},
		{"lenet-5/0.4%,4bits", func() *models.Network { return shared(b, pruned(b, lenet, 1, 0.004), 4) }},
		{"lenet-5/0.4%,4bits/smallest", func() *models.Network { return shared(b, pruned(b, lenet, 1, 0.004), 4) }},
		{"square/dense", func() *models.Network { return square(1) }},
		{"square/int8", func() *models.Network { return scaled(square(1), 127) }},
		{"square/10%", func() *models.Network { return square(0.1) }},
		{"square/5%,5bits", func() *models.Network { return shared(b, square(0.05), 5) }},
		{"square/1%,4bits", func() *models.Network { return shared(b, square(0.01), 4) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			net := c.net()
			dense := int64(0)
			for _, p := range net.Params {
				dense += 4 * int64(len(p.Data))
			}
			data, err := esp.Encode(net, esp.Options{Smallest: filepath.Base(c.name) == "smallest"})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(dense)
			before := processor(b)
			for b.Loop() {
				if _, err := esp.Decode(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processor(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
			b.ReportMetric(float64(dense)/float64(len(data)), "smaller")
		})
	}
}

// BenchmarkTensor reads a sparse layer of shared weights as compressed rows.
func BenchmarkTensor(b *testing.B) {
	for _, share := range []float64{0.1, 0.05, 0.01} {
		b.Run(fmt.Sprint(share), func(b *testing.B) {
			data, err := esp.Encode(shared(b, square(share), 5), esp.Options{})
			if err != nil {
				b.Fatal(err)
			}
			f, err := esp.Open(data)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(4 << 24)
			before := processor(b)
			for b.Loop() {
				if _, err := f.Tensor("fc.weight"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processor(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}
