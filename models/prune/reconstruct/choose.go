package reconstruct

import (
	"context"
	"slices"

	"gonum.org/v1/gonum/floats"

	"espalier/models/prune/reconstruct/internal/lasso"
)

// lasso is the choice of [Lasso].
func (s *system) lasso(ctx context.Context) ([]int, error) {
	if s.Keep == len(s.Alive) {
		return nil, nil
	}
	q := s.all
	most := min(int((1+s.Tolerance)*float64(s.Keep)), len(s.Alive))
	kept, err := lasso.Survivors(ctx, q.gram, q.cov, s.Keep, most)
	if err != nil {
		return nil, err
	}
	var gone []int
	for i, u := range s.Alive {
		if !slices.Contains(kept, i) {
			gone = append(gone, u)
		}
	}
	return gone, nil
}

// greedy is the choice of [Greedy]. Without a unit the remaining error grows by
// twice its contribution's product with the error, and by its square.
func (s *system) greedy(ctx context.Context) ([]int, error) {
	q := s.all
	product := q.error()
	left := make([]int, len(s.Alive))
	for i := range left {
		left[i] = i
	}
	var gone []int
	for len(left) > s.Keep {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		least, at := 0.0, -1
		for k, i := range left {
			if grows := 2*product[i] + q.gram.At(i, i); at < 0 || grows < least {
				least, at = grows, k
			}
		}
		i := left[at]
		floats.Add(product, q.gram.RawRowView(i))
		left = slices.Delete(left, at, at+1)
		gone = append(gone, s.Alive[i])
	}
	slices.Sort(gone)
	return gone, nil
}

// error are the products of the units' contributions with what is missing of
// the targets when all units are there.
func (q *quadratic) error() []float64 {
	product := append([]float64(nil), q.cov...)
	for i := range q.cov {
		floats.Sub(product, q.gram.RawRowView(i))
	}
	return product
}
