package conv

import "github.com/klauspost/cpuid/v2"

//go:generate go run -C internal/avx2 . -out ../../avx2_amd64.s -stubs ../../avx2_amd64.go -pkg conv

// hasAVX2 says whether the assembly can run here.
var hasAVX2 = cpuid.CPU.Supports(cpuid.AVX2)

func addProducts(y []float32, strideY int, x []float32, strideX int, w []float32, strideW, n, rows int) {
	const lanes = 8
	whole := n &^ (lanes - 1)
	if !hasAVX2 || whole == 0 || rows == 0 {
		addProductsGeneric(y, strideY, x, strideX, w, strideW, n, rows)
		return
	}
	// The assembly checks no bounds.
	_, _, _ = y[(rows-1)*strideY+n-1], x[(rows-1)*strideX+n-1], w[(rows-1)*strideW+n-1]
	addProductsAVX2(&y[0], strideY, &x[0], strideX, &w[0], strideW, whole, rows)
	if whole < n {
		addProductsGeneric(y[whole:], strideY, x[whole:], strideX, w[whole:], strideW, n-whole, rows)
	}
}
