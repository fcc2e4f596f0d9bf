// Package lasso solves LASSO regressions that are given by their Gram matrix,
// and finds the penalty with which a wanted number of coefficients survives.
//
// With the Gram matrix the cost does not depend on the number of observations,
// and one matrix serves every penalty. The order of all computations is fixed.
package lasso

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

const (
	// tolerance is how far the gradient may move in the last round, as a share
	// of the largest covariance.
	tolerance = 1e-8
	// patience is how many rounds may creep along a valley, between columns that
	// are almost the same, before a leap is tried; maxLeaps ends what no leap helps.
	patience = 60
	maxLeaps = 200
)

// Solve minimizes b'Gb/2 - c'b + alpha |b|_1 by coordinate descent in cyclic
// order (Friedman, Hastie and Tibshirani 2010), which is scikit-learn's
// objective |y - Zb|^2/2M + alpha |b|_1 for G = Z'Z/M and c = Z'y/M. Where the
// descent is slow it leaps to the minimum between the coefficients that are not
// zero, as far as their signs allow (Lee et al. 2007, feature-sign search). b
// holds the starting point, and the solution afterwards. gram is symmetric, and c
// has finite elements. The error is the context's.
func Solve(ctx context.Context, gram *mat.Dense, c []float64, alpha float64, b []float64) error {
	d := newDescent(gram, c, alpha, b)
	enough := tolerance * largest(c)
	for range maxLeaps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.round(false) <= enough {
			return nil
		}
		// Most rounds need only what is not zero; a full one has the last word.
		rounds := 0
		for rounds < patience && d.round(true) > enough {
			rounds++
		}
		if rounds == patience {
			d.leap()
		}
	}
	return nil
}

// descent is the state of one solution.
type descent struct {
	gram     *mat.Dense
	alpha    float64
	c        []float64
	b        []float64
	gradient []float64 // c - Gb
}

func newDescent(gram *mat.Dense, c []float64, alpha float64, b []float64) *descent {
	d := &descent{gram: gram, alpha: alpha, c: c, b: b, gradient: make([]float64, len(c))}
	d.renew()
	return d
}

// renew computes the gradient anew.
func (d *descent) renew() {
	copy(d.gradient, d.c)
	for j, v := range d.b {
		if v != 0 {
			floats.AddScaled(d.gradient, -v, d.gram.RawRowView(j))
		}
	}
}

// round minimizes along each coordinate once, or along those that are not zero.
// It returns the largest change of a coordinate's own gradient.
func (d *descent) round(active bool) float64 {
	moved := 0.0
	for j, old := range d.b {
		row := d.gram.RawRowView(j)
		curvature := row[j]
		if active && old == 0 {
			continue
		}
		next := 0.0
		if curvature > 0 {
			next = shrunk(d.gradient[j]+curvature*old, d.alpha) / curvature
		}
		if next != old {
			floats.AddScaled(d.gradient, old-next, row)
			d.b[j] = next
			moved = max(moved, math.Abs(next-old)*curvature)
		}
	}
	return moved
}

// shrunk is x, nearer to zero by alpha.
func shrunk(x, alpha float64) float64 {
	switch {
	case x > alpha:
		return x - alpha
	case x < -alpha:
		return x + alpha
	default:
		return 0
	}
}

func largest(c []float64) float64 { return floats.Norm(c, math.Inf(1)) }
