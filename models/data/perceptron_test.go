package data_test

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"espalier/models/data"
)

const perceptronBatch = 100

// perceptron is as much of a network as it takes to judge a data set: linear
// layers with ReLU between them, trained with plain SGD with momentum. With
// one layer it is softmax regression.
type perceptron struct {
	layers []*dense
}

type dense struct {
	w, velocity, grad blas32.General // out x in
	bias, biasSpeed   []float32
	in, out           blas32.General // batch x features
	error             blas32.General // of out
}

func matrix(rows, cols int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float32, rows*cols)}
}

func newPerceptron(seed uint64, widths ...int) *perceptron {
	rng := rand.New(rand.NewPCG(seed, 0))
	p := &perceptron{}
	x := matrix(perceptronBatch, widths[0])
	for k, out := range widths[1:] {
		in := widths[k]
		l := &dense{
			w: matrix(out, in), velocity: matrix(out, in), grad: matrix(out, in),
			bias: make([]float32, out), biasSpeed: make([]float32, out),
			in: x, out: matrix(perceptronBatch, out), error: matrix(perceptronBatch, out),
		}
		for i := range l.w.Data {
			l.w.Data[i] = float32(rng.NormFloat64() * math.Sqrt(2/float64(in)))
		}
		p.layers = append(p.layers, l)
		x = l.out
	}
	return p
}

// forward computes the logits of the batch in the first layer's input.
func (p *perceptron) forward() blas32.General {
	for k, l := range p.layers {
		for i := range l.out.Rows {
			copy(l.out.Data[i*l.out.Cols:], l.bias)
		}
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, l.in, l.w, 1, l.out)
		if k == len(p.layers)-1 {
			return l.out
		}
		for i, v := range l.out.Data {
			l.out.Data[i] = max(v, 0)
		}
	}
	return blas32.General{}
}

func (p *perceptron) backward(labels []int32, rate float32) {
	last := p.layers[len(p.layers)-1]
	softmaxError(last.error, last.out, labels)
	for k := len(p.layers) - 1; k >= 0; k-- {
		l := p.layers[k]
		if k > 0 {
			below := p.layers[k-1]
			blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, l.error, l.w, 0, below.error)
			for i, v := range below.out.Data {
				if v <= 0 {
					below.error.Data[i] = 0
				}
			}
		}
		blas32.Gemm(blas.Trans, blas.NoTrans, 1, l.error, l.in, 0, l.grad)
		step(l.w.Data, l.velocity.Data, l.grad.Data, rate)
		sums := make([]float32, len(l.bias))
		for i, v := range l.error.Data {
			sums[i%len(sums)] += v
		}
		step(l.bias, l.biasSpeed, sums, rate)
	}
}

func step(w, velocity, grad []float32, rate float32) {
	for i, g := range grad {
		velocity[i] = 0.9*velocity[i] - rate*g
		w[i] += velocity[i]
	}
}

// softmaxError is the gradient of the mean cross-entropy by the logits.
func softmaxError(e, logits blas32.General, labels []int32) {
	for i, label := range labels {
		z, out := logits.Data[i*logits.Cols:(i+1)*logits.Cols], e.Data[i*e.Cols:(i+1)*e.Cols]
		sum := 0.0
		for j := range z {
			sum += math.Exp(float64(z[j] - z[label]))
		}
		for j := range z {
			out[j] = float32(math.Exp(float64(z[j]-z[label])) / sum / float64(len(labels)))
		}
		out[label] -= 1 / float32(len(labels))
	}
}

// train runs epochs over the split with a learning rate that falls to zero.
func (p *perceptron) train(s *data.Split, epochs int, rate float64) {
	labels := make([]int32, perceptronBatch)
	batches := s.Len() / perceptronBatch
	for epoch := range epochs {
		order := data.Permutation(1, epoch, s.Len())
		for i := range batches {
			s.Gather(order[i*perceptronBatch:(i+1)*perceptronBatch], p.layers[0].in.Data, labels)
			p.forward()
			done := float64(epoch*batches+i) / float64(epochs*batches)
			p.backward(labels, float32(rate*(1-done)))
		}
	}
}

func (p *perceptron) accuracy(s *data.Split) float64 {
	indices, labels := make([]int32, perceptronBatch), make([]int32, perceptronBatch)
	right := 0
	for start := 0; start+perceptronBatch <= s.Len(); start += perceptronBatch {
		for k := range indices {
			indices[k] = int32(start + k)
		}
		s.Gather(indices, p.layers[0].in.Data, labels)
		logits := p.forward()
		for i, label := range labels {
			z := logits.Data[i*logits.Cols : (i+1)*logits.Cols]
			best := 0
			for j, v := range z {
				if v > z[best] {
					best = j
				}
			}
			if best == int(label) {
				right++
			}
		}
	}
	return float64(right) / float64(s.Len())
}
