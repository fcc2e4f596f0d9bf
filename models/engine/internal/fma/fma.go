//go:build !arm64

// Package fma is the multiply-add of portable loops whose assembly fuses.
package fma

import "math"

// Of is a*b+c rounded once. The product is exact in float64. The sum is
// rounded to odd there (Boldo and Melquiond 2008), so that rounding it again
// to float32 makes no second error.
func Of(a, b, c float32) float32 {
	product, addend := float64(a)*float64(b), float64(c)
	sum := product + addend
	t := sum - product
	lost := (product - (sum - t)) + (addend - t)
	if bits := math.Float64bits(sum); bits&1 == 0 && (lost < 0 || lost > 0) {
		if (lost > 0) == (sum > 0) {
			bits++
		} else {
			bits--
		}
		sum = math.Float64frombits(bits)
	}
	return float32(sum)
}
