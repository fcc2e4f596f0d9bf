package reconstruct

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// quadratic is the error of the readers' outputs if the contribution of each
// unit to choose from is multiplied by a factor b: energy - 2 cov'b + b'gram b,
// as a share of the targets' squares.
type quadratic struct {
	gram   *mat.Dense // of the contributions
	cov    []float64  // of the contributions with what they are to add up to
	energy float64
}

func newQuadratic(units int) *quadratic {
	return &quadratic{gram: mat.NewDense(units, units, nil), cov: make([]float64, units)}
}

// without is the error without some of the units.
func (q *quadratic) without(gone []bool) float64 {
	b := make([]float64, len(gone))
	for i := range b {
		if !gone[i] {
			b[i] = 1
		}
	}
	return max(0, q.energy-2*floats.Dot(q.cov, b)+mat.Inner(vector(b), q.gram, vector(b)))
}

func vector(b []float64) *mat.VecDense { return mat.NewVecDense(len(b), b) }

// quadratic is the mean of the readers' own, which it makes first. Readers that
// put out nothing have no error.
func (s *system) quadratic() *quadratic {
	sum, n := newQuadratic(len(s.Alive)), 0
	for _, r := range s.readers {
		q := r.quadratic(len(s.Alive))
		if r.own = q; q == nil {
			continue
		}
		n++
		sum.gram.Add(sum.gram, q.gram)
		floats.Add(sum.cov, q.cov)
		sum.energy += q.energy
	}
	if n > 0 {
		sum.gram.Scale(1/float64(n), sum.gram)
		floats.Scale(1/float64(n), sum.cov)
		sum.energy /= float64(n)
	}
	return sum
}

// total is the energy of the targets as they are behind the layer.
func (r *reader) total() float64 {
	total := 0.0
	for f, scale := range r.scale {
		total += scale * scale * r.energy[f]
	}
	return total
}

// quadratic adds the equations up unit by unit: the contribution of a unit is
// what all its columns add to all filters. What the other columns contribute is
// taken off the targets. It is nil where the targets are all zero.
func (r *reader) quadratic(units int) *quadratic {
	total := r.total()
	if total == 0 {
		return nil
	}
	// Unit 0 stands for all other columns.
	all := newQuadratic(units + 1)
	weights := r.scaledWeights()
	products := mat.NewDense(r.columns(), r.columns(), nil)
	raw := products.RawMatrix()
	blas64.Syrk(blas.Trans, 1, weights.RawMatrix(), 0, blas64.Symmetric{N: raw.Rows, Stride: raw.Stride, Data: raw.Data, Uplo: blas.Upper})
	for i, u := range r.unit {
		for f, scale := range r.scale {
			all.cov[u+1] += scale * weights.At(f, i) * r.cov.At(i, f)
		}
		row := all.gram.RawRowView(u + 1)
		grams, inner := r.gram.RawRowView(i), products.RawRowView(i)
		for j := i; j < len(r.unit); j++ {
			v := grams[j] * inner[j]
			row[r.unit[j]+1] += v
			if j > i {
				all.gram.RawRowView(r.unit[j] + 1)[u+1] += v
			}
		}
	}
	return all.rest(total)
}

// rest takes the first unit off the targets and divides by their energy.
func (q *quadratic) rest(total float64) *quadratic {
	n := len(q.cov) - 1
	rest := newQuadratic(n)
	rest.energy = (total - 2*q.cov[0] + q.gram.At(0, 0)) / total
	floats.SubTo(rest.cov, q.cov[1:], q.gram.RawRowView(0)[1:])
	floats.Scale(1/total, rest.cov)
	rest.gram.Scale(1/total, q.gram.Slice(1, n+1, 1, n+1))
	return rest
}

// scaledWeights are the weights of the live columns, filters x columns, each
// filter as its effect is behind the layer.
func (r *reader) scaledWeights() *mat.Dense {
	weights := r.weights()
	for f, scale := range r.scale {
		floats.Scale(scale, weights.RawRowView(f))
	}
	return weights
}

// weights are those of the live columns, filters x columns.
func (r *reader) weights() *mat.Dense {
	weights := mat.NewDense(r.filters(), r.columns(), nil)
	width := r.weight.Shape[1:].Size()
	for f := range r.filters() {
		for i, column := range r.live {
			weights.Set(f, i, float64(r.weight.Data[f*width+column]))
		}
	}
	return weights
}
