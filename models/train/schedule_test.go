package train_test

import (
	"fmt"
	"math"
	"testing"

	"espalier/models/train"
)

func TestRatesWorkedByHand(t *testing.T) {
	t.Parallel()
	type rates map[int64]float64 // step -> rate; base 0.8, 10 steps an epoch, 10 epochs
	cases := map[string]struct {
		schedule train.Schedule
		want     rates
	}{
		"constant":             {train.Schedule{Kind: "constant"}, rates{0: 0.8, 57: 0.8, 99: 0.8}},
		"constant with warmup": {train.Schedule{Kind: "constant", Warmup: 2}, rates{0: 0.04, 9: 0.4, 19: 0.8, 20: 0.8, 99: 0.8}},
		"cosine":               {train.Schedule{Kind: "cosine"}, rates{0: 0.8, 25: 0.4 * (1 + math.Sqrt2/2), 50: 0.4, 75: 0.4 * (1 - math.Sqrt2/2)}},
		"cosine to a tenth":    {train.Schedule{Kind: "cosine", Final: 0.1}, rates{0: 0.8, 50: 0.44, 100: 0.08}},
		"cosine after warmup":  {train.Schedule{Kind: "cosine", Warmup: 2}, rates{0: 0.04, 19: 0.8, 20: 0.8, 60: 0.4, 100: 0}},
		"step":                 {train.Schedule{Kind: "step", Every: 3, Factor: 0.5}, rates{0: 0.8, 29: 0.8, 30: 0.4, 59: 0.4, 60: 0.2, 90: 0.1, 99: 0.1}},
		"step at epochs":       {train.Schedule{Kind: "step", At: []int{3, 8}, Factor: 0.1}, rates{0: 0.8, 29: 0.8, 30: 0.08, 79: 0.08, 80: 0.008, 99: 0.008}},
		"step after warmup":    {train.Schedule{Kind: "step", Every: 3, Factor: 0.5, Warmup: 1}, rates{0: 0.08, 9: 0.8, 10: 0.8, 30: 0.4}},
		"one-cycle":            {train.Schedule{Kind: "one-cycle"}, rates{0: 0.032, 15: 0.416, 30: 0.8, 65: 0.4, 100: 0}},
		"one-cycle to a fifth": {train.Schedule{Kind: "one-cycle", Final: 0.2}, rates{30: 0.8, 65: 0.48, 100: 0.16}},
		"one-cycle's own rise": {train.Schedule{Kind: "one-cycle", Warmup: 5}, rates{0: 0.032, 25: 0.416, 50: 0.8, 75: 0.4}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.schedule.Validate(10); err != nil {
				t.Fatal(err)
			}
			for step, want := range c.want {
				if got := train.LR(c.schedule, 0.8, step, 10, 10); math.Abs(got-want) > 1e-12 {
					t.Errorf("LR at step %d = %.15g, want %.15g", step, got, want)
				}
			}
		})
	}
}

func TestRatesStayBetweenZeroAndBase(t *testing.T) {
	t.Parallel()
	for _, kind := range train.Schedules() {
		for warmup := range 5 {
			for _, final := range []float64{0, 0.3, 1} {
				s := train.Schedule{Kind: kind, Warmup: warmup, Every: 1, Factor: 0.5, Final: final}
				if err := s.Validate(4); err != nil {
					t.Fatal(err)
				}
				for step := range int64(4 * 7) {
					if got := train.LR(s, 0.1, step, 7, 4); !(got > 0 && got <= 0.1*(1+1e-12)) {
						t.Errorf("LR(%+v) at step %d = %g, want above 0 and at most 0.1", s, step, got)
					}
				}
			}
		}
	}
}

func ExampleLR() {
	s := train.Schedule{Kind: train.Cosine, Warmup: 1, Final: 0.1}
	for epoch := range 5 {
		fmt.Printf("epoch %d begins with %.4f\n", epoch, train.LR(s, 0.1, int64(epoch*100), 100, 5))
	}
	// Output:
	// epoch 0 begins with 0.0010
	// epoch 1 begins with 0.1000
	// epoch 2 begins with 0.0868
	// epoch 3 begins with 0.0550
	// epoch 4 begins with 0.0232
}
