// Package reconstruct chooses which channels of a group may go so that the
// layers that read them change least, and fits the weights of those layers to
// what they have lost. It prunes by what a channel does on data, where other
// criteria look at weights or at the channel alone.
//
// # The equations
//
// Every reader of the group, convolution or linear layer, has a linear equation
// for each image, for a few positions of its output in it and for each of its
// filters: Y = sum over channels of Z_c W_c'. Z are the patches that it reads in
// the network as it is now, Y what it put out in the original network, without
// bias. So what earlier groups have spoilt is made good where it can be. From
// the Gram matrices of Z and Y all else follows, without looking at data again:
// the error of any choice, the choices themselves, and the fitted weights.
//
// The equations of several readers are stacked, each divided by the energy of
// its targets. Where batch normalization alone follows a reader, a filter's
// error counts as it is behind the normalization, as if that were merged into
// the layer, which the published code does first.
//
// # The choices
//
// [Lasso] is channel pruning (He, Zhang and Sun 2017), [Greedy] is ThiNet (Luo,
// Wu and Lin 2017). [Fit] takes a choice that was made elsewhere.
//
// Nothing here changes a network: a [Choice] says which units go, and what
// values the readers' parameters get.
package reconstruct

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/prune/channel"
)

// Problem is one group of one network.
type Problem struct {
	Engine   engine.Engine
	Original *models.Network // what the readers' outputs should be: the network before any of this
	// Current has the same graph and sizes. Units pruned so far are zeroed
	// ([channel.Zero]) and their readers fitted.
	Current *models.Network
	Group   channel.Group // of Current
	Alive   []int         // units of the group that may go, ascending; the others stay, or are gone already
	Keep    int           // how many of Alive stay; Fit does not read it
	X       []float32     // samples: N x the network's input
	N       int
	Points  int    // positions of a reader's output in each image; all, if it has fewer
	Seed    uint64 // of the positions
	// Residual lets the targets of a layer that ends a residual branch take in
	// the error of the other branches (He et al. 2017, section 3.3).
	Residual bool
	// Tolerance lets Lasso keep up to (1 + Tolerance) Keep units, where it comes
	// across such a number first; He et al. use 0.1.
	Tolerance float64
	// Reconstruct asks for fitted weights; otherwise the readers merely lose
	// their columns.
	Reconstruct bool
}

// Choice says which units go, and what becomes of those that read them.
type Choice struct {
	Gone []int // units of the group, ascending
	// Values are the values, full-size, of the parameters that change: the
	// readers' weights, with zeros for the units that go, and what takes up a
	// fitted intercept, their biases or the running means behind them.
	Values map[string][]float32
	// Error is the squared error of the readers' outputs without the units, as a
	// share of the targets' squares; of several readers the mean. Refitted is
	// the same with Values, and equals Error without Reconstruct.
	Error, Refitted float64
}

// Lasso keeps the units to which a LASSO regression of the readers' outputs on
// the contributions of the units gives coefficients, under the penalty that
// leaves Keep of them (He et al. 2017, section 3.1). The coefficients are used
// for the choice alone, as in the published code; then the readers' weights are
// fitted by least squares like those of [Fit]. All equations count for the
// choice, where the published code draws a few hundred: with the Gram matrix they
// cost no more.
func Lasso(ctx context.Context, p Problem) (*Choice, error) {
	if !(p.Tolerance >= 0 && p.Tolerance <= 1) {
		return nil, fmt.Errorf("group %s: tolerance %g is not in [0, 1]", p.Group.Name, p.Tolerance)
	}
	return p.choose(ctx, p.check(true), (*system).lasso, (*fit).solve)
}

// Greedy drops the units one by one, each time the one without which the
// readers' outputs are nearest to their targets (Luo et al. 2017, section 3.2;
// their targets are Current's own outputs, so Original is Current there).
// Reconstruct fits one factor for each unit that stays and each reader, by least
// squares, and no intercept.
func Greedy(ctx context.Context, p Problem) (*Choice, error) {
	return p.choose(ctx, p.check(true), (*system).greedy, (*fit).rescale)
}

// Fit takes units out that were chosen elsewhere, some of Alive in ascending
// order, and fits the readers' weights, filter by filter, to what is left. A
// layer with a bias, or with nothing but batch normalization behind it, gets an
// intercept with it.
//
// The normal equations, with all columns brought to one length, are solved by
// Cholesky's decomposition for the change of the weights. Where their condition
// is above 1e8, as with fewer equations than weights, a ridge is added that is as
// small as brings it below: directions that the data say nothing about keep the
// weights that they have. Masked weights stay zero.
//
// N x Points equations should be several times the weights that a filter keeps: a
// linear layer, which has one position, may otherwise learn the samples by heart.
func Fit(ctx context.Context, p Problem, gone []int) (*Choice, error) {
	for i, u := range gone {
		if _, alive := slices.BinarySearch(p.Alive, u); !alive || i > 0 && gone[i-1] >= u {
			return nil, fmt.Errorf("group %s: units %v are to go, want some of %v, ascending", p.Group.Name, gone, p.Alive)
		}
	}
	given := func(*system, context.Context) ([]int, error) { return gone, nil }
	return p.choose(ctx, p.check(false), given, (*fit).solve)
}

// choose sets up the equations, has the units chosen and the readers fitted.
func (p Problem) choose(ctx context.Context, fault error, gone func(*system, context.Context) ([]int, error), fitted func(*fit, context.Context) error) (*Choice, error) {
	if fault != nil {
		return nil, fmt.Errorf("group %s: %w", p.Group.Name, fault)
	}
	s, err := newSystem(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", p.Group.Name, err)
	}
	chosen, err := gone(s, ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.choice(ctx, chosen, fitted)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", p.Group.Name, err)
	}
	return c, nil
}

func (p Problem) check(counted bool) error {
	switch {
	case p.Engine == nil || p.Original == nil || p.Current == nil:
		return errors.New("a reconstruction needs an engine, the original network and the current one")
	case len(p.Group.Consumers) == 0:
		return errors.New("no layer reads its channels")
	case p.N < 1 || len(p.X) != p.N*p.Current.Input.Size():
		return fmt.Errorf("%d values for %d samples, want 1 sample or more of %d values", len(p.X), p.N, p.Current.Input.Size())
	case p.Points < 1:
		return fmt.Errorf("points %d: want at least 1 position in each image", p.Points)
	case counted && (p.Keep < 1 || p.Keep > len(p.Alive)):
		return fmt.Errorf("keep %d is not in 1 to %d, the units that may be chosen from", p.Keep, len(p.Alive))
	}
	for i, u := range p.Alive {
		if u < 0 || u >= len(p.Group.Units) || i > 0 && p.Alive[i-1] >= u {
			return fmt.Errorf("alive %v: want units 0 to %d, ascending", p.Alive, len(p.Group.Units)-1)
		}
	}
	return p.sameGraph()
}

// sameGraph compares what the equations need to be alike.
func (p Problem) sameGraph() error {
	if err := p.Original.Validate(); err != nil {
		return err
	}
	if err := p.Current.Validate(); err != nil {
		return err
	}
	same := slices.EqualFunc(p.Original.Nodes, p.Current.Nodes, func(a, b models.Node) bool {
		return a.Name == b.Name && a.Op == b.Op && slices.Equal(a.Inputs, b.Inputs)
	}) && slices.EqualFunc(p.Original.Params, p.Current.Params, func(a, b *models.Param) bool {
		return slices.Equal(a.Shape, b.Shape)
	})
	if !same {
		return errors.New("the original network and the current one differ in more than values")
	}
	return nil
}
