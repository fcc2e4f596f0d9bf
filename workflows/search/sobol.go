package search

import (
	"math/bits"
	"math/rand/v2"
)

// MaxSobol is the largest number of parameters of a Sobol sequence.
const MaxSobol = 1 + 39

// polynomial has the direction numbers of one dimension of a Sobol sequence: a
// primitive polynomial of a degree over GF(2), its inner coefficients as bits,
// and as many odd first numbers as its degree.
type polynomial struct {
	degree, inner uint32
	first         []uint32
}

// sobolPoint is point n of the Sobol sequence in [0,1), in the order of Gray's
// code (Antonov and Saleev 1979), each dimension shifted by bits of the seed.
// The shift keeps what makes the sequence even: of the first 2^k points, one
// lies in each of 2^k equal parts of every dimension.
func sobolPoint(n uint32, dimensions int, seed uint64) []float64 {
	point := make([]float64, dimensions)
	shifts := rand.New(rand.NewPCG(seed, 0))
	for d := range point {
		var shift uint32
		if seed != 0 {
			shift = shifts.Uint32()
		}
		point[d] = float64(sobolBits(n^n>>1, d)^shift) / (1 << 32)
	}
	return point
}

// sobolBits is the sum over GF(2) of the direction numbers of a dimension that
// the bits of code choose.
func sobolBits(code uint32, dimension int) uint32 {
	length := bits.Len32(code)
	var v [33]uint32 // from 1; v[i] is the i-th number, as the bits of a fraction
	for i := 1; i <= length; i++ {
		if dimension == 0 {
			v[i] = 1 << (32 - i)
			continue
		}
		p := directions[dimension-1]
		s := int(p.degree)
		if i <= s {
			v[i] = p.first[i-1] << (32 - i)
			continue
		}
		v[i] = v[i-s] ^ v[i-s]>>s
		for k := 1; k < s; k++ {
			v[i] ^= (p.inner >> (s - 1 - k) & 1) * v[i-k]
		}
	}
	var x uint32
	for i := 1; i <= length; i++ {
		x ^= (code >> (i - 1) & 1) * v[i]
	}
	return x
}
