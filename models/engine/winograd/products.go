package winograd

import "espalier/models/engine/gemm"

// multiply sums the products of a block over the channels: one matrix product
// for each position.
func (p *plan) multiply(products, values []float32, count int, packed []float32, lo, hi int) {
	if multiplyAll(p, products, values, count, packed, lo, hi) {
		return
	}
	var origin [1]int32
	for i := range p.positions() {
		a := gemm.Left{Data: values[i*p.values : (i+1)*p.values], Rows: p.left[:count], Taps: origin[:], Span: p.C}
		c := products[i*p.products : (i+1)*p.products]
		gemm.Mul(c, p.right[:count], a, packed[i*p.weights:(i+1)*p.weights], p.K, lo, hi, gemm.Epilogue{})
	}
}

// correlate adds the products of a block, summed over its tiles, to the
// gradient of the weights.
func (p *plan) correlate(acc, values, products []float32, count int) {
	if correlateAll(p, acc, values, products, count) {
		return
	}
	var origin [1]int32
	for i := range p.positions() {
		a := gemm.Left{Data: values[i*p.values : (i+1)*p.values], Rows: p.left[:count], Taps: origin[:], Span: p.C}
		g, sums := products[i*p.products:(i+1)*p.products], acc[i*p.weights:(i+1)*p.weights]
		for k := 0; k < p.K; k += panel {
			gemm.MulT(sums[k*p.C:], panel, a, g[k:], p.right[:count], min(panel, p.K-k))
		}
	}
}
