package reconstruct_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/prune/reconstruct"
	"espalier/models/zoo/zootest"
)

func node(name string, op models.Op, a models.Attrs, inputs ...string) models.Node {
	return models.Node{Name: name, Op: op, Attrs: a, Inputs: inputs}
}

// odd is a network in which two groups, a and b, have three readers each: a
// convolution with stride, dilation and uneven padding that normalization
// follows, one with a bias, and a linear layer.
func odd(t *testing.T, seed uint64) *models.Network {
	t.Helper()
	net := &models.Network{Name: "odd", Input: models.Shape{3, 9, 8}, Nodes: []models.Node{
		node("x", models.OpInput, models.Attrs{}),
		node("a", models.OpConv2D, models.Attrs{Out: 6, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}}, "x"),
		node("ra", models.OpReLU, models.Attrs{}, "a"),
		node("b", models.OpConv2D, models.Attrs{Out: 4, Kernel: [2]int{1, 1}}, "x"),
		node("rb", models.OpReLU, models.Attrs{}, "b"),
		node("ab", models.OpConcat, models.Attrs{}, "ra", "rb"),
		node("d", models.OpConv2D, models.Attrs{Out: 5, Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Pad: [4]int{1, 0, 0, 2}, Dilation: [2]int{2, 3}, NoBias: true}, "ab"),
		node("bn", models.OpBatchNorm, models.Attrs{}, "d"),
		node("e", models.OpConv2D, models.Attrs{Out: 3, Kernel: [2]int{2, 2}}, "ab"),
		node("fd", models.OpFlatten, models.Attrs{}, "bn"),
		node("fe", models.OpFlatten, models.Attrs{}, "e"),
		node("fab", models.OpFlatten, models.Attrs{}, "ab"),
		node("fc", models.OpLinear, models.Attrs{Out: 7}, "fab"),
		node("all", models.OpConcat, models.Attrs{}, "fd", "fe", "fc"),
		node("out", models.OpLinear, models.Attrs{Out: 3}, "all"),
	}}
	zootest.Lay(t, net)
	return zootest.Draw(net, seed)
}

// everywhere is a problem on drawn samples, with all positions.
func everywhere(t *testing.T, original, current *models.Network, group string, n, keep int) reconstruct.Problem {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 9))
	x := make([]float32, n*current.Input.Size())
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	g := groupOf(t, current, group)
	return reconstruct.Problem{
		Engine: backend(t), Original: original, Current: current, Group: g, Alive: g.Free(), Keep: keep,
		X: x, N: n, Points: 1 << 20, Seed: 1, Reconstruct: true,
	}
}

// without are the filters' offsets: a bias, less the mean of a normalization.
func offset(net *models.Network, layer, norm string, filter int) float64 {
	sum := 0.0
	if bias := net.Param(layer + ".bias"); bias != nil {
		sum += float64(bias.Data[filter])
	}
	if mean := net.Param(norm + ".mean"); mean != nil {
		sum -= float64(mean.Data[filter])
	}
	return sum
}

// measured computes the error of one reader from the outputs of the networks:
// the original, the one before the choice and the one after it.
func measured(t *testing.T, p reconstruct.Problem, after *models.Network, layer, norm string) float64 {
	t.Helper()
	weight := p.Current.Param(layer + ".weight")
	want := collected(t, p.Engine, p.Original, p.X, p.N, layer)[layer]
	got := collected(t, p.Engine, after, p.X, p.N, layer)[layer]
	filters := weight.Shape[0]
	pixels := len(want) / p.N / filters
	var wrong, all float64
	for i := range want {
		f, scale := i/pixels%filters, 1.0
		bias := func(net *models.Network) float64 {
			if b := net.Param(layer + ".bias"); b != nil {
				return float64(b.Data[f])
			}
			return 0
		}
		if norm != "" {
			scale = float64(p.Current.Param(norm + ".gamma").Data[f]) / math.Sqrt(float64(p.Current.Param(norm + ".variance").Data[f])+1e-5)
		}
		target := float64(want[i]) - bias(p.Original) + offset(p.Original, layer, norm, f) - offset(p.Current, layer, norm, f)
		given := float64(got[i]) - bias(after) + offset(after, layer, norm, f) - offset(p.Current, layer, norm, f)
		wrong += scale * scale * (target - given) * (target - given)
		all += scale * scale * target * target
	}
	return wrong / all
}

func measuredAll(t *testing.T, p reconstruct.Problem, after *models.Network) float64 {
	t.Helper()
	return (measured(t, p, after, "d", "bn") + measured(t, p, after, "e", "") + measured(t, p, after, "fc", "")) / 3
}

// The errors that a choice states are those of the networks that it makes, from
// their outputs at all positions.
func TestErrorsAreThoseOfTheNetworks(t *testing.T) {
	t.Parallel()
	functions := map[string]func(reconstruct.Problem) (*reconstruct.Choice, error){
		"Lasso":  func(p reconstruct.Problem) (*reconstruct.Choice, error) { return reconstruct.Lasso(t.Context(), p) },
		"Greedy": func(p reconstruct.Problem) (*reconstruct.Choice, error) { return reconstruct.Greedy(t.Context(), p) },
		"Fit": func(p reconstruct.Problem) (*reconstruct.Choice, error) {
			return reconstruct.Fit(t.Context(), p, []int{1, 4})
		},
	}
	for name, call := range functions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			original := odd(t, 3)
			// Some of b is gone already, and the biases and means have moved.
			first := everywhere(t, original, original, "b", 60, 2)
			current := applied(t, original, "b", done(t)(reconstruct.Lasso(t.Context(), first)))
			p := everywhere(t, original, current, "a", 60, 4)
			c := done(t)(call(p))
			if got := measuredAll(t, p, applied(t, current, "a", c)); !(math.Abs(got-c.Refitted) <= 1e-5*got) {
				t.Errorf("the refitted network has an error of %g, stated is %g", got, c.Refitted)
			}
			p.Reconstruct = false
			plain := done(t)(call(p))
			if got := measuredAll(t, p, applied(t, current, "a", plain)); !(math.Abs(got-plain.Error) <= 1e-5*got) {
				t.Errorf("the network has an error of %g, stated is %g", got, plain.Error)
			}
			if plain.Error != c.Error || plain.Refitted != plain.Error || !slices.Equal(plain.Gone, c.Gone) {
				t.Errorf("without reconstruction the choice is %v of error %g and %g, with it %v of %g", plain.Gone, plain.Error, plain.Refitted, c.Gone, c.Error)
			}
			if c.Refitted >= c.Error {
				t.Errorf("fitting raises the error from %g to %g", c.Error, c.Refitted)
			}
		})
	}
}

// With nothing gone and more equations than weights, least squares finds the
// original weights again, whatever has become of them.
func TestFitRecoversWeights(t *testing.T) {
	t.Parallel()
	original := odd(t, 3)
	current := original.Clone()
	r := rand.New(rand.NewPCG(1, 1))
	for _, p := range current.Params {
		if p.Node == "d" || p.Node == "e" || p.Name == "bn.mean" {
			for i := range p.Data {
				p.Data[i] += float32(r.NormFloat64())
			}
		}
	}
	for name, from := range map[string]*models.Network{"as they are": original, "changed": current} {
		c := done(t)(reconstruct.Fit(t.Context(), everywhere(t, original, from, "a", 900, 0), nil))
		fitted := applied(t, from, "a", c)
		if c.Refitted > 1e-10 || name == "as they are" && c.Error > 1e-10 {
			t.Errorf("%s: error %g, fitted %g", name, c.Error, c.Refitted)
		}
		for i, p := range fitted.Params {
			if !closeTo(p.Data, original.Params[i].Data, 1e-4) {
				t.Errorf("%s: %s is not what it was", name, p.Name)
			}
		}
	}
}

// Weights that are masked one by one stay 0, filters that are gone stay so, and
// each filter is fitted with what it has.
func TestFitKeepsMasks(t *testing.T) {
	t.Parallel()
	original := odd(t, 3)
	current, err := channel.Zero(original, channel.Set{"d": {2}, "b": {0}})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, name := range []string{"d.weight", "fc.weight"} {
		p := current.Param(name)
		for i := range p.Data {
			if p.Mask == nil {
				p.Mask = slices.Repeat([]bool{true}, len(p.Data))
			}
			if r.IntN(4) == 0 {
				p.Mask[i] = false
			}
		}
		p.ApplyMask()
	}
	p := everywhere(t, original, current, "a", 100, 3)
	c := done(t)(reconstruct.Lasso(t.Context(), p))
	after := applied(t, current, "a", c) // which is valid
	if got := measuredAll(t, p, after); !(math.Abs(got-c.Refitted) <= 1e-4*got) {
		t.Errorf("the refitted network has an error of %g, stated is %g", got, c.Refitted)
	}
	if mean := after.Param("bn.mean").Data[2]; mean != 0 {
		t.Errorf("the mean of a filter that is gone is %g", mean)
	}
}
