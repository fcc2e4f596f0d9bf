package compress_test

import (
	"math"
	"reflect"
	"testing"

	"espalier/models/compress"
)

// A portion of the weights of each tensor become their centroids, the nearest
// ones first, and nothing else changes.
func TestPortionsAreOfTheNearestWeights(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-5", 3, map[string]float64{"conv2": 0.2, "fc1": 0.05})
	for _, name := range []string{"conv1.bias", "fc1.bias"} {
		for i := range net.Param(name).Data {
			net.Param(name).Data[i] = float32(i%13) / 7
		}
	}
	o := compress.Options{Bits: map[string]int{"conv2": 3, "fc1": 4}, Biases: map[string]int{"fc1": 2}, Init: compress.InitOptimal}
	all, _, err := compress.Quantize(net, o)
	if err != nil {
		t.Fatal(err)
	}
	coded := map[string]bool{"conv2.weight": true, "fc1.weight": true, "fc1.bias": true}
	o.Keep = 16 // for the last step only
	before := net.Clone()
	for _, portion := range []float64{0.001, 0.3, 0.5, 0.99, 1} {
		part, err := compress.QuantizePortion(net, o, portion)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range part.Params {
			own, want := net.Params[i].Data, all.Params[i].Data
			stored, changed, furthest, nearest := 0, 0, 0.0, math.Inf(1)
			for j, v := range p.Data {
				moved := math.Abs(float64(want[j]) - float64(own[j]))
				switch {
				case own[j] == 0 && v == 0:
					continue
				case v == want[j]:
					changed++
					furthest = max(furthest, moved)
				case v == own[j]:
					nearest = min(nearest, moved)
				default:
					t.Fatalf("%s: weight %d of %g became %g, its centroid is %g", p.Name, j, own[j], v, want[j])
				}
				stored++
			}
			if !coded[p.Name] {
				if !sameBits(p.Data, own) {
					t.Errorf("%s has no centroids and changed", p.Name)
				}
				continue
			}
			if furthest > nearest {
				t.Errorf("%s at %g: a weight moved by %g, one that would by %g did not", p.Name, portion, furthest, nearest)
			}
			if want := int(math.Round(portion * float64(stored))); changed != want {
				t.Errorf("%s at %g: %d of %d weights have centroids, want %d", p.Name, portion, changed, stored, want)
			}
		}
	}
	if !reflect.DeepEqual(before, net) {
		t.Error("the network given changed")
	}
}

func TestPortionsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-300-100", 1, kept300)
	o := compress.Options{Bits: map[string]int{compress.Default: 3}, Init: compress.InitLinear}
	for _, portion := range []float64{0, -0.5, 1.01, math.NaN(), math.Inf(1)} {
		if _, err := compress.QuantizePortion(net, o, portion); err == nil {
			t.Errorf("portion %g was taken", portion)
		}
	}
	o.Init = "none"
	if _, err := compress.QuantizePortion(net, o, 0.5); err == nil {
		t.Error("an unknown init was taken")
	}
}
