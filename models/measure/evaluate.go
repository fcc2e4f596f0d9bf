package measure

import (
	"context"
	"errors"
	"fmt"
	"math"

	"espalier/models"
	"espalier/models/engine"
)

// Samples are labelled samples to evaluate on; *data.Split is one.
type Samples interface {
	Len() int
	// Shape is the shape of one sample.
	Shape() models.Shape
	// Gather copies the samples that indices name into x, Shape().Size()
	// values for each, and their classes into labels.
	Gather(indices []int32, x []float32, labels []int32)
}

// Evaluation is how well a network does on labelled samples.
type Evaluation struct {
	N        int     `json:"n"`        // samples
	Correct  int     `json:"correct"`  // whose largest logit, the first of equals, is the label's
	Loss     float64 `json:"loss"`     // mean cross-entropy, in nats
	Accuracy float64 `json:"accuracy"` // Correct / N
	// Low and High are the 95 % confidence interval of the accuracy: see [Wilson].
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Evaluate runs every sample of the split once, in order and in inference
// mode, through a session that was opened for at least batch samples. Loss is
// computed and summed in float64 whatever the engine's precision. It stops with
// the context's error between two batches, and with an error at the first
// sample whose logits are not finite or do not have its class.
func Evaluate(ctx context.Context, sess engine.Session, split Samples, batch int) (Evaluation, error) {
	if batch < 1 {
		return Evaluation{}, fmt.Errorf("evaluate: batch %d is not at least 1 sample", batch)
	}
	if split.Len() == 0 {
		return Evaluation{}, errors.New("evaluate: the split has no samples")
	}
	e := Evaluation{N: split.Len()}
	batch = min(batch, e.N)
	indices, labels := make([]int32, batch), make([]int32, batch)
	size := split.Shape().Size()
	x := make([]float32, batch*size)
	for at := 0; at < e.N; at += batch {
		if err := ctx.Err(); err != nil {
			return Evaluation{}, err
		}
		n := min(batch, e.N-at)
		for i := range n {
			indices[i] = int32(at + i)
		}
		split.Gather(indices[:n], x[:n*size], labels[:n])
		logits, err := sess.Forward(x[:n*size], n)
		if err != nil {
			return Evaluation{}, fmt.Errorf("evaluate: samples %d to %d: %w", at, at+n-1, err)
		}
		if err := e.add(logits, labels[:n], at); err != nil {
			return Evaluation{}, fmt.Errorf("evaluate: %w", err)
		}
	}
	e.Loss /= float64(e.N)
	e.Accuracy = float64(e.Correct) / float64(e.N)
	e.Low, e.High = Wilson(e.Correct, e.N)
	return e, nil
}

// add counts one batch; until the end Loss is the sum. The batch's first
// sample is number at.
func (e *Evaluation) add(logits []float32, labels []int32, at int) error {
	classes := len(logits) / len(labels)
	for i, label := range labels {
		if label < 0 || int(label) >= classes {
			return fmt.Errorf("sample %d has label %d, the network has classes 0 to %d", at+i, label, classes-1)
		}
		loss, best := crossEntropy(logits[i*classes:][:classes], int(label))
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("sample %d: the logits are not finite", at+i)
		}
		e.Loss += loss
		if best == int(label) {
			e.Correct++
		}
	}
	return nil
}

// crossEntropy is log sum exp(z) - z[label], with the largest logit taken out
// so that nothing overflows, and where that largest logit is. It is not finite
// if a logit is NaN or +Inf or the label's is -Inf.
func crossEntropy(z []float32, label int) (loss float64, best int) {
	for k, v := range z {
		if v > z[best] {
			best = k
		}
	}
	top, sum := float64(z[best]), 0.0
	for _, v := range z {
		sum += math.Exp(float64(v) - top)
	}
	return math.Log(sum) + top - float64(z[label]), best
}

// z95 is the two-sided 95 % point of the normal distribution.
const z95 = 1.959963984540054

// Wilson returns the 95 % score interval (Wilson 1927) of a share of which
// correct of n samples were seen. It stays within [0, 1] and, unlike the usual
// interval, is honest near both ends. n must be at least 1.
func Wilson(correct, n int) (low, high float64) {
	count := float64(n)
	p, zz := float64(correct)/count, z95*z95
	centre := p + zz/(2*count)
	half := z95 * math.Sqrt(p*(1-p)/count+zz/(4*count*count))
	low, high = (centre-half)/(1+zz/count), (centre+half)/(1+zz/count)
	if correct == 0 {
		low = 0 // exactly, where rounding leaves a trace
	}
	if correct == n {
		high = 1
	}
	return low, high
}
