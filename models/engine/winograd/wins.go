package winograd

// manySamples stands for the calls of training.
const manySamples = 32

// WinsFor says whether minimal filtering is expected to be faster than a direct
// product for calls of n samples. With few samples of few pixels the time goes
// into reading the weights, of which the transformed have 16 or 36 where the
// filters have 9.
func WinsFor(s Shape, n int) bool {
	return min(cost(s, tile2, n), cost(s, tile4, n)) < directCost(s, n)
}

// chooseForm takes the tile that is expected to be faster for n samples.
func chooseForm(s Shape, n int) form {
	if cost(s, tile2, n) <= cost(s, tile4, n) {
		return tile2
	}
	return tile4
}

// What things cost, in nanoseconds, as measured on a core with AVX2 at 3.3 GHz.
// Only their ratios matter, and the choice must not follow the machine: other
// tiles round differently.
const (
	perProduct   = 0.021 // a multiplication and addition
	perTransform = 0.11  // a transformed value or product
	perWeight    = 0.015 // a weight that is read
	perFarWeight = 0.13  // a weight of so many that they do not stay in the last cache
	farWeights   = 3 << 20
)

// cost is the expected time of a forward pass over n samples.
func cost(s Shape, f form, n int) float64 {
	h, w := s.Out()
	m, c, k := f.side(), pad(s.C), pad(s.K)
	tiles := n * ((h + m - 1) / m) * ((w + m - 1) / m)
	products, transforms := float64(f.positions()*tiles*s.C*k), float64(f.positions()*tiles*(c+k))
	blocks := (tiles + blockTiles - 1) / blockTiles
	return perProduct*products + perTransform*transforms + reading(f.positions()*s.C*k, blocks)
}

// directCost is that of the definition as a product of patches.
func directCost(s Shape, n int) float64 {
	h, w := s.Out()
	return perProduct*float64(n*h*w*taps*s.C*pad(s.K)) + reading(taps*s.C*pad(s.K), 1)
}

func reading(weights, times int) float64 {
	if weights > farWeights {
		return perFarWeight * float64(weights*times)
	}
	return perWeight * float64(weights*times)
}
