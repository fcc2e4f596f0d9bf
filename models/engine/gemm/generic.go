package gemm

import "math"

func mulGeneric(c []float32, rows []int32, a Left, b []float32, lo, hi int, e Epilogue) {
	inner := a.Inner()
	for j := lo; j < hi; j++ {
		panel := b[j/Width*inner*Width+j%Width:]
		for i, at := range a.Rows {
			out := &c[int(rows[i])+j]
			sum, k := float32(0), 0
			if e.From != nil {
				sum = e.From[int(rows[i])+j]
			}
			for _, tap := range a.Taps {
				for _, v := range a.Data[at+tap:][:a.Span] {
					sum = fma(v, panel[k*Width], sum)
					k++
				}
			}
			*out = e.apply(sum, j)
		}
	}
}

func (e *Epilogue) apply(sum float32, j int) float32 {
	if e.Bias != nil {
		sum += e.Bias[j]
	}
	if e.ReLU && sum < 0 {
		sum = 0
	}
	return sum
}

func mulTGeneric(c []float32, ldc, ldp int, a Left, g []float32, rows []int32, n int) {
	for i, at := range a.Rows {
		row, k := g[rows[i]:][:n], 0
		for _, tap := range a.Taps {
			for _, v := range a.Data[at+tap:][:a.Span] {
				for j, w := range row {
					out := &c[k*ldc+j/Width*ldp+j%Width]
					*out = fma(v, w, *out)
				}
				k++
			}
		}
	}
}

// fma is a*b+c rounded once. The product is exact in float64. The sum is
// rounded to odd there (Boldo and Melquiond 2008), so that rounding it again
// to float32 makes no second error.
func fma(a, b, c float32) float32 {
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
