package reconstruct

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// The condition that the normal equations may have. Activations are of single
// precision: what is smaller than 1e-4 of the rest, whose square 1e-8 is, holds
// little else than rounding.
const maxCondition = 1e8

// The ridges that are tried, as shares of each column's square.
const (
	firstRidge = 1e-7
	lastRidge  = 1
)

// part is a symmetric matrix of those rows and columns of another.
func part(m *mat.Dense, at []int) *mat.SymDense {
	p := mat.NewSymDense(len(at), nil)
	for i, row := range at {
		for j := i; j < len(at); j++ {
			p.SetSym(i, j, m.At(row, at[j]))
		}
	}
	return p
}

// solve is gram^-1 rhs, with the smallest ridge that keeps the condition of gram
// within bounds once all columns have one length. A column of zeros gets 0.
func solve(gram *mat.SymDense, rhs *mat.Dense) (*mat.Dense, error) {
	n, targets := rhs.Dims()
	length := make([]float64, n)
	for i := range length {
		if length[i] = math.Sqrt(gram.At(i, i)); length[i] == 0 {
			length[i] = math.Inf(1)
		}
	}
	even, x := mat.NewSymDense(n, nil), mat.NewDense(n, targets, nil)
	x.Apply(func(i, _ int, v float64) float64 { return v / length[i] }, rhs)
	for ridge := 0.0; ridge <= lastRidge; ridge = max(firstRidge, 10*ridge) {
		for i := range n {
			for j := i + 1; j < n; j++ {
				even.SetSym(i, j, gram.At(i, j)/length[i]/length[j])
			}
			even.SetSym(i, i, 1+ridge)
		}
		var c mat.Cholesky
		if !c.Factorize(even) || !(c.Cond() <= maxCondition) {
			continue
		}
		if err := c.SolveTo(x, x); err != nil {
			return nil, err
		}
		x.Apply(func(i, _ int, v float64) float64 { return v / length[i] }, x)
		return x, nil
	}
	return nil, errors.New("the normal equations cannot be solved, whatever the ridge")
}
