package prune_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models/prune"
)

func TestAtByHand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shape         string
		start, target float64
		want          []float64
	}{
		"linear":             {"linear", 0, 0.8, []float64{0.2, 0.4, 0.6, 0.8}},
		"linear from half":   {"linear", 0.5, 0.9, []float64{0.6, 0.7, 0.8, 0.9}},
		"cubic":              {"cubic", 0, 0.8, []float64{0.4625, 0.7, 0.7875, 0.8}}, // 0.8 (1 - 27/64, 1 - 8/64, 1 - 1/64)
		"cubic from half":    {"cubic", 0.5, 0.9, []float64{0.73125, 0.85, 0.89375, 0.9}},
		"geometric":          {"geometric", 0, 0.9375, []float64{0.5, 0.75, 0.875, 0.9375}}, // halves
		"geometric on":       {"geometric", 0.5, 0.96875, []float64{0.75, 0.875, 0.9375, 0.96875}},
		"geometric rounded":  {"geometric", 0, 0.9, []float64{0.683772234, 0.9}}, // 1 - sqrt(0.1)
		"one pass":           {"cubic", 0, 0.92, []float64{0.92}},
		"nothing left to do": {"cubic", 0.5, 0.5, []float64{0.5, 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []float64
			for pass := range c.want {
				s, err := prune.At(c.shape, pass+1, len(c.want), c.start, c.target)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("At (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAtRefuses(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for name, c := range map[string]struct {
		shape         string
		pass, passes  int
		start, target float64
		want          string
	}{
		"unknown shape":      {"square", 1, 2, 0, 0.9, `shape "square" is not known; allowed are cubic, geometric, linear`},
		"unknown shape, end": {"", 2, 2, 0, 0.9, `shape "" is not known`},
		"pass 0":             {"cubic", 0, 2, 0, 0.9, "pass 0 of 2"},
		"pass too far":       {"cubic", 3, 2, 0, 0.9, "pass 3 of 2"},
		"no passes":          {"cubic", 1, 0, 0, 0.9, "pass 1 of 0"},
		"120 %":              {"cubic", 1, 2, 0, 1.2, "target sparsity 1.2 is not between 0 and 1"},
		"target 0":           {"cubic", 1, 2, 0, 0, "target sparsity 0 is not between 0 and 1"},
		"target 1":           {"cubic", 1, 2, 0, 1, "target sparsity 1 is not between 0 and 1"},
		"target NaN":         {"cubic", 1, 2, 0, nan, "target sparsity NaN"},
		"start below 0":      {"cubic", 1, 2, -0.1, 0.9, "start sparsity -0.1 is not between 0 and the target 0.9"},
		"start past target":  {"cubic", 1, 2, 0.95, 0.9, "start sparsity 0.95 is not between 0 and the target 0.9"},
		"start NaN":          {"cubic", 1, 2, nan, 0.9, "start sparsity NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s, err := prune.At(c.shape, c.pass, c.passes, c.start, c.target); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("At = %g, %v, want an error that says %q", s, err, c.want)
			}
		})
	}
}

func FuzzAt(f *testing.F) {
	f.Add(0, 3, 0.0, 0.9)
	f.Add(1, 1, 0.5, 0.5)
	f.Add(2, 10000, 0.0, math.Nextafter(1, 0))
	f.Add(2, 7, math.NaN(), math.Inf(1))
	f.Add(1, 5, 0.0, math.SmallestNonzeroFloat64)
	f.Fuzz(func(t *testing.T, shape, passes int, start, target float64) {
		if passes < 1 || passes > 200 || shape < 0 || shape >= len(prune.Shapes()) {
			return
		}
		last := start
		for pass := 1; pass <= passes; pass++ {
			s, err := prune.At(prune.Shapes()[shape], pass, passes, start, target)
			if err != nil {
				return
			}
			if !(s >= last && s <= target) || (pass == passes && s != target) {
				t.Fatalf("pass %d of %d, %s from %g to %g: %g after %g", pass, passes, prune.Shapes()[shape], start, target, s, last)
			}
			last = s
		}
	})
}

func ExampleAt() {
	for _, shape := range prune.Shapes() {
		fmt.Printf("%-9s", shape)
		for pass := 1; pass <= 6; pass++ {
			sparsity, err := prune.At(shape, pass, 6, 0, 0.92)
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Printf(" %5.1f", 100*sparsity)
		}
		fmt.Println()
	}
	// Output:
	// cubic      38.8  64.7  80.5  88.6  91.6  92.0
	// geometric  34.4  56.9  71.7  81.4  87.8  92.0
	// linear     15.3  30.7  46.0  61.3  76.7  92.0
}
