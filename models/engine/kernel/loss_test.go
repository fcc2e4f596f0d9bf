package kernel_test

import (
	"math"
	"testing"

	"espalier/models/engine/kernel"
)

func TestCrossEntropy(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		logits  []float32
		label   int32
		loss    float64
		correct bool
	}{
		{"even", []float32{1, 1, 1, 1}, 0, math.Log(4), true},
		{"even, not the first", []float32{1, 1, 1, 1}, 2, math.Log(4), false},
		{"large logits", []float32{1e4, 0}, 1, 1e4, false},
		{"sure", []float32{-50, 50}, 1, 0, true},
		{"one class", []float32{3}, 0, 0, true},
	}
	for _, c := range cases {
		loss, correct := kernel.CrossEntropy(c.logits, c.label, 0)
		if math.Abs(float64(loss)-c.loss) > 1e-6*(1+c.loss) || correct != c.correct {
			t.Errorf("%s: loss %g, correct %v, want %g, %v", c.name, loss, correct, c.loss, c.correct)
		}
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		for i := range 3 {
			logits := []float32{0, 1, 2}
			logits[i] = bad
			if loss, _ := kernel.CrossEntropy(logits, 1, 0); loss == loss {
				t.Errorf("logits %v: loss %g, want NaN", logits, loss)
			}
		}
	}
}

func TestCrossEntropyGradAgreesWithDifferences(t *testing.T) {
	t.Parallel()
	const label, h = 4, 1e-2
	for _, smoothing := range []float64{0, 0.1, 0.9} {
		logits, grad := random(1, 11), make([]float32, 11)
		kernel.CrossEntropyGrad(grad, logits, label, smoothing, 0.5)
		sum := 0.0
		for i := range logits {
			was := logits[i]
			logits[i] = was + h
			up, _ := kernel.CrossEntropy(logits, label, smoothing)
			logits[i] = was - h
			down, _ := kernel.CrossEntropy(logits, label, smoothing)
			logits[i] = was
			if want := 0.5 * float64(up-down) / (2 * h); math.Abs(float64(grad[i])-want) > 1e-4 {
				t.Errorf("smoothing %g: gradient %d = %g, want %g", smoothing, i, grad[i], want)
			}
			sum += float64(grad[i])
		}
		if math.Abs(sum) > 1e-7 {
			t.Errorf("smoothing %g: gradients add up to %g, want 0", smoothing, sum)
		}
	}
}

// The loss with smoothing is the cross-entropy with the target that has that
// share spread evenly: PyTorch's CrossEntropyLoss(label_smoothing).
func TestLabelSmoothing(t *testing.T) {
	t.Parallel()
	logits := []float32{2, -1, 0.5, 30}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v))
	}
	for _, smoothing := range []float64{0.1, 0.5, 1} {
		for label := range int32(4) {
			want := 0.0
			for i, v := range logits {
				target := smoothing / 4
				if int32(i) == label {
					target += 1 - smoothing
				}
				want -= target * (float64(v) - math.Log(sum))
			}
			if loss, correct := kernel.CrossEntropy(logits, label, smoothing); math.Abs(float64(loss)-want) > 1e-5 || correct != (label == 3) {
				t.Errorf("smoothing %g, label %d: loss %g, %v, want %g", smoothing, label, loss, correct, want)
			}
		}
	}
}
