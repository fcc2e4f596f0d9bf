// Package gemm multiplies matrices whose rows lie anywhere in memory. That one
// freedom turns a convolution over images of interleaved channels (NHWC) into a
// matrix product without gathering its patches first: row i of the left matrix
// is the patch of pixel i, made of one span of neighbouring values for each row
// of the filter (an indirect or implicit product; Dukhan 2019).
//
// The right matrix is packed into panels of [Width] columns once for many
// products. Everything is float32, computed on the calling goroutine, and
// allocates nothing. Every element of the result is one chain of fused
// multiply-adds in the order of the inner index: it does not depend on how the
// rows or columns of a product are divided among calls. The AVX2 code and the
// portable code give the same bits.
package gemm

import "math"

// Width is the number of columns of a panel.
const Width = 16

// PackedLen is the length of a packed matrix of k rows and n columns.
func PackedLen(k, n int) int { return k * ((n + Width - 1) / Width) * Width }

// Pack writes b, of k rows and n columns and ldb elements from row to row, to
// dst in panels: panel p is columns p*Width and up, row by row, zeros where the
// matrix has no column.
func Pack(dst, b []float32, k, n, ldb int) {
	for p := 0; p < n; p += Width {
		w := min(Width, n-p)
		for i := range k {
			row := dst[:Width]
			dst = dst[Width:]
			clear(row[copy(row, b[i*ldb+p:i*ldb+p+w]):])
		}
	}
}

// PackT is Pack of the transpose of b, which is stored as n rows of k elements
// with ldb from row to row.
func PackT(dst, b []float32, k, n, ldb int) {
	for p := 0; p < n; p += Width {
		w := min(Width, n-p)
		panel := dst[:k*Width]
		dst = dst[k*Width:]
		for i := range k {
			row := panel[i*Width : (i+1)*Width]
			for j := range w {
				row[j] = b[(p+j)*ldb+i]
			}
			clear(row[w:])
		}
	}
}

// Left is a left matrix: row i is the concatenation over t of the Span values
// from Data[Rows[i]+Taps[t]].
type Left struct {
	Data []float32
	Rows []int32
	Taps []int32
	Span int
}

// Inner is the number of columns.
func (l Left) Inner() int { return len(l.Taps) * l.Span }

// Epilogue is what happens to each element of a product before it is stored,
// in this order.
type Epilogue struct {
	Accumulate bool      // adds what the result held
	Bias       []float32 // adds Bias[j] to column j, if not nil
	ReLU       bool      // sets what is negative to 0; NaN stays NaN
}

// Mul computes c = a b for columns lo to hi of n; lo is a multiple of Width,
// and so is hi unless it is n. Row i of the result begins at c[rows[i]]; it is
// stored for the columns lo to hi and nothing else is written. b is packed.
// Bias has n elements.
func Mul(c []float32, rows []int32, a Left, b []float32, n, lo, hi int, e Epilogue) {
	inner := a.Inner()
	for j := lo; j < hi; j++ {
		panel := b[j/Width*inner*Width:]
		for i, at := range a.Rows {
			sum, k := float32(0), 0
			for _, tap := range a.Taps {
				for _, v := range a.Data[at+tap : int(at+tap)+a.Span] {
					sum = fma(v, panel[k*Width+j%Width], sum)
					k++
				}
			}
			c[int(rows[i])+j] = e.apply(sum, c[int(rows[i])+j], j)
		}
	}
}

func (e *Epilogue) apply(sum, old float32, j int) float32 {
	if e.Accumulate {
		sum += old
	}
	if e.Bias != nil {
		sum += e.Bias[j]
	}
	if e.ReLU && sum < 0 {
		sum = 0
	}
	return sum
}

// MulT adds the product of a's transpose and g to c, a.Inner() rows of n
// columns with ldc elements from row to row: the gradient of a convolution's
// weights. Row i of g is the n values from g[rows[i]].
func MulT(c []float32, ldc int, a Left, g []float32, rows []int32, n int) {
	for i, at := range a.Rows {
		row, k := g[rows[i]:int(rows[i])+n], 0
		for _, tap := range a.Taps {
			for _, v := range a.Data[at+tap : int(at+tap)+a.Span] {
				out := c[k*ldc : k*ldc+n]
				for j, w := range row {
					out[j] = fma(v, w, out[j])
				}
				k++
			}
		}
	}
}

func fma(a, b, c float32) float32 { return float32(math.FMA(float64(a), float64(b), float64(c))) }
