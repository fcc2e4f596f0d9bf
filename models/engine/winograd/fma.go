package winograd

import "math"

// fma is a*b + c, rounded once. The product of two float32 is exact in
// float64; the sum is rounded to odd there (Boldo and Melquiond 2008), so that
// rounding it again to float32 is as rounding once.
func fma(a, b, c float32) float32 {
	p, q := float64(a)*float64(b), float64(c)
	s := p + q
	t := s - p
	lost := (p - (s - t)) + (q - t)
	if bits := math.Float64bits(s); bits&1 == 0 {
		switch {
		case lost > 0 && s > 0, lost < 0 && s < 0:
			s = math.Float64frombits(bits + 1)
		case lost < 0 && s > 0, lost > 0 && s < 0:
			s = math.Float64frombits(bits - 1)
		}
	}
	return float32(s)
}
