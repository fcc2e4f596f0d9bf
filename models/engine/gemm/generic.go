package gemm

import "espalier/models/engine/internal/fma"

// mulGeneric computes some columns of a row at a time, which are chains that
// need not wait for one another. A panel has all of them, if as zeros.
func mulGeneric(c []float32, rows []int32, a Left, b []float32, lo, hi int, e Epilogue) {
	const some = 4
	inner := a.Inner()
	for j := lo; j < hi; j += some {
		panel := b[j/Width*inner*Width+j%Width:]
		for i := range a.Rows {
			out := c[int(rows[i])+j:][:min(some, hi-j)]
			var sums [some]float32
			if e.From != nil {
				copy(sums[:], e.From[int(rows[i])+j:][:len(out)])
			}
			a.chains(&sums, i, panel)
			for k := range out {
				out[k] = e.apply(sums[k], j+k)
			}
		}
	}
}

// chains continues the chains of row i with neighbouring columns of a panel.
func (l *Left) chains(sums *[4]float32, i int, panel []float32) {
	s0, s1, s2, s3 := sums[0], sums[1], sums[2], sums[3]
	k := 0
	for _, tap := range l.Taps {
		for _, v := range l.Data[l.Rows[i]+tap:][:l.Span] {
			b := panel[k:][:4]
			s0, s1, s2, s3 = fma.Of(v, b[0], s0), fma.Of(v, b[1], s1), fma.Of(v, b[2], s2), fma.Of(v, b[3], s3)
			k += Width
		}
	}
	*sums = [4]float32{s0, s1, s2, s3}
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
					*out = fma.Of(v, w, *out)
				}
				k++
			}
		}
	}
}
