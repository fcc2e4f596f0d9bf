package kernel

import "math"

// DropoutKey chooses the masks of one dropout in one step.
type DropoutKey struct{ a, b uint32 }

// NewDropoutKey mixes what a mask depends on: the run's seed, the dropout's
// name and the optimizer step.
func NewDropoutKey(seed uint64, name string, step int64) DropoutKey {
	h := mix64(seed)
	for _, c := range []byte(name) {
		h = mix64(h ^ uint64(c))
	}
	h = mix64(h ^ uint64(step))
	return DropoutKey{uint32(h), uint32(h >> 32)}
}

// mix64 is the output function of SplitMix64 (Steele, Lea and Flood 2014).
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Dropout sets dst[i] to 0 with probability rate, otherwise to x[i]/(1-rate).
// Whether an element falls depends on the key and on its number offset+i
// alone, so that parts of a batch can be done in any order, and the backward
// pass draws the same mask from the same key. dst and x may be the same slice.
func Dropout(dst, x []float32, key DropoutKey, offset int, rate float64) {
	threshold := int32(min(math.Round(rate*(1<<31)), math.MaxInt32))
	scale := float32(1 / (1 - rate))
	same(len(dst), len(x))
	dropout(dst, x, key, uint32(offset), threshold, scale)
}

func dropoutGeneric(dst, x []float32, key DropoutKey, offset uint32, threshold int32, scale float32) {
	for i, v := range x {
		h := mix32(mix32(offset+uint32(i)+key.a) ^ key.b)
		v *= scale
		if int32(h>>1) < threshold {
			v = 0
		}
		dst[i] = v
	}
}

// mix32 is MurmurHash3's 32-bit finalizer: a bijection whose every input bit
// changes every output bit with probability about one half.
func mix32(h uint32) uint32 {
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}
