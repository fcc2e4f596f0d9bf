package reconstruct_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/prune/reconstruct"
	"espalier/models/zoo/zootest"
)

// smallest are all units but the keep of the largest weights, summed without
// sign over the parts of the parameters that belong to them.
func smallest(p reconstruct.Problem, part func(channel.Unit) []channel.Slice) []int {
	sums := make([]float64, len(p.Group.Units))
	for i, u := range p.Group.Units {
		for _, s := range part(u) {
			param := p.Current.Param(s.Param)
			inner, n := param.Shape[s.Axis+1:].Size(), param.Shape[s.Axis]
			for _, index := range s.Indices {
				for at := index * inner; at < len(param.Data); at += n * inner {
					for _, v := range param.Data[at:][:inner] {
						sums[i] += math.Abs(float64(v))
					}
				}
			}
		}
	}
	order := slices.Clone(p.Alive)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sums[a], sums[b]) })
	gone := order[:len(order)-p.Keep]
	slices.Sort(gone)
	return gone
}

func firstK(p reconstruct.Problem) []int { return slices.Clone(p.Alive[p.Keep:]) }

// weightSum is by the filters that make the channels, response by the weights
// that read them.
func weightSum(p reconstruct.Problem) []int {
	return smallest(p, func(u channel.Unit) []channel.Slice { return u.Filters })
}

func response(p reconstruct.Problem) []int {
	return smallest(p, func(u channel.Unit) []channel.Slice { return u.Inputs })
}

// On a trained LeNet-5 channel-lasso's choice is better than the first channels,
// those of the largest weights and drawn ones, and least squares improves it.
func TestLassoIsBetterThanTheBaselines(t *testing.T) {
	t.Parallel()
	n := use(t, lenet)
	r := rand.New(rand.NewPCG(4, 4))
	for _, test := range []struct {
		group string
		keep  int
	}{{"conv1", 4}, {"conv1", 10}, {"conv2", 15}, {"fc1", 100}} {
		p := n.problem(t, test.group, test.keep)
		chosen := done(t)(reconstruct.Lasso(t.Context(), p))
		if len(p.Alive)-len(chosen.Gone) != test.keep {
			t.Errorf("%s: %d of %d units go, %d are to stay", test.group, len(chosen.Gone), len(p.Alive), test.keep)
		}
		if chosen.Refitted >= chosen.Error/2 {
			t.Errorf("%s to %d: least squares lowers the error from %g to %g only", test.group, test.keep, chosen.Error, chosen.Refitted)
		}
		p.Reconstruct = false
		for name, gone := range map[string][]int{
			"first k": firstK(p), "max response": response(p), "weight sum": weightSum(p), "random": gone(r, len(p.Alive), len(p.Alive)-p.Keep),
		} {
			if other := done(t)(reconstruct.Fit(t.Context(), p, gone)); chosen.Error >= other.Error {
				t.Errorf("%s to %d: LASSO's error is %g, that of %s %g", test.group, test.keep, chosen.Error, name, other.Error)
			}
		}
	}
}

// ThiNet's value is no worse than that of a draw or of the weights at every
// count, and one factor for each channel improves it.
func TestGreedyIsBetterThanTheBaselines(t *testing.T) {
	t.Parallel()
	n := use(t, lenet)
	r := rand.New(rand.NewPCG(4, 4))
	for keep := 1; keep < 20; keep++ {
		p := n.problem(t, "conv1", keep)
		p.N = 80
		p.X = p.X[:p.N*p.Current.Input.Size()]
		chosen := done(t)(reconstruct.Greedy(t.Context(), p))
		if chosen.Refitted >= chosen.Error {
			t.Errorf("keep %d: factors change the error from %g to %g", keep, chosen.Error, chosen.Refitted)
		}
		p.Reconstruct = false
		for name, gone := range map[string][]int{"weight sum": weightSum(p), "random": gone(r, 20, 20-keep)} {
			if other := done(t)(reconstruct.Fit(t.Context(), p, gone)); chosen.Error > other.Error {
				t.Errorf("keep %d: greedy's error is %g, that of %s %g", keep, chosen.Error, name, other.Error)
			}
		}
	}
}

// The greedy choice is that of trying every unit in turn.
func TestGreedyIsWhatTryingGives(t *testing.T) {
	t.Parallel()
	original := odd(t, 5)
	current, err := channel.Zero(original, channel.Set{"b": {1}})
	if err != nil {
		t.Fatal(err)
	}
	p := everywhere(t, original, current, "a", 20, 0)
	p.Reconstruct = false
	var want []int
	for p.Keep = len(p.Alive) - 1; p.Keep > 0; p.Keep-- {
		var best *reconstruct.Choice
		for _, u := range p.Alive {
			if slices.Contains(want, u) {
				continue
			}
			tried := append(slices.Clone(want), u)
			slices.Sort(tried)
			if c := done(t)(reconstruct.Fit(t.Context(), p, tried)); best == nil || c.Error < best.Error {
				best = c
			}
		}
		want = best.Gone
		if got := done(t)(reconstruct.Greedy(t.Context(), p)); !slices.Equal(got.Gone, want) {
			t.Fatalf("keep %d: greedy drops %v, trying drops %v", p.Keep, got.Gone, want)
		}
	}
}

// Some units stay whatever happens; the rest of a group may be gone already.
func TestOnlyUnitsThatAreAliveGo(t *testing.T) {
	t.Parallel()
	original := odd(t, 5)
	current, err := channel.Zero(original, channel.Set{"a": {1}})
	if err != nil {
		t.Fatal(err)
	}
	p := everywhere(t, original, current, "a", 20, 2)
	p.Alive = []int{0, 2, 4, 5}
	for name, call := range map[string]func(context.Context, reconstruct.Problem) (*reconstruct.Choice, error){"Lasso": reconstruct.Lasso, "Greedy": reconstruct.Greedy} {
		c := done(t)(call(t.Context(), p))
		if len(c.Gone) != 2 || slices.Contains(c.Gone, 3) || slices.Contains(c.Gone, 1) {
			t.Errorf("%s drops %v, want two of %v", name, c.Gone, p.Alive)
		}
		pruned := applied(t, current, "a", c)
		if column := pruned.Param("fc.weight").Data[3*9*8]; column == 0 {
			t.Errorf("%s takes the weights of a unit that stays", name)
		}
	}
	p.Keep = 4
	for name, call := range map[string]func(context.Context, reconstruct.Problem) (*reconstruct.Choice, error){"Lasso": reconstruct.Lasso, "Greedy": reconstruct.Greedy} {
		if c := done(t)(call(t.Context(), p)); len(c.Gone) != 0 || c.Refitted >= c.Error {
			t.Errorf("%s drops %v where all may stay; the error goes from %g to %g", name, c.Gone, c.Error, c.Refitted)
		}
	}
}

func TestToleranceKeepsAFewMore(t *testing.T) {
	t.Parallel()
	p := use(t, lenet).problem(t, "fc1", 200)
	p.Tolerance, p.Reconstruct = 0.1, false
	c := done(t)(reconstruct.Lasso(t.Context(), p))
	if kept := 500 - len(c.Gone); kept < 200 || kept > 220 {
		t.Errorf("%d units stay, want 200 to 220", kept)
	}
}

func TestChoicesAreTheSameAgain(t *testing.T) {
	t.Parallel()
	p := use(t, lenet).problem(t, "conv1", 10)
	p.N = 100
	p.X = p.X[:p.N*p.Current.Input.Size()]
	for name, call := range map[string]func(context.Context, reconstruct.Problem) (*reconstruct.Choice, error){"Lasso": reconstruct.Lasso, "Greedy": reconstruct.Greedy} {
		one, two := done(t)(call(t.Context(), p)), done(t)(call(t.Context(), p))
		if diff := gocmp.Diff(one, two); diff != "" {
			t.Errorf("%s gives another choice the second time:\n%s", name, diff)
		}
		other := p
		other.Seed = 2
		if done(t)(call(t.Context(), other)).Error == one.Error {
			t.Errorf("%s: another seed samples the same positions", name)
		}
	}
}

func TestProblemsThatAreRefused(t *testing.T) {
	t.Parallel()
	net := odd(t, 5)
	tests := map[string]struct {
		change func(*reconstruct.Problem)
		want   string
	}{
		"nothing stays":      {func(p *reconstruct.Problem) { p.Keep = 0 }, "group a: keep 0 is not in 1 to 6"},
		"more than there is": {func(p *reconstruct.Problem) { p.Keep = 7 }, "group a: keep 7 is not in 1 to 6"},
		"no readers":         {func(p *reconstruct.Problem) { p.Group.Consumers = nil }, "group a: no layer reads its channels"},
		"no samples":         {func(p *reconstruct.Problem) { p.N = 0 }, "values for 0 samples"},
		"no positions":       {func(p *reconstruct.Problem) { p.Points = 0 }, "points 0: want at least 1"},
		"unknown units":      {func(p *reconstruct.Problem) { p.Alive = []int{2, 6} }, "alive [2 6]: want units 0 to 5, ascending"},
		"no tolerance":       {func(p *reconstruct.Problem) { p.Tolerance = math.NaN() }, "tolerance NaN is not in [0, 1]"},
		"not finite":         {func(p *reconstruct.Problem) { p.X[5] = float32(math.NaN()) }, "is not finite"},
		"another network": {func(p *reconstruct.Problem) {
			p.Original = zootest.Draw(&models.Network{Name: "other", Input: p.Current.Input, Nodes: p.Current.Nodes[:2], Params: p.Current.Params[:2]}, 1)
		}, "differ in more than values"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := everywhere(t, net, net.Clone(), "a", 3, 2)
			test.change(&p)
			if _, err := reconstruct.Lasso(t.Context(), p); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	for _, some := range [][]int{{6}, {2, 1}, {1, 1}} {
		_, err := reconstruct.Fit(t.Context(), everywhere(t, net, net, "a", 3, 2), some)
		if want := fmt.Sprintf("group a: units %v are to go, want some of [0 1 2 3 4 5], ascending", some); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestGroupedConvolutionsAreRefused(t *testing.T) {
	t.Parallel()
	net := &models.Network{Name: "grouped", Input: models.Shape{2, 4, 4}, Nodes: []models.Node{
		node("x", models.OpInput, models.Attrs{}),
		node("a", models.OpConv2D, models.Attrs{Out: 4}, "x"),
		node("b", models.OpConv2D, models.Attrs{Out: 4, Groups: 2}, "a"),
		node("flat", models.OpFlatten, models.Attrs{}, "b"),
	}}
	zootest.Lay(t, net)
	_, err := reconstruct.Greedy(t.Context(), everywhere(t, net, net, "a", 3, 1))
	if want := "group a: layer b: a convolution in 2 groups cannot be reconstructed"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestChoicesStopWithTheContext(t *testing.T) {
	t.Parallel()
	net := odd(t, 5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func(context.Context, reconstruct.Problem) (*reconstruct.Choice, error){"Lasso": reconstruct.Lasso, "Greedy": reconstruct.Greedy} {
		if _, err := call(ctx, everywhere(t, net, net, "a", 3, 2)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s after the end: %v, want %v", name, err, context.Canceled)
		}
	}
}
