package kernel_test

import (
	"fmt"
	"math"
	"testing"

	"espalier/models/engine/kernel"
)

// softmax is that of logits over a temperature, in float64.
func softmax(logits []float32, temperature float64) []float64 {
	sum, p := 0.0, make([]float64, len(logits))
	for i, v := range logits {
		p[i] = math.Exp(float64(v) / temperature)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func TestDistillMatchesItsDefinition(t *testing.T) {
	t.Parallel()
	const label = 2
	logits, teacher := random(1, 7), random(2, 7)
	logits[3], teacher[5] = 20, 30
	for _, weight := range []float64{0, 0.3, 1} {
		for _, temperature := range []float64{0.5, 1, 4} {
			for _, smoothing := range []float64{0, 0.1} {
				hard, correct := kernel.CrossEntropy(logits, label, smoothing)
				want := (1 - weight) * float64(hard)
				p, q := softmax(teacher, temperature), softmax(logits, temperature)
				for i := range p {
					want += weight * temperature * temperature * p[i] * math.Log(p[i]/q[i])
				}
				got, right := kernel.Distill(logits, teacher, label, smoothing, weight, temperature)
				if math.Abs(float64(got)-want) > 1e-5*(1+want) || right != correct {
					t.Errorf("weight %g, temperature %g, smoothing %g: loss %g, %t, want %g, %t", weight, temperature, smoothing, got, right, want, correct)
				}
			}
		}
	}
	if loss, _ := kernel.Distill(teacher, teacher, 0, 0, 1, 3); math.Abs(float64(loss)) > 1e-6 {
		t.Errorf("a network that is its teacher has loss %g, want 0", loss)
	}
	logits[0] = float32(math.NaN())
	if loss, _ := kernel.Distill(logits, teacher, 1, 0, 0.5, 2); loss == loss {
		t.Errorf("loss of logits that are not numbers: %g, want NaN", loss)
	}
}

func TestDistillGradAgreesWithDifferences(t *testing.T) {
	t.Parallel()
	const label, h = 4, 1e-2
	for _, weight := range []float64{0, 0.3, 1} {
		for _, temperature := range []float64{0.5, 1, 4} {
			t.Run(fmt.Sprintf("%g of temperature %g", weight, temperature), func(t *testing.T) {
				logits, teacher, grad := random(1, 11), random(2, 11), make([]float32, 11)
				kernel.DistillGrad(grad, logits, teacher, label, 0.1, weight, temperature, 0.5)
				sum := 0.0
				for i := range logits {
					was := logits[i]
					at := func(v float32) float64 {
						logits[i] = v
						loss, _ := kernel.Distill(logits, teacher, label, 0.1, weight, temperature)
						logits[i] = was
						return float64(loss)
					}
					if want := 0.5 * (at(was+h) - at(was-h)) / (2 * h); math.Abs(float64(grad[i])-want) > 3e-4 {
						t.Errorf("gradient %d = %g, want %g", i, grad[i], want)
					}
					sum += float64(grad[i])
				}
				if math.Abs(sum) > 1e-7 {
					t.Errorf("gradients add up to %g, want 0", sum)
				}
			})
		}
	}
}

// Without a teacher's share the loss is the cross-entropy, to the bit.
func TestDistillOfNoWeightIsTheCrossEntropy(t *testing.T) {
	t.Parallel()
	logits, teacher := random(1, 11), random(2, 11)
	want, got := make([]float32, 11), make([]float32, 11)
	kernel.CrossEntropyGrad(want, logits, 3, 0.1, 0.5)
	kernel.DistillGrad(got, logits, teacher, 3, 0.1, 0, 2, 0.5)
	equalBits(t, "gradient", got, want)
	loss, _ := kernel.Distill(logits, teacher, 3, 0.1, 0, 2)
	if hard, _ := kernel.CrossEntropy(logits, 3, 0.1); loss != hard {
		t.Errorf("loss %g, want %g", loss, hard)
	}
}
