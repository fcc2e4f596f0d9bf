package kernel

// Mul sets dst to a * b, element by element. dst may be a or b.
func Mul(dst, a, b []float32) {
	same(len(dst), len(a), len(b))
	mul(dst, a, b)
}

func mulGeneric(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

// MulSpread sets dst to x times s, whose c channels for each sample are spread
// over the sample's pixels. dst may be x. It is also the gradient of x, with g
// in the place of x.
func MulSpread(dst, x, s []float32, c, pixels int) {
	same(len(dst), len(x), len(s)*pixels)
	for ; len(s) >= c && c > 0; s = s[c:] {
		for range pixels {
			mul(dst[:c], x[:c], s[:c])
			dst, x = dst[c:], x[c:]
		}
	}
}

// MulSpreadGrad sets ds to the gradient of MulSpread's s: the sum of g*x over
// the pixels of each sample. Rows are summed as by [NormGradSums].
func MulSpreadGrad(ds, g, x []float32, c, pixels int) {
	same(len(g), len(x), len(ds)*pixels)
	var zero, sum, part strip
	for ; len(ds) >= c && c > 0; ds = ds[c:] {
		for lo := 0; lo < c; lo += stripColumns {
			columns := min(c-lo, stripColumns)
			var total [stripColumns]float64
			for done := 0; done < pixels; done += momentRows {
				at := done*c + lo
				normGradSums(&sum, &part, &zero, columns, g[at:], x[at:], min(momentRows, pixels-done), c)
				for j := range columns {
					total[j] += float64(part[j])
				}
			}
			for j, v := range total[:columns] {
				ds[lo+j] = float32(v)
			}
		}
		g, x = g[c*pixels:], x[c*pixels:]
	}
}
