package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// gonumVersion is the version in go.mod; a test compares them.
const gonumVersion = "0.17.0"

type gonumLibrary struct{ gonum.Implementation }

// Gonum is the portable library. It is there on every machine.
func Gonum() Library { return gonumLibrary{} }

func (gonumLibrary) String() string { return "gonum " + gonumVersion }

func (g gonumLibrary) Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	check(transA, transB, m, n, k, a, lda, b, ldb, c, ldc)
	g.Sgemm(transpose(transA), transpose(transB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func transpose(yes bool) blas.Transpose {
	if yes {
		return blas.Trans
	}
	return blas.NoTrans
}
