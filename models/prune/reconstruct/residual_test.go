package reconstruct_test

import (
	"testing"

	"espalier/models/prune/reconstruct"
)

// distance is the squared difference of what a node puts out in two networks, as
// a share of the first's squares.
func distance(t *testing.T, p reconstruct.Problem, c *reconstruct.Choice, name string) float64 {
	t.Helper()
	want := collected(t, p.Engine, p.Original, p.X, p.N, name)[name]
	got := collected(t, p.Engine, applied(t, p.Current, p.Group.Name, c), p.X, p.N, name)[name]
	wrong, all := 0.0, 0.0
	for i := range want {
		d := float64(want[i]) - float64(got[i])
		wrong += d * d
		all += float64(want[i]) * float64(want[i])
	}
	return wrong / all
}

// A block's last convolution makes good what the shortcut brings along of
// earlier errors, if it is told of them: the block's output is nearer to the
// original than without.
func TestResidualTargetsLowerTheBlocksError(t *testing.T) {
	t.Parallel()
	n := use(t, residual)
	// An earlier block leaves its error on the stream.
	before := n.problem(t, "layer1.0.conv1", 2)
	current := applied(t, n.net, "layer1.0.conv1", done(t)(reconstruct.Lasso(t.Context(), before)))
	for _, keep := range []int{8, 4} {
		p := n.problem(t, "layer1.1.conv1", keep)
		p.Current = current
		told, untold := p, p
		told.Residual = true
		with := distance(t, told, done(t)(reconstruct.Lasso(t.Context(), told)), "layer1.1.add")
		without := distance(t, untold, done(t)(reconstruct.Lasso(t.Context(), untold)), "layer1.1.add")
		if !(with < without) {
			t.Errorf("keep %d: the block's error is %g with residual targets, %g without", keep, with, without)
		}
	}
	// Where the shortcut is as it was there is nothing to tell.
	told := before
	told.Residual = true
	if with, without := done(t)(reconstruct.Lasso(t.Context(), told)), done(t)(reconstruct.Lasso(t.Context(), before)); with.Error-without.Error > 1e-6 {
		t.Errorf("without an error on the shortcut residual targets change the choice: %g and %g", with.Error, without.Error)
	}
}
