package fma_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"espalier/models/engine/internal/fma"
)

// Of rounds once, also where the sum in float64 falls between two float32
// and where the result is denormal.
func TestOfRoundsOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 200000 {
		a, b, c := float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64())
		if i%2 == 0 { // products near halves of the sum's last place
			a, b = 1+float32(r.IntN(8))*0x1p-23, float32(1+r.IntN(8))*0x1p-24*(1+float32(r.IntN(4))*0x1p-23)
			c = float32(1 + r.IntN(4))
		}
		if i%3 == 0 {
			a, c = a*0x1p-74, c*0x1p-140
			b *= 0x1p-70
		}
		x, y, z := new(big.Float).SetFloat64(float64(a)), new(big.Float).SetFloat64(float64(b)), new(big.Float).SetFloat64(float64(c))
		exact := new(big.Float).SetPrec(400).Mul(x, y)
		want, _ := exact.Add(exact, z).Float32()
		if got := fma.Of(a, b, c); got != want {
			t.Fatalf("fma.Of(%b, %b, %b) = %b, want %b", a, b, c, got, want)
		}
	}
}
