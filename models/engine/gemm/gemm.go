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

import "fmt"

// Width is the number of columns of a panel.
const Width = 16

// Vectorized says whether products run in assembly on this machine.
func Vectorized() bool { return vectorized() }

// PackedLen is the length of a packed matrix of k rows and n columns.
func PackedLen(k, n int) int { return k * ((n + Width - 1) / Width) * Width }

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

// Epilogue is what a product is made into before it is stored.
type Epilogue struct {
	Accumulate bool      // begins each chain with what the result held, not with 0
	From       []float32 // begins it with what From, which is laid out as the result, holds at its place
	Bias       []float32 // then adds Bias[j] to column j, if not nil
	ReLU       bool      // then sets what is negative to 0; NaN stays NaN
}

// Mul computes c = a b for columns lo to hi of n; lo is a multiple of Width.
// Row i of the result begins at c[rows[i]]; it is stored for the columns lo to
// hi and nothing else is written. b is packed. Bias has n elements. Rows that
// do not lie inside their slice panic.
func Mul(c []float32, rows []int32, a Left, b []float32, n, lo, hi int, e Epilogue) {
	if len(a.Rows) == 0 || lo >= hi {
		return
	}
	a.check()
	if e.Accumulate {
		e.From = c
	}
	within("result", rows[:len(a.Rows)], len(c)-hi)
	if e.From != nil {
		within("initial", rows[:len(a.Rows)], len(e.From)-hi)
	}
	if e.Bias != nil {
		_ = e.Bias[hi-1]
	}
	_ = b[PackedLen(a.Inner(), hi)-1]
	mul(c, rows, a, b, lo, hi, e)
}

// MulT adds the product of a's transpose and g to c, a.Inner() rows of n
// columns with ldc elements from row to row: the gradient of a convolution's
// weights. Row i of g is the n values from g[rows[i]]. Each chain begins with
// what c held. Rows that do not lie inside their slice panic.
func MulT(c []float32, ldc int, a Left, g []float32, rows []int32, n int) {
	if len(a.Rows) == 0 || a.Inner() == 0 || n == 0 {
		return
	}
	a.check()
	within("right", rows[:len(a.Rows)], len(g)-n)
	_ = c[(a.Inner()-1)*ldc+n-1]
	mulT(c, ldc, Width, a, g, rows, n)
}

// MulTPanels is MulT for a result in panels, as a packed matrix of a.Inner()
// rows and n columns lies. That is faster where there are several panels.
// What the last panel holds beyond n columns stays as it is.
func MulTPanels(c []float32, a Left, g []float32, rows []int32, n int) {
	if len(a.Rows) == 0 || a.Inner() == 0 || n == 0 {
		return
	}
	a.check()
	within("right", rows[:len(a.Rows)], len(g)-n)
	_ = c[PackedLen(a.Inner(), n)-1]
	mulT(c, Width, a.Inner()*Width, a, g, rows, n)
}

// check panics where a row is not inside the data: the assembly checks no
// bounds.
func (l *Left) check() {
	if l.Inner() == 0 {
		panic("gemm: product over no elements")
	}
	lo, hi := bounds(l.Taps)
	first, last := bounds(l.Rows)
	if first+lo < 0 || last+hi+l.Span > len(l.Data) {
		panic(fmt.Sprintf("gemm: left rows from %d to %d of %d elements", first+lo, last+hi+l.Span, len(l.Data)))
	}
}

func within(name string, rows []int32, last int) {
	if lo, hi := bounds(rows); lo < 0 || hi > last {
		panic(fmt.Sprintf("gemm: %s rows begin at %d to %d, want at most %d", name, lo, hi, last))
	}
}

func bounds(x []int32) (lo, hi int) {
	low, high := x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	return int(low), int(high)
}
