package winograd

import "espalier/models/engine/gemm"

// multiplyGeneric sums the products of a block over the channels: one matrix
// product for each position.
func (p *plan) multiplyGeneric(products, values []float32, count int, packed []float32, lo, hi int) {
	var origin [1]int32
	for i := range p.positions() {
		a := gemm.Left{Data: values[i*p.values : (i+1)*p.values], Rows: p.left[:count], Taps: origin[:], Span: p.C}
		c := products[i*p.products : (i+1)*p.products]
		gemm.Mul(c, p.right[:count], a, packed[i*p.weights:(i+1)*p.weights], p.K, lo, hi, gemm.Epilogue{})
	}
}

// correlateGeneric adds the products of a block, summed over its tiles, to the
// gradient of the weights.
func (p *plan) correlateGeneric(acc, values, products []float32, count int) {
	var origin [1]int32
	for i := range p.positions() {
		a := gemm.Left{Data: values[i*p.values : (i+1)*p.values], Rows: p.left[:count], Taps: origin[:], Span: p.C}
		g, sums := products[i*p.products:(i+1)*p.products], acc[i*p.weights:(i+1)*p.weights]
		for k := 0; k < p.K; k += panel {
			gemm.MulT(sums[k*p.C:], panel, a, g[k:], p.right[:count], min(panel, p.K-k))
		}
	}
}
