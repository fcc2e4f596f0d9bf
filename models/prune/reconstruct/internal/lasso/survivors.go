package lasso

import (
	"cmp"
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

const (
	first     = 1e-3 // the first penalty, as a share of the one that leaves nothing
	bisection = 60   // halvings of the interval, down to the precision of its ends
)

// Survivors are the coefficients that are not zero under a penalty that leaves
// at least least and at most most of them, ascending. The penalty is doubled
// until fewer than that survive, then bisected, each solution being the start of
// the next (He et al. 2017, as released).
//
// Where no penalty leaves so many, because coefficients vanish together, the
// smallest of the last solution with too many are dropped; where even without
// penalty too few differ from zero, those follow that explain most by
// themselves. least of len(c) coefficients are left then. Of equals the first
// stay. The error is the context's.
func Survivors(ctx context.Context, gram *mat.Dense, c []float64, least, most int) ([]int, error) {
	b := make([]float64, len(c))
	low, high := 0.0, math.Inf(1)
	many := slices.Clone(b) // the solution for low, once there is one
	alpha := first * largest(c)
	for range bisection {
		if err := Solve(ctx, gram, c, alpha, b); err != nil {
			return nil, err
		}
		n := count(b)
		switch {
		case n >= least && n <= most:
			return nonzero(b), nil
		case n > most:
			low = alpha
			copy(many, b)
		default:
			high = alpha
		}
		alpha = between(low, high)
	}
	if low == 0 {
		if err := Solve(ctx, gram, c, 0, many); err != nil {
			return nil, err
		}
	}
	kept := ranked(many, c, gram)[:least]
	slices.Sort(kept)
	return kept, nil
}

// between is the next penalty to try.
func between(low, high float64) float64 {
	if math.IsInf(high, 1) {
		return 2 * low
	}
	return (low + high) / 2
}

func count(b []float64) int { return len(nonzero(b)) }

func nonzero(b []float64) []int {
	var places []int
	for j, v := range b {
		if v != 0 {
			places = append(places, j)
		}
	}
	return places
}

// ranked are all coefficients, the largest first; those of zero follow in the
// order of what each explains alone.
func ranked(b, c []float64, gram *mat.Dense) []int {
	alone := func(j int) float64 {
		if d := gram.At(j, j); d > 0 {
			return c[j] * c[j] / d
		}
		return 0
	}
	order := make([]int, len(b))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(math.Abs(b[j]), math.Abs(b[i])), cmp.Compare(alone(j), alone(i)))
	})
	return order
}
