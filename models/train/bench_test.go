package train_test

import (
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/train"
)

// free is a session that costs nothing, to measure what the loop adds to a
// step of LeNet-300-100, 266,610 parameters.
type free struct {
	params []engine.Param
	x      []float32
	labels []int32
}

func (f *free) Params() []engine.Param                    { return f.params }
func (f *free) Close() error                              { return nil }
func (f *free) Forward([]float32, int) ([]float32, error) { return nil, nil }
func (f *free) Backward([]float32, []int32, int64) (engine.Loss, error) {
	return engine.Loss{Mean: 1}, nil
}
func (f *free) Teach([]float32) error                      { return nil }
func (f *free) Batches() int                               { return 1 << 30 }
func (f *free) Batch(int, int) ([]float32, []int32, error) { return f.x, f.labels, nil }

func lenet(share float64) *models.Network {
	net := &models.Network{Name: "lenet-300-100", Input: models.Shape{784}, Nodes: []models.Node{{Name: "x", Op: models.OpInput}}}
	last := "x"
	for i, out := range []int{300, 100, 10} {
		name := []string{"fc1", "fc2", "fc3"}[i]
		net.Nodes = append(net.Nodes, models.Node{Name: name, Op: models.OpLinear, Inputs: []string{last}, Attrs: models.Attrs{Out: out}})
		last = name
	}
	r := rand.New(rand.NewPCG(1, 1))
	net.Params, _ = net.Layout()
	for _, p := range net.Params {
		p.Data = make([]float32, p.Shape.Size())
		for i := range p.Data {
			p.Data[i] = float32(r.NormFloat64()) / 20
		}
	}
	if share > 0 {
		prune(net, share, 1)
	}
	return net
}

func BenchmarkStep(b *testing.B) {
	cases := map[string]struct {
		o     train.Options
		share float64
	}{
		"sgd":                  {train.Options{Optimizer: momentum}, 0},
		"sgd, masks":           {train.Options{Optimizer: momentum}, 0.92},
		"sgd, masks, clip, l1": {train.Options{Optimizer: momentum, Clip: 0.1, L1: train.Penalty{Weight: 1e-5}}, 0.92},
		"adamw":                {train.Options{Optimizer: adamw}, 0},
		"adamw, masks":         {train.Options{Optimizer: adamw}, 0.92},
	}
	for name, c := range cases {
		b.Run(name, func(b *testing.B) {
			net := lenet(c.share)
			f := &free{x: make([]float32, 784), labels: []int32{1}}
			r := rand.New(rand.NewPCG(2, 1))
			for _, p := range net.Clone().Params {
				q := engine.Param{Name: p.Name, Role: p.Role, Value: p.Data, Grad: make([]float32, len(p.Data)), Mask: p.Mask}
				for i := range q.Grad {
					q.Grad[i] = float32(r.NormFloat64()) / 1000
				}
				f.params = append(f.params, q)
			}
			c.o.Epochs, c.o.Batch, c.o.Schedule.Kind = 1, 1, train.Constant
			trainer, err := train.New(net, f, f, c.o, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := trainer.Step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
