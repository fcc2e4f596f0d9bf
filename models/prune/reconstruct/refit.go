package reconstruct

import (
	"context"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// fit is a reader that loses columns, and what it gets for them.
type fit struct {
	*reader
	drop []bool // of the units to choose from
	// weights are filters x columns, and the intercept last; 0 in columns that go.
	weights *mat.Dense
}

func (r *reader) newFit(drop []bool) *fit {
	f := &fit{reader: r, drop: drop, weights: mat.NewDense(r.filters(), r.columns()+1, nil)}
	present := r.weights()
	for k := range r.filters() {
		for i := range r.columns() {
			if !f.drops(i) {
				f.weights.Set(k, i, present.At(k, i))
			}
		}
	}
	return f
}

// drops says whether the column's unit goes.
func (f *fit) drops(column int) bool {
	return f.unit[column] != other && f.drop[f.unit[column]]
}

// error is the squared error with the weights, behind the layer.
func (f *fit) error() float64 {
	var products mat.Dense
	products.Mul(f.weights, f.gram)
	sum := 0.0
	for k, scale := range f.scale {
		w := f.weights.RawRowView(k)
		e := f.energy[k] + floats.Dot(w, products.RawRowView(k))
		for i, v := range w {
			e -= 2 * v * f.cov.At(i, k)
		}
		sum += scale * scale * max(0, e)
	}
	return sum
}

// rescale multiplies the columns of each unit that stays by the factor that
// suits all filters best.
func (f *fit) rescale(context.Context) error {
	if f.own == nil {
		return nil
	}
	var stay []int
	for i, gone := range f.drop {
		if !gone {
			stay = append(stay, i)
		}
	}
	missing := mat.NewDense(len(stay), 1, nil)
	for k, i := range stay {
		v := f.own.cov[i]
		for _, j := range stay {
			v -= f.own.gram.At(i, j)
		}
		missing.Set(k, 0, v)
	}
	change, err := solve(part(f.own.gram, stay), missing)
	if err != nil {
		return err
	}
	factor := slices.Repeat([]float64{1}, len(f.drop))
	for k, i := range stay {
		factor[i] += change.At(k, 0)
	}
	for k := range f.filters() {
		for i, u := range f.unit {
			if u != other && !f.drop[u] {
				f.weights.Set(k, i, f.weights.At(k, i)*factor[u])
			}
		}
	}
	return nil
}

// solve fits the filters by least squares, all at once that have weights in the
// same places.
func (f *fit) solve(ctx context.Context) error {
	alike := map[string][]int{}
	var order []string
	for k, scale := range f.scale {
		if scale == 0 { // nobody hears it
			continue
		}
		key := f.places(k)
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], k)
	}
	for _, key := range order {
		if err := ctx.Err(); err != nil {
			return err
		}
		var at []int
		for i := range key {
			if key[i] == '1' {
				at = append(at, i)
			}
		}
		if err := f.solveAt(at, alike[key]); err != nil {
			return err
		}
	}
	return nil
}

// places marks the columns, and the intercept, in which a filter may have
// weights by "1".
func (f *fit) places(filter int) string {
	key := make([]byte, f.columns()+1)
	for i := range key {
		key[i] = '0'
		switch {
		case i < f.columns() && f.stays(filter, i) && !f.drops(i),
			i == f.columns() && f.takesIntercept(filter):
			key[i] = '1'
		}
	}
	return string(key)
}

// solveAt fits those filters, which have weights at those places.
func (f *fit) solveAt(at, filters []int) error {
	if len(at) == 0 {
		return nil
	}
	gram := part(f.gram, at)
	present := mat.NewDense(len(at), len(filters), nil)
	missing := mat.NewDense(len(at), len(filters), nil)
	for i, column := range at {
		for k, filter := range filters {
			present.Set(i, k, f.weights.At(filter, column))
			missing.Set(i, k, f.cov.At(column, filter))
		}
	}
	var explained mat.Dense
	explained.Mul(gram, present)
	missing.Sub(missing, &explained)
	change, err := solve(gram, missing)
	if err != nil {
		return err
	}
	for i, column := range at {
		for k, filter := range filters {
			f.weights.Set(filter, column, present.At(i, k)+change.At(i, k))
		}
	}
	return nil
}
