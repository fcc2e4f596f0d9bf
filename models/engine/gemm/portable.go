//go:build !amd64

package gemm

func vectorized() bool { return false }

func mul(c []float32, rows []int32, a Left, b []float32, lo, hi int, e Epilogue) {
	mulGeneric(c, rows, a, b, lo, hi, e)
}

func mulT(c []float32, ldc, ldp int, a Left, g []float32, rows []int32, n int) {
	mulTGeneric(c, ldc, ldp, a, g, rows, n)
}

// packSquares and unpackSquares say how many columns they did.
func packSquares(_, _ []float32, _ []int32, _ int) int { return 0 }

func unpackSquares(_ []float32, _ int, _ []float32, _ int, _ []int32, _ bool) int { return 0 }
