package compress

import (
	"fmt"
	"math"
)

// AllBits are those of a float32; MinKeptBits are its sign, its exponent and
// the first bit of its fraction. With 16 bits it is a bfloat16.
const (
	AllBits     = 32
	MinKeptBits = 10
)

// Round rounds values in place to float32 of which only so many leading bits
// are not 0: to the nearest, of two the even one, and never to infinity. With
// AllBits they stay as they are. It fails on other numbers than MinKeptBits to
// AllBits.
func Round(values []float32, bits int) error {
	if bits < MinKeptBits || bits > AllBits {
		return fmt.Errorf("%d bits of a float32: from %d to %d are kept", bits, MinKeptBits, AllBits)
	}
	for i, v := range values {
		values[i] = rounded(v, AllBits-bits)
	}
	return nil
}

// rounded makes the last bits of a value 0.
func rounded(v float32, last int) float32 {
	if last == 0 || v != v {
		return v
	}
	b := math.Float32bits(v)
	ones := uint32(1)<<last - 1
	up := math.Float32frombits((b + ones>>1 + b>>last&1) &^ ones)
	if math.IsInf(float64(up), 0) {
		return math.Float32frombits(b &^ ones)
	}
	return up
}
