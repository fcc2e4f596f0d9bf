package prune_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/prune"
	"espalier/models/zoo"
)

func TestHanByHand(t *testing.T) {
	t.Parallel()
	fc1, fc2 := []float32{1, -2, 3, -4}, []float32{5, -6, 0.5, 7, 8, 9} // 2 inputs, 2 hidden, 3 classes
	for name, c := range map[string]struct {
		options  prune.Options
		fc1, fc2 string
	}{
		"half of each layer":        {prune.Options{Scope: "layer", Sparsity: 0.5}, "0011", "000111"},
		"share of all":              {prune.Options{Scope: "global", Sparsity: 0.4}, "0001", "110111"},
		"nearest whole number":      {prune.Options{Scope: "layer", Sparsity: 0.6}, "0011", "000011"}, // 2.4 and 3.6
		"other share for one layer": {prune.Options{Scope: "layer", Sparsity: 0.5, Layers: map[string]float64{"fc1": 0.75}}, "0001", "000111"},
		"a share for each layer":    {prune.Options{Scope: "layer", Layers: map[string]float64{"fc1": 0.75, "fc2": 0.17}}, "0001", "110111"},
		"one layer excluded":        {prune.Options{Scope: "layer", Sparsity: 0.5, Exclude: []string{"fc2"}}, "0011", "111111"},
		"excluded do not count":     {prune.Options{Scope: "global", Sparsity: 0.5, Exclude: []string{"fc2"}}, "0011", "111111"},
		// fc1: mean -0.5, variance 30/4 - 0.25 = 7.25, deviation 2.6926.
		"quality 1":                  {prune.Options{Scope: "layer", Quality: map[string]float64{"fc1": 1}, Exclude: []string{"fc2"}}, "0011", "111111"},
		"quality just above 2 / std": {prune.Options{Scope: "layer", Quality: map[string]float64{"fc1": 0.743}, Exclude: []string{"fc2"}}, "0011", "111111"},
		"quality just below 2 / std": {prune.Options{Scope: "layer", Quality: map[string]float64{"fc1": 0.742}, Exclude: []string{"fc2"}}, "0111", "111111"},
		// fc2: mean 23.5/6 = 3.9167, variance 255.25/6 - 15.340 = 27.201, deviation 5.2155.
		"default quality": {prune.Options{Scope: "layer", Quality: map[string]float64{"fc1": 0.1, "default": 1}}, "1111", "010111"},
		// Together: mean 2.15, variance 285.25/10 - 4.6225 = 23.9025, deviation 4.889.
		"quality over all": {prune.Options{Scope: "global", Quality: map[string]float64{"default": 0.8}}, "0001", "110111"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.options.Method = "han"
			net := with(t, 2, []int{2}, fc1, fc2)
			pruned := apply(t, net, plan(t, net, c.options))
			if got1, got2 := mask(pruned, "fc1.weight"), mask(pruned, "fc2.weight"); got1 != c.fc1 || got2 != c.fc2 {
				t.Errorf("masks %s and %s, want %s and %s", got1, got2, c.fc1, c.fc2)
			}
		})
	}
}

func TestEqualWeightsKeepOrder(t *testing.T) {
	t.Parallel()
	equal := []float32{1, -1, 1, -1}
	net := with(t, 2, []int{2}, equal, []float32{1, 1, 1, 1, 1, 1})
	if got := mask(apply(t, net, plan(t, net, han(0.5))), "fc1.weight"); got != "1100" {
		t.Errorf("scope layer: mask %s, want 1100", got)
	}
	global := prune.Options{Method: "han", Scope: "global", Sparsity: 0.5}
	pruned := apply(t, net, plan(t, net, global))
	if got := mask(pruned, "fc1.weight") + mask(pruned, "fc2.weight"); got != "1111"+"100000" {
		t.Errorf("scope global: masks %s, want 1111100000", got)
	}
}

func TestHanOfThePaper(t *testing.T) {
	t.Parallel()
	net, err := zoo.Build(zoo.Options{Arch: "lenet-300-100", Input: models.Shape{784}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 1)
	o := han(0)
	o.Layers = map[string]float64{"fc1": 0.92, "fc2": 0.91, "fc3": 0.74}
	p := plan(t, net, o)
	for i, want := range []int{18816, 2700, 260} { // 8 %, 9 % and 26 %, table 3
		if p.Layers[i].After != want {
			t.Errorf("%s: %d weights stay, want %d", p.Layers[i].Name, p.Layers[i].After, want)
		}
	}
	// For normal weights, keep share p needs quality z with 2 (1 - Phi(z)) = p.
	o = han(0)
	o.Quality = map[string]float64{"fc1": 1.7507, "default": 1.6954}
	for i, want := range []float64{0.92, 0.91, 0.91} {
		layer := plan(t, net, o).Layers[i]
		if got, bound := layer.Sparsity(), 4*math.Sqrt(0.08*0.92/float64(layer.Weights)); math.Abs(got-want) > bound {
			t.Errorf("%s: sparsity %g, want %g within %g", layer.Name, got, want, bound)
		}
	}
}

func TestTheSameQualityCutsAgain(t *testing.T) {
	t.Parallel()
	net := mlp(t, 1, 784, 300)
	o := prune.Options{Method: "han", Scope: "layer", Quality: map[string]float64{"default": 1}, Exclude: []string{"fc2"}}
	// 2 Q(1) = 0.317; the tail beyond 1 has deviation 1.589, 2 Q(1.589) = 0.112.
	for pass, want := range []float64{0.317, 0.112} {
		p := plan(t, net, o)
		if got := 1 - p.Layers[0].Sparsity(); math.Abs(got-want) > 0.005 {
			t.Errorf("pass %d keeps %g, want %g", pass+1, got, want)
		}
		net = apply(t, net, p)
	}
}

func TestDeviationIsOverNonZeroWeights(t *testing.T) {
	t.Parallel()
	// Masked and zero weights aside: 3, -3, 3, -3, deviation 3.
	net := with(t, 8, []int{1}, []float32{0, 3, 0, -3, 0, 3, 0, -3}, []float32{1, 1, 1})
	o := prune.Options{Method: "han", Scope: "layer", Quality: map[string]float64{"fc1": 1}, Exclude: []string{"fc2"}}
	p := plan(t, net, o)
	if p.Layers[0].Threshold != 3 {
		t.Errorf("threshold %g, want 3", p.Layers[0].Threshold)
	}
	if got := mask(apply(t, net, p), "fc1.weight"); got != "01010101" {
		t.Errorf("mask %s, want 01010101: a weight at the threshold stays", got)
	}
}

func TestPrunedIsFinal(t *testing.T) {
	t.Parallel()
	net := with(t, 2, []int{2}, []float32{1, 2, 3, 4}, []float32{1, 2, 3, 4, 5, 6})
	once := apply(t, net, plan(t, net, han(0.5)))
	// Weights that came back to life would be the largest.
	twice := apply(t, once, plan(t, once, han(0.75)))
	if got := mask(twice, "fc1.weight"); got != "0001" {
		t.Errorf("second pass: mask %s, want 0001", got)
	}
	less := plan(t, twice, han(0.25))
	if got := mask(apply(t, twice, less), "fc1.weight"); got != "0001" || less.Layers[0].After != 1 {
		t.Errorf("a lower target: mask %s, %d stay, want 0001 and 1", got, less.Layers[0].After)
	}
}

func TestEmptyLayersAreRefused(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		fc1     []float32
		options prune.Options
		want    string
	}{
		"all of a layer":          {nil, prune.Options{Scope: "layer", Sparsity: 0.9}, "sparsity 0.9 of layer fc1 would mask 4 of 4 weights and leave a layer empty; at most 3 can go, sparsity 0.75"},
		"more than layers global": {nil, prune.Options{Scope: "global", Sparsity: 0.9}, "sparsity 0.9 of 2 layers together would mask 9 of 10 weights and leave a layer empty; at most 8 can go, sparsity 0.8"},
		"weak layer global":       {nil, prune.Options{Scope: "global", Sparsity: 0.4}, "would mask 4 of 10 weights and leave a layer empty; at most 3 can go, sparsity 0.3"},
		"quality":                 {nil, prune.Options{Scope: "layer", Quality: map[string]float64{"default": 2}}, "quality 2 of layer fc1 would leave a layer without weights; at most 1.485 leaves one in each"},
		"quality global":          {nil, prune.Options{Scope: "global", Quality: map[string]float64{"default": 2}}, "quality 2 of 2 layers together would leave a layer without weights; at most 0."},
		"NaN":                     {[]float32{1, 2, nan, 3}, prune.Options{Scope: "layer", Sparsity: 0.5}, "fc1.weight: element 2 is NaN; training has diverged"},
		"NaN in excluded layer":   {[]float32{1, 2, nan, 3}, prune.Options{Scope: "layer", Sparsity: 0.5, Exclude: []string{"fc1"}}, "fc1.weight: element 2 is NaN"},
		"infinity":                {[]float32{1, 2, 3, float32(math.Inf(-1))}, prune.Options{Scope: "layer", Sparsity: 0.5}, "fc1.weight: element 3 is -Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fc1 := []float32{1, -2, 3, -4}
			if c.fc1 != nil {
				fc1 = c.fc1
			}
			net := with(t, 2, []int{2}, fc1, []float32{5, -6, 5.5, 7, 8, 9})
			c.options.Method = "han"
			if _, err := prune.NewPlan(context.Background(), net, c.options, prune.Basis{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("NewPlan error %v, want it to say %q", err, c.want)
			}
		})
	}
}

// The figures that an error names as the most that can go are right.
func TestRefusalNamesTheMost(t *testing.T) {
	t.Parallel()
	refused := 0
	for seed := range uint64(20) {
		net := mlp(t, seed, 6, 5, 4)
		for i := range net.Param("fc1.weight").Data {
			net.Param("fc1.weight").Data[i] /= 4 // the weakest layer
		}
		_, err := prune.NewPlan(context.Background(), net, prune.Options{Method: "han", Scope: "global", Sparsity: 0.94}, prune.Basis{})
		if err == nil {
			continue
		}
		refused++
		var most int
		var sparsity float64
		tail := err.Error()[strings.Index(err.Error(), "at most"):]
		if _, err := fmt.Sscanf(tail, "at most %d can go, sparsity %g", &most, &sparsity); err != nil {
			t.Fatalf("%q: %v", tail, err)
		}
		p := plan(t, net, prune.Options{Method: "han", Scope: "global", Sparsity: sparsity})
		if got := p.Layers[0].Weights + p.Layers[1].Weights + p.Layers[2].Weights - p.Layers[0].After - p.Layers[1].After - p.Layers[2].After; got != most {
			t.Errorf("seed %d: sparsity %g removes %d, the error promised %d", seed, sparsity, got, most)
		}
		if _, err := prune.NewPlan(context.Background(), net, prune.Options{Method: "han", Scope: "global", Sparsity: float64(most+1) / 62}, prune.Basis{}); err == nil {
			t.Errorf("seed %d: one more than the most is not refused", seed)
		}
	}
	if refused == 0 {
		t.Error("no seed was refused, nothing was tested")
	}
}

func Example() {
	net, err := zoo.Build(zoo.Options{Arch: "lenet-300-100", Input: models.Shape{1, 28, 28}, Classes: 10, Dropout: 0.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	zoo.Init(net, 1)
	plan, err := prune.NewPlan(context.Background(), net, prune.Options{
		Method: "han", Scope: prune.ScopeLayer,
		Layers:        map[string]float64{"fc1": 0.92, "fc2": 0.91, "fc3": 0.74},
		AdjustDropout: true,
	}, prune.Basis{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan)
	pruned, err := prune.Apply(net, plan)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pruned.Validate())
	// Output:
	// layer  weights  before  after  sparsity  threshold  dead
	//     fc1   235200  235200  18816   92.00 %    0.08845     0
	//     fc2    30000   30000   2700   91.00 %     0.1385     0
	//     fc3     1000    1000    260   74.00 %     0.1536     0
	//   total   266200  266200  21776   91.82 %          -     0
	// dropout drop1: 0.5 -> 0.1414
	// dropout drop2: 0.5 -> 0.15
	// <nil>
}
