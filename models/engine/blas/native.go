package blas

import (
	"slices"
	"sync"

	"espalier/models/engine/gemm"
)

// native multiplies by package gemm. It packs the right matrix at each call.
type native struct {
	gonum Library // for scaled products, which no layer asks for
	spare *sync.Pool
}

// Native is the library of package gemm, which needs nothing installed. It is
// fast where [gemm.Vectorized] says so, and gives the same bits everywhere.
func Native() Library {
	return native{gonum: Gonum(), spare: &sync.Pool{New: func() any { return new(scratch) }}}
}

func (native) String() string { return "gemm 1" }

func (l native) Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if alpha != 1 || (beta != 0 && beta != 1) {
		l.gonum.Gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	check(transA, transB, m, n, k, a, lda, b, ldb, c, ldc)
	if m == 0 || n == 0 {
		return
	}
	s := l.spare.Get().(*scratch)
	defer l.spare.Put(s)
	if transA && !transB {
		if beta == 0 {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		gemm.MulT(c, ldc, s.rows(a, k, lda, m), b, s.starts(1, k, ldb), n)
		return
	}
	left := s.rows(a, m, lda, k)
	if transA { // row i is k single values, lda apart
		left = gemm.Left{Data: a, Rows: s.starts(0, m, 1), Taps: s.starts(2, k, lda), Span: 1}
	}
	packed := s.pack(b, k, n, ldb, transB)
	gemm.Mul(c, s.starts(1, m, ldc), left, packed, n, 0, n, gemm.Epilogue{Accumulate: beta == 1})
}

// scratch is what one call needs beside its matrices.
type scratch struct {
	packed []float32
	tables [3][]int32
}

// rows is a matrix of n rows of span neighbouring values, stride apart.
func (s *scratch) rows(data []float32, n, stride, span int) gemm.Left {
	return gemm.Left{Data: data, Rows: s.starts(0, n, stride), Taps: s.starts(2, 1, 0), Span: span}
}

// starts fills a table with where n rows begin.
func (s *scratch) starts(table, n, stride int) []int32 {
	s.tables[table] = slices.Grow(s.tables[table][:0], n)[:n]
	for i := range s.tables[table] {
		s.tables[table][i] = int32(i * stride)
	}
	return s.tables[table]
}

func (s *scratch) pack(b []float32, k, n, ldb int, trans bool) []float32 {
	size := gemm.PackedLen(k, n)
	s.packed = slices.Grow(s.packed[:0], size)[:size]
	if trans {
		gemm.PackT(s.packed, b, k, n, ldb)
	} else {
		gemm.Pack(s.packed, b, k, n, ldb)
	}
	return s.packed
}
