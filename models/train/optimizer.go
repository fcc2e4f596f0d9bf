package train

import (
	"math"

	"espalier/models/engine/kernel"
)

// optimizer is an Optimizer with its memory: slots[s][p] is the tensor of
// slot s (a momentum, a moment) for parameter p.
type optimizer struct {
	Optimizer
	params []trained
	slots  [][][]float32
}

func newOptimizer(o Optimizer, params []trained) *optimizer {
	opt := &optimizer{Optimizer: o, params: params}
	for range o.slotNames() {
		slot := make([][]float32, len(params))
		for i, p := range params {
			slot[i] = make([]float32, len(p.Value))
		}
		opt.slots = append(opt.slots, slot)
	}
	return opt
}

// step takes optimizer step t, counted from 1, with the gradients that the
// parameters hold. Masked gradients must be 0: then moments and weights that
// are masked, being 0 before, stay 0. Only the sign of that zero can change
// (where a weight decay overshoots), so the weights are masked once more. Last
// come the proximal steps.
func (o *optimizer) step(t int64, lr float64) {
	bias1 := float32(1 - math.Pow(o.Beta1, float64(t)))
	bias2 := float32(1 - math.Pow(o.Beta2, float64(t)))
	for i, p := range o.params {
		switch o.Kind {
		case SGD:
			var v []float32
			if len(o.slots) > 0 {
				v = o.slots[0][i]
			}
			kernel.SGD(p.Value, v, p.Grad, float32(lr), float32(o.Momentum), p.decay, o.Nesterov)
		case Adam, AdamW:
			kernel.Adam(p.Value, o.slots[0][i], o.slots[1][i], p.Grad, float32(lr), float32(o.Beta1), float32(o.Beta2),
				float32(o.Eps), p.decay, o.Kind == AdamW, bias1, bias2)
		}
		kernel.Mask(p.Value, p.Mask)
		p.shrink(lr)
		p.scatter()
	}
}

// mask zeroes the memory of masked weights.
func (o *optimizer) mask() {
	for _, slot := range o.slots {
		for i, p := range o.params {
			kernel.Mask(slot[i], p.Mask)
		}
	}
}

// objective turns the engine's gradients of the loss into those of what is
// minimized: masked, with the penalties' gradients, of centroids where weights
// are tied, and no longer than limit, unless that is 0. Masking comes first, so
// that a pruned weight has no part in the norm. It answers whether the norm,
// where it is needed, is finite.
func objective(params []trained, limit float64) bool {
	for i := range params {
		p := &params[i]
		w := p.session()
		kernel.Mask(w.Grad, w.Mask)
		if p.l2 > 0 {
			kernel.AddScaled(w.Grad, w.Value, p.l2)
		}
		if p.l1 > 0 {
			kernel.AddSign(w.Grad, w.Value, p.l1)
		}
		p.gather()
	}
	return limit == 0 || clip(params, limit)
}

// clip scales all gradients together down to the norm limit.
func clip(params []trained, limit float64) bool {
	sum := 0.0
	for _, p := range params {
		sum += kernel.SumSquares(p.Grad)
	}
	norm := math.Sqrt(sum)
	if !finite(norm) {
		return false
	}
	if norm > limit {
		for _, p := range params {
			kernel.Scale(p.Grad, float32(limit/norm))
		}
	}
	return true
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
