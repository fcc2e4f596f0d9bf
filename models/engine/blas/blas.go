// Package blas is where dense matrices are multiplied: by OpenBLAS, opened at
// run time without cgo; where that is not installed by package gemm, or by
// gonum on processors for which gemm has no assembly.
//
// All run single-threaded here. Callers that want all cores divide a product
// into parts by rows and multiply the parts at the same time; so the division,
// and with it every bit of the result, is theirs and not a thread scheduler's.
package blas

import (
	"slices"
	"strings"

	"espalier/models/engine/gemm"
)

// Library multiplies matrices. It is safe for concurrent use.
type Library interface {
	// Gemm computes C = alpha*op(A)*op(B) + beta*C for row-major matrices, with
	// op(A) m x k and op(B) k x n; op transposes where the flag says so. lda,
	// ldb and ldc are the distances between the rows as stored. With beta 0, C
	// need not hold numbers. m and n may be 0, k may not; a slice that is too
	// short for its matrix panics.
	Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int)
	// String names what the bits of a product depend on: library, version and
	// kernel, such as "openblas 0.3.21 Zen" or "gonum 0.17.0".
	String() string
}

// Open returns OpenBLAS where one of its usual names can be loaded and knows the
// processor, otherwise [Native], or [Gonum] where that is slow.
func Open() Library {
	for _, name := range names() {
		if lib, err := OpenBLAS(name); err == nil && !(gemm.Vectorized() && behind(lib.String())) {
			return lib
		}
	}
	if gemm.Vectorized() {
		return Native()
	}
	return Gonum()
}

// behind says whether a library's kernel does without AVX2. OpenBLAS falls back
// to one of 2004 on processors that are newer than itself, as 0.3.21 does on
// some of Intel's: LeNet-300-100 then trains at less than half of package gemm's speed.
func behind(name string) bool {
	kernel := name[strings.LastIndexByte(name, ' ')+1:]
	return !slices.ContainsFunc([]string{"haswell", "zen", "skylakex", "cooperlake", "sapphirerapids", "excavator"}, func(modern string) bool {
		return strings.EqualFold(kernel, modern)
	})
}

// check panics where a matrix does not lie inside its slice. C code would
// read or write beyond it.
func check(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	if k < 1 {
		panic("blas: product over no elements")
	}
	fits(transA, m, k, a, lda)
	fits(transB, k, n, b, ldb)
	fits(false, m, n, c, ldc)
}

func fits(trans bool, rows, cols int, x []float32, stride int) {
	if trans {
		rows, cols = cols, rows
	}
	if rows < 0 || cols < 0 || stride < max(1, cols) {
		panic("blas: negative size or stride shorter than a row")
	}
	if rows > 0 && cols > 0 {
		_ = x[(rows-1)*stride+cols-1]
	}
}

// names are the file names under which OpenBLAS is installed.
func names() []string {
	return slices.Concat(
		[]string{"libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0", "libopenblaso.so.0"},
		[]string{"libopenblas.dylib", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib", "/usr/local/opt/openblas/lib/libopenblas.dylib"},
	)
}
