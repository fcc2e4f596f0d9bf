package measure_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/measure"
)

var _ measure.Samples = (*data.Split)(nil)

// rows are samples whose pixels are the logits that affine makes more of.
type rows struct {
	x      [][]float32
	labels []int32
}

func (r rows) Len() int            { return len(r.labels) }
func (r rows) Shape() models.Shape { return models.Shape{len(r.x[0])} }

func (r rows) Gather(indices []int32, x []float32, labels []int32) {
	for k, i := range indices {
		copy(x[k*len(r.x[i]):], r.x[i])
		labels[k] = r.labels[i]
	}
}

// affine is a session of one layer that has no weights to learn: logit k is
// scale times input k.
type affine struct {
	scale   float32
	batches []int // sizes asked for
	failure error
	out     []float32
}

func (s *affine) Forward(x []float32, n int) ([]float32, error) {
	s.batches = append(s.batches, n)
	s.out = s.out[:0]
	for _, v := range x {
		s.out = append(s.out, s.scale*v)
	}
	return s.out, s.failure
}

func (s *affine) Backward([]float32, []int32, int64) (engine.Loss, error) {
	return engine.Loss{}, errors.New("nothing to learn")
}
func (s *affine) Teach([]float32) error  { return nil }
func (s *affine) Params() []engine.Param { return nil }
func (s *affine) Close() error           { return nil }

var five = rows{
	x:      [][]float32{{0, 0}, {1, 0}, {0, 1}, {3, 1}, {-2, 2}},
	labels: []int32{0, 0, 0, 1, 1},
}

func TestEvaluateWorkedByHand(t *testing.T) {
	t.Parallel()
	// log(1 + e^d) with d the wrong logit less the right one: 0, -1, 1, 2, -4.
	want := 0.0
	for _, d := range []float64{0, -1, 1, 2, -4} {
		want += math.Log1p(math.Exp(d)) / 5
	}
	for batch, sizes := range map[int][]int{1: {1, 1, 1, 1, 1}, 2: {2, 2, 1}, 5: {5}, 100: {5}} {
		s := &affine{scale: 1}
		e, err := measure.Evaluate(t.Context(), s, five, batch)
		if err != nil {
			t.Fatal(err)
		}
		if e.N != 5 || e.Correct != 3 || e.Accuracy != 0.6 || math.Abs(e.Loss-want) > 1e-12 {
			t.Errorf("batch %d: %+v, want 3 of 5 (the tie goes to class 0) and loss %.12f", batch, e, want)
		}
		if low, high := measure.Wilson(3, 5); e.Low != low || e.High != high {
			t.Errorf("batch %d: interval %g to %g, want %g to %g", batch, e.Low, e.High, low, high)
		}
		if fmt.Sprint(s.batches) != fmt.Sprint(sizes) {
			t.Errorf("batch %d: the session saw batches of %v, want %v", batch, s.batches, sizes)
		}
	}
}

func TestLossOfLargeLogitsDoesNotOverflow(t *testing.T) {
	t.Parallel()
	e, err := measure.Evaluate(t.Context(), &affine{scale: 1e30}, rows{[][]float32{{1, 3}, {-3, -1}}, []int32{0, 1}}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if want := 1e30; math.Abs(e.Loss-want) > 1e24 { // (2e30 + 0) / 2
		t.Errorf("loss = %g, want %g", e.Loss, want)
	}
}

// The published examples of the interval: 81 of 263 in Newcombe 1998, and the
// closed forms at the ends, z^2/(n+z^2).
func TestWilsonAgreesWithPublishedValues(t *testing.T) {
	t.Parallel()
	cases := []struct {
		correct, n int
		low, high  float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
		{20, 20, 1 - 0.1611, 1},
	}
	for _, c := range cases {
		low, high := measure.Wilson(c.correct, c.n)
		if math.Abs(low-c.low) > 6e-5 || math.Abs(high-c.high) > 6e-5 {
			t.Errorf("Wilson(%d, %d) = %.5f, %.5f, want %.4f, %.4f", c.correct, c.n, low, high, c.low, c.high)
		}
	}
}

func TestWilsonHoldsTheShare(t *testing.T) {
	t.Parallel()
	for n := 1; n < 200; n += 7 {
		for correct := range n + 1 {
			low, high := measure.Wilson(correct, n)
			p := float64(correct) / float64(n)
			if !(0 <= low && low <= p && p <= high && high <= 1 && low < high) {
				t.Fatalf("Wilson(%d, %d) = %g, %g: not around %g in [0, 1]", correct, n, low, high, p)
			}
		}
	}
}

func TestEvaluateNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	nan := float32(math.NaN())
	inf := float32(math.Inf(1))
	one := func(label int32, x ...float32) rows { return rows{[][]float32{{0, 0}, x}, []int32{0, label}} }
	cases := map[string]struct {
		sess  *affine
		split rows
		batch int
		want  string
	}{
		"batch":          {&affine{scale: 1}, five, 0, "batch 0"},
		"no samples":     {&affine{scale: 1}, rows{}, 1, "no samples"},
		"session":        {&affine{failure: broken}, five, 2, "samples 0 to 1: broken"},
		"label too high": {&affine{scale: 1}, one(2, 0, 0), 1, "sample 1 has label 2, the network has classes 0 to 1"},
		"negative label": {&affine{scale: 1}, one(-1, 0, 0), 2, "sample 1 has label -1"},
		"NaN first":      {&affine{scale: 1}, one(0, nan, 0), 2, "sample 1: the logits are not finite"},
		"NaN last":       {&affine{scale: 1}, one(0, 0, nan), 1, "sample 1: the logits are not finite"},
		"infinite":       {&affine{scale: 1}, one(0, inf, 0), 1, "sample 1: the logits are not finite"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := measure.Evaluate(t.Context(), c.sess, c.split, c.batch)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestEvaluateStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := measure.Evaluate(ctx, &affine{scale: 1}, five, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func ExampleWilson() {
	low, high := measure.Wilson(9841, 10000)
	fmt.Printf("98.41 %% is between %.2f %% and %.2f %%\n", 100*low, 100*high)
	// Output: 98.41 % is between 98.15 % and 98.64 %
}
