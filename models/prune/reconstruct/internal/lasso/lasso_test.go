package lasso_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"

	"espalier/models/prune/reconstruct/internal/lasso"
)

// regression draws columns that are alike to some degree, and a target.
func regression(seed uint64, rows, columns int, alike float64) (gram *mat.Dense, c []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	z, y := mat.NewDense(rows, columns, nil), mat.NewVecDense(rows, nil)
	for i := range rows {
		common := r.NormFloat64()
		for j := range columns {
			z.Set(i, j, alike*common+r.NormFloat64())
			y.SetVec(i, y.AtVec(i)+z.At(i, j)*float64(j%4))
		}
		y.SetVec(i, y.AtVec(i)+r.NormFloat64())
	}
	gram = mat.NewDense(columns, columns, nil)
	gram.Mul(z.T(), z)
	gram.Scale(1/float64(rows), gram)
	var v mat.VecDense
	v.MulVec(z.T(), y)
	v.ScaleVec(1/float64(rows), &v)
	return gram, v.RawVector().Data
}

func solve(t *testing.T, gram *mat.Dense, c []float64, alpha float64) []float64 {
	t.Helper()
	b := make([]float64, len(c))
	if err := lasso.Solve(t.Context(), gram, c, alpha, b); err != nil {
		t.Fatal(err)
	}
	return b
}

func near(a, b []float64, tolerance float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= tolerance })
}

// Solutions by hand: columns at right angles are thresholded one by one, and
// with two alike, b1 + b2/2 = c1 - alpha and b1/2 + b2 = c2 - alpha.
func TestSolutionsByHand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		gram  []float64
		c     []float64
		alpha float64
		want  []float64
	}{
		"right angles":          {[]float64{1, 0, 0, 0, 4, 0, 0, 0, 1}, []float64{3, -2, 0.5}, 1, []float64{2, -0.25, 0}},
		"two alike":             {[]float64{1, 0.5, 0.5, 1}, []float64{2, 2}, 0.5, []float64{1, 1}},
		"the lesser is not it":  {[]float64{1, 0.5, 0.5, 1}, []float64{2, 1}, 0.5, []float64{1.5, 0}},
		"no penalty":            {[]float64{1, 0.5, 0.5, 1}, []float64{2, 1}, 0, []float64{2, 0}},
		"a penalty for nothing": {[]float64{1, 0.5, 0.5, 1}, []float64{2, 1}, 2, []float64{0, 0}},
		"a column of zeros":     {[]float64{0, 0, 0, 2}, []float64{0, 3}, 1, []float64{0, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := len(test.c)
			if got := solve(t, mat.NewDense(n, n, test.gram), test.c, test.alpha); !near(got, test.want, 1e-7) {
				t.Errorf("Solve = %v, want %v", got, test.want)
			}
		})
	}
}

// enumerated is the solution by trying all signs: where a coefficient is not 0,
// the gradient is the penalty with its sign, which is a linear system.
func enumerated(gram *mat.Dense, c []float64, alpha float64) []float64 {
	n, best, least := len(c), []float64(nil), math.Inf(1)
	for code := range int(math.Pow(3, float64(n))) {
		var at []int
		var sign []float64
		for j, rest := 0, code; j < n; j, rest = j+1, rest/3 {
			if s := rest%3 - 1; s != 0 {
				at, sign = append(at, j), append(sign, float64(s))
			}
		}
		b := make([]float64, n)
		if len(at) > 0 {
			a, right := mat.NewDense(len(at), len(at), nil), mat.NewVecDense(len(at), nil)
			for i, j := range at {
				right.SetVec(i, c[j]-alpha*sign[i])
				for k, l := range at {
					a.Set(i, k, gram.At(j, l))
				}
			}
			var x mat.VecDense
			if x.SolveVec(a, right) != nil {
				continue
			}
			for i, j := range at {
				b[j] = x.AtVec(i)
			}
		}
		if value := objective(gram, c, alpha, b); value < least {
			least, best = value, b
		}
	}
	return best
}

func objective(gram *mat.Dense, c []float64, alpha float64, b []float64) float64 {
	v := mat.NewVecDense(len(b), b)
	value := mat.Inner(v, gram, v) / 2
	for j := range b {
		value += alpha*math.Abs(b[j]) - c[j]*b[j]
	}
	return value
}

func TestSolveAgreesWithTryingAllSigns(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		gram, c := regression(seed, 30, 6, float64(seed%4))
		for _, alpha := range []float64{0, 0.1, 0.7, 2} {
			got, want := solve(t, gram, c, alpha), enumerated(gram, c, alpha)
			if !near(got, want, 1e-5) {
				t.Errorf("seed %d, alpha %g: Solve = %v, want %v", seed, alpha, got, want)
			}
		}
	}
}

// optimal checks the conditions of Karush, Kuhn and Tucker: the gradient of the
// fit is the penalty, with the coefficient's sign, or no larger where that is 0.
func optimal(t *testing.T, gram *mat.Dense, c []float64, alpha float64, b []float64) {
	t.Helper()
	for j := range b {
		gradient := c[j] - mat.Dot(gram.RowView(j), mat.NewVecDense(len(b), b))
		fault := math.Abs(gradient) - alpha
		if b[j] != 0 {
			fault = math.Abs(gradient - math.Copysign(alpha, b[j]))
		}
		if fault > 1e-6*largest(c) {
			t.Fatalf("alpha %g: coefficient %d is %g with a gradient of %g", alpha, j, b[j], gradient)
		}
	}
}

func largest(c []float64) float64 {
	top := 0.0
	for _, v := range c {
		top = max(top, math.Abs(v))
	}
	return top
}

func TestSolveMeetsTheOptimalityConditions(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		gram, c := regression(seed, 200, 60, float64(seed*seed)/4)
		b := make([]float64, len(c))
		for alpha := largest(c); alpha > 1e-4; alpha /= 3 { // each from the last
			if err := lasso.Solve(t.Context(), gram, c, alpha, b); err != nil {
				t.Fatal(err)
			}
			optimal(t, gram, c, alpha, b)
		}
	}
}

// A hundred columns that span ten dimensions have no single solution, and a
// long valley of almost equal ones.
func TestSolveOfDependentColumns(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	z := mat.NewDense(10, 100, nil)
	z.Apply(func(i, _ int, _ float64) float64 { return r.NormFloat64() / float64(1+i*i) }, z)
	c := make([]float64, 100)
	mat.NewVecDense(100, c).MulVec(z.T(), mat.NewVecDense(10, slices.Repeat([]float64{1}, 10)))
	gram := mat.NewDense(100, 100, nil)
	gram.Mul(z.T(), z)
	for _, alpha := range []float64{1e-1, 1e-3, 1e-5} {
		optimal(t, gram, c, alpha, solve(t, gram, c, alpha))
	}
}

func TestSurvivors(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		gram, c := regression(seed, 100, 30, float64(seed)/3)
		for least := 1; least < len(c); least += 3 {
			for _, most := range []int{least, least + least/10} {
				got, err := lasso.Survivors(t.Context(), gram, c, least, most)
				if err != nil {
					t.Fatal(err)
				}
				again, _ := lasso.Survivors(t.Context(), gram, c, least, most)
				if len(got) < least || len(got) > most || !slices.IsSorted(got) || !slices.Equal(got, again) {
					t.Errorf("seed %d: Survivors of %d to %d are %v, then %v", seed, least, most, got, again)
				}
			}
		}
	}
}

func TestSurvivorsWhereNoPenaltyLeavesAsMany(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		gram []float64
		c    []float64
		keep int
		want []int
	}{
		"all the same":             {[]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, []float64{2, 2, 2}, 2, []int{0, 1}},
		"twice the same":           {[]float64{1, 1, 0, 1, 1, 0, 0, 0, 1}, []float64{1, 1, 3}, 3, []int{0, 1, 2}},
		"columns of zeros":         {[]float64{0, 0, 0, 0, 0, 0, 0, 0, 1}, []float64{0, 0, 3}, 2, []int{0, 2}},
		"nothing to explain":       {[]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, []float64{0, 0, 0}, 1, []int{0}},
		"no use beside the others": {[]float64{1, 0.5, 0, 0.5, 1, 0, 0, 0, 1}, []float64{2, 1, 9}, 3, []int{0, 1, 2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := lasso.Survivors(t.Context(), mat.NewDense(3, 3, test.gram), test.c, test.keep, test.keep)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Survivors(%v, %d), want -, got +:\n%s", test.c, test.keep, diff)
			}
		})
	}
}

func TestSolveStopsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gram, c := regression(1, 50, 10, 1)
	if _, err := lasso.Survivors(ctx, gram, c, 3, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("Survivors after the end: %v, want %v", err, context.Canceled)
	}
}

func BenchmarkSurvivors(b *testing.B) {
	for _, alike := range []float64{0, 3, 30} {
		b.Run(fmt.Sprint(alike), func(b *testing.B) {
			gram, c := regression(1, 1000, 400, alike)
			for b.Loop() {
				if _, err := lasso.Survivors(b.Context(), gram, c, 200, 200); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
