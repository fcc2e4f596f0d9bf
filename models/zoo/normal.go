package zoo

import "math/rand/v2"

// normal draws from the standard normal distribution with comparisons of
// uniform deviates and single, exactly rounded operations only (Karney 2016,
// "Sampling exactly from the normal distribution", algorithm N). The standard
// library's NormFloat64 compares with math.Exp, whose last bit depends on the
// processor: a rare sample, and all behind it, would differ between machines.
func normal(r *rand.Rand) float64 {
	for {
		k := 0 // the whole part, with probability proportional to exp(-k/2)
		for chance(r, 0.5) {
			k++
		}
		if !chance(r, float64(k*(k-1))/2) {
			continue
		}
		x := r.Float64() // the fraction
		if !chance(r, x*(float64(2*k)+x)/2) {
			continue
		}
		if r.Uint64()&1 == 0 {
			return -(float64(k) + x)
		}
		return float64(k) + x
	}
}

// chance is true with probability exp(-t), t >= 0.
func chance(r *rand.Rand, t float64) bool {
	for ; t > 1; t-- {
		if !chanceOfUnit(r, 1) {
			return false
		}
	}
	return chanceOfUnit(r, t)
}

// chanceOfUnit is chance for t in [0, 1]: the longest falling run of uniform
// deviates below t has even length with probability exp(-t) (von Neumann 1951).
func chanceOfUnit(r *rand.Rand, t float64) bool {
	even := true
	for u := r.Float64(); u < t; u = r.Float64() {
		t, even = u, !even
	}
	return even
}
