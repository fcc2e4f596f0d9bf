package search

import (
	"math"
	"math/rand/v2"
)

// sampleAt is trial i of the random or the Sobol sequence. A parameter has the
// same coordinate of the point whether or not others are active.
func sampleAt(s *space, kind string, seed uint64, i int) []Setting {
	var point []float64
	if kind == Sobol {
		point = sobolPoint(uint32(i), len(s.params), seed)
	} else {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		for range s.params {
			point = append(point, r.Float64())
		}
	}
	chosen := make([]string, len(s.params))
	for _, p := range s.order {
		if s.active(p, chosen) {
			chosen[p] = s.params[p].at(point[p])
		}
	}
	return s.settings(chosen)
}

// at is the value at u, 0 to below 1, of the whole.
func (p Param) at(u float64) string {
	r := p.Range
	switch n := p.size(); {
	case r == nil || r.Step > 0 && !r.Log:
		return p.value(min(int(u*float64(n)), n-1))
	case r.Step > 0:
		return r.level(min(int(math.Round((r.between(u)-r.Low)/r.Step)), n-1))
	default:
		return number(r.between(u))
	}
}

// between is the number at u of a range, in its bounds whatever the rounding.
func (r *Range) between(u float64) float64 {
	x := r.Low + u*(r.High-r.Low)
	if r.Log {
		x = math.Exp(math.Log(r.Low) + u*(math.Log(r.High)-math.Log(r.Low)))
	}
	return min(max(x, r.Low), r.High)
}
