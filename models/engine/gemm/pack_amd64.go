package gemm

// packSquares says how many columns of b it did.
func packSquares(dst, b []float32, order []int32, ldb int) int {
	whole := len(order) / square
	if !hasAVX2 || whole == 0 {
		return 0
	}
	packTAVX2(&dst[0], &order[0], &b[0], ldb, whole)
	return whole * square
}

// unpackSquares says how many columns of dst it did.
func unpackSquares(dst []float32, ldd int, src []float32, lds int, order []int32, add bool) int {
	whole := len(order) / square
	switch {
	case !hasAVX2 || whole == 0:
		return 0
	case add:
		unpackTAddAVX2(&dst[0], ldd, &src[0], lds, &order[0], whole)
	default:
		unpackTAVX2(&dst[0], ldd, &src[0], lds, &order[0], whole)
	}
	return whole * square
}
