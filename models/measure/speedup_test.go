package measure_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/measure"
)

// convolution is a measured 3x3 layer of an image of 16 x 16 pixels.
func convolution(name string, in, out int, took time.Duration) measure.LayerLatency {
	weights := int64(9 * in * out)
	return measure.LayerLatency{
		Name: name, Op: models.OpConv2D, In: models.Shape{in, 16, 16}, Out: models.Shape{out, 16, 16},
		Attrs:   models.Attrs{Out: out, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}},
		Weights: weights, MACs: 256 * weights,
		Latency: measure.Latency{Batch: 64, Rounds: 1, Median: took, Low: took, High: took},
	}
}

func product(in, out int, took time.Duration) measure.LayerLatency {
	return measure.LayerLatency{
		Name: "a", Op: models.OpLinear, In: models.Shape{in}, Out: models.Shape{out}, Weights: int64(in * out), MACs: int64(in * out),
		Latency: measure.Latency{Batch: 1, Rounds: 1, Median: took, Low: took, High: took},
	}
}

// spread has quartiles at 7 tenths of the median and at 14.
func spread(l measure.LayerLatency) measure.LayerLatency {
	l.Low, l.High = l.Median*7/10, l.Median*14/10
	return l
}

func first(l measure.LayerLatency) measure.LayerLatency {
	l.First = true
	return l
}

func TestWhyALayerLosesItsSpeedup(t *testing.T) {
	t.Parallel()
	const ms, us = time.Millisecond, time.Microsecond
	for name, test := range map[string]struct {
		dense, small measure.LayerLatency
		want         []string
	}{
		"it does not":           {convolution("a", 64, 64, 40*ms), convolution("a", 32, 32, 11*ms), nil},
		"nothing was taken":     {convolution("a", 64, 64, 40*ms), convolution("a", 64, 64, 90*ms), nil},
		"no reason is known":    {convolution("a", 64, 64, 40*ms), convolution("a", 32, 32, 20*ms), []string{"nothing that its shape tells"}},
		"the rounds differ":     {spread(convolution("a", 64, 64, 40*ms)), spread(convolution("a", 32, 32, 20*ms)), []string{"no more than the rounds differ"}},
		"vectors":               {convolution("a", 64, 64, 40*ms), convolution("a", 32, 33, 20*ms), []string{"33 outputs fill 82 % of their vectors of 8"}},
		"the first layer":       {first(convolution("a", 3, 64, 40*ms)), first(convolution("a", 3, 32, 39*ms)), []string{"the first layer: its input stays 3 channels"}},
		"input":                 {convolution("a", 64, 64, 40*ms), convolution("a", 64, 32, 39*ms), []string{"its input stays 64 channels"}},
		"output":                {convolution("a", 64, 64, 40*ms), convolution("a", 32, 64, 39*ms), []string{"its output stays 64 channels"}},
		"minimal filtering":     {convolution("a", 8, 8, 40*ms), convolution("a", 2, 24, 39*ms), []string{"too small for minimal filtering, by which the dense layer is computed"}},
		"memory and short time": {product(64, 64, 9*us), product(32, 32, 8*us), []string{"bound by memory: 0.24 MACs for each byte that it reads and writes", "short: what each call costs counts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := measure.LayerSpeedups([]measure.LayerLatency{test.dense}, []measure.LayerLatency{test.small})
			if diff := cmp.Diff(test.want, got[0].Why); diff != "" {
				t.Errorf("why (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLayerSpeedupsPairByName(t *testing.T) {
	t.Parallel()
	a, b := convolution("a", 8, 8, 8*time.Millisecond), convolution("b", 8, 8, 8*time.Millisecond)
	smallA, c := convolution("a", 8, 4, 5*time.Millisecond), convolution("c", 8, 8, 0)
	got := measure.LayerSpeedups([]measure.LayerLatency{b, a}, []measure.LayerLatency{c, smallA})
	want := []measure.LayerSpeedup{
		{Name: "b", Dense: &b},
		{
			Name: "a", Dense: &a, Small: &smallA, Speedup: measure.Speedup{Theoretical: 2, Measured: 1.6}, Lost: time.Millisecond,
			Why: []string{"4 outputs fill 50 % of their vectors of 8", "too small for minimal filtering, by which the dense layer is computed", "its input stays 8 channels"},
		},
		{Name: "c", Small: &c},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("LayerSpeedups (-want +got):\n%s", diff)
	}
	if reached := got[1].Reached(); reached != 0.8 {
		t.Errorf("%g of the theoretical speed-up, want 0.8", reached)
	}
}

func TestSpeedupThatCannotBeTold(t *testing.T) {
	t.Parallel()
	if s := measure.SpeedupOf(4, 0, measure.Latency{Median: 1}, measure.Latency{}); s != (measure.Speedup{}) || s.Reached() != 0 {
		t.Errorf("%+v, want zeros", s)
	}
}
