package lasso

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// leap goes to the minimum over the coefficients that are not zero, all keeping
// their signs. The objective is a parabola on the way; where a coefficient
// becomes zero, it goes on without it. Where columns depend on each other, so
// that no minimum is to be found, a small weight on the distance makes one.
func (d *descent) leap() {
	for d.leapOnce() {
	}
	d.renew()
}

// leapOnce says whether a coefficient has become zero on the way.
func (d *descent) leapOnce() bool {
	active := nonzero(d.b)
	var goal *mat.VecDense
	for _, weight := range []float64{0, 1e-8, 1e-4} {
		if goal = d.goal(active, weight); goal != nil {
			break
		}
	}
	if goal == nil {
		return false
	}
	step, first := 1.0, -1
	for i, j := range active {
		if to := goal.AtVec(i); to*d.b[j] <= 0 {
			if s := d.b[j] / (d.b[j] - to); first < 0 || s < step {
				step, first = s, j
			}
		}
	}
	for i, j := range active {
		d.b[j] += step * (goal.AtVec(i) - d.b[j])
	}
	if first >= 0 {
		d.b[first] = 0
	}
	return first >= 0
}

// goal is the minimum over the active coefficients of the objective as it is
// for their signs, plus so much of the squared distance from where they are, as
// a share of each one's curvature. It is nil where there is none.
func (d *descent) goal(active []int, weight float64) *mat.VecDense {
	if len(active) == 0 {
		return nil
	}
	between, goal := mat.NewSymDense(len(active), nil), mat.NewVecDense(len(active), nil)
	for i, j := range active {
		for k := i; k < len(active); k++ {
			between.SetSym(i, k, d.gram.At(j, active[k]))
		}
		near := weight * d.gram.At(j, j)
		between.SetSym(i, i, d.gram.At(j, j)+near)
		goal.SetVec(i, d.c[j]-math.Copysign(d.alpha, d.b[j])+near*d.b[j])
	}
	var factors mat.Cholesky
	if !factors.Factorize(between) || factors.SolveVecTo(goal, goal) != nil {
		return nil
	}
	return goal
}
