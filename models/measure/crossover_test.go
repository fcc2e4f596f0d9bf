package measure_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/measure"
)

func TestCrossoverTakesOffWhatIsAround(t *testing.T) {
	t.Parallel()
	clock := turning(milliseconds(
		9, 9, 9, 9, 9, 9, 9, 9, // warm-up
		2, 10, 6, 4, // half of the weights: around, dense, sparse, shared
		9, 9, 9, 9, 9, 9, 9, 9,
		2, 10, 4, 3,
	)...)
	c, err := measure.CrossoverOf(t.Context(), clock, defaultEngine(t), "fc", models.OpLinear, models.Shape{40}, models.Attrs{Out: 30}, []float64{0.5, 0.75}, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	if c.Weights != 1200 || c.Batch != 4 || len(c.Points) != 2 || c.Out[0] != 30 {
		t.Fatalf("%+v, want two points of 1200 weights", c)
	}
	for i, want := range []map[engine.Form]float64{
		{engine.Dense: 1, engine.Sparse: 2, engine.Shared: 4},
		{engine.Dense: 1, engine.Sparse: 4, engine.Shared: 8},
	} {
		for form, times := range want {
			if got := c.Points[i].Speedup(form); got != times {
				t.Errorf("%s at %g: %g times as fast, want %g", form, c.Points[i].Zeros, got, times)
			}
		}
	}
}

func TestCrossoverIsBetweenTwoPoints(t *testing.T) {
	t.Parallel()
	at := func(zeros float64, sparse int) measure.CrossPoint {
		of := func(ms int) measure.Latency { return measure.Latency{Median: time.Duration(ms) * time.Millisecond} }
		return measure.CrossPoint{Zeros: zeros, Dense: of(10), Sparse: of(sparse), Shared: of(10)}
	}
	tests := map[string]struct {
		points []measure.CrossPoint
		want   float64
		ok     bool
	}{
		"between":       {[]measure.CrossPoint{at(0.5, 20), at(0.7, 15), at(0.9, 5)}, 0.8, true},
		"faster at all": {[]measure.CrossPoint{at(0.5, 9), at(0.7, 8)}, 0.5, true},
		"slower at all": {[]measure.CrossPoint{at(0.5, 30), at(0.7, 11)}, 0, false},
		"falls behind":  {[]measure.CrossPoint{at(0.5, 5), at(0.7, 12), at(0.9, 8)}, 0.8, true},
		"no point":      {nil, 0, false},
	}
	for name, test := range tests {
		got, ok := measure.Crossover{Points: test.points}.From(engine.Sparse)
		if ok != test.ok || math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %g, %t, want %g, %t", name, got, ok, test.want, test.ok)
		}
	}
}

func TestCrossoverOfAConvolution(t *testing.T) {
	t.Parallel()
	clock, _ := steady(time.Second)
	attrs := models.Attrs{Out: 4, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}}
	c, err := measure.CrossoverOf(t.Context(), clock, defaultEngine(t), "conv", models.OpConv2D, models.Shape{3, 8, 8}, attrs, []float64{0.9}, 2, 1)
	if err != nil || c.Weights != 108 {
		t.Errorf("%+v, %v, want a layer of 108 weights", c, err)
	}
	if _, err := measure.CrossoverOf(t.Context(), clock, defaultEngine(t), "pool", models.OpMaxPool, models.Shape{3, 8, 8}, attrs, nil, 2, 1); err == nil || !strings.Contains(err.Error(), "layer pool: operation max_pool has no weights") {
		t.Errorf("error %v, want that a pool has no weights", err)
	}
}
