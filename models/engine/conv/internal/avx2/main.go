// Command avx2 writes the AVX2 body of depthwise convolution. It does the same
// roundings in the same order as the portable loop.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

const lanes = 8

func main() {
	ConstraintExpr("amd64")
	addProducts()
	Generate()
}

// addProducts adds the products of rows of x and w to rows of y. A stride is
// from row to row; n is a multiple of the lanes.
func addProducts() {
	TEXT("addProductsAVX2", NOSPLIT, "func(y *float32, strideY int, x *float32, strideX int, w *float32, strideW, n, rows int)")
	Pragma("noescape")
	y, x, w := Load(Param("y"), GP64()), Load(Param("x"), GP64()), Load(Param("w"), GP64())
	strideY, strideX, strideW := Load(Param("strideY"), GP64()), Load(Param("strideX"), GP64()), Load(Param("strideW"), GP64())
	n, rows, at := Load(Param("n"), GP64()), Load(Param("rows"), GP64()), GP64()
	Label("row")
	XORQ(at, at)
	Label("vector")
	v := YMM()
	VMOVUPS(Mem{Base: x, Index: at, Scale: 4}, v)
	VMULPS(Mem{Base: w, Index: at, Scale: 4}, v, v)
	VADDPS(Mem{Base: y, Index: at, Scale: 4}, v, v)
	VMOVUPS(v, Mem{Base: y, Index: at, Scale: 4})
	ADDQ(I32(lanes), at)
	CMPQ(at, n)
	JL(LabelRef("vector"))
	LEAQ(Mem{Base: y, Index: strideY, Scale: 4}, y)
	LEAQ(Mem{Base: x, Index: strideX, Scale: 4}, x)
	LEAQ(Mem{Base: w, Index: strideW, Scale: 4}, w)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
