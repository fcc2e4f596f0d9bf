//go:build !amd64

package conv

func addProducts(y []float32, strideY int, x []float32, strideX int, w []float32, strideW, n, rows int) {
	addProductsGeneric(y, strideY, x, strideX, w, strideW, n, rows)
}
