package winograd

import "unsafe"

const tileRows = 6 // rows of sums in registers

// productArgs are the arguments of the assembly, in its order; distances are
// in bytes. own is for what the assembly moves.
type productArgs struct {
	sums, left, right                         *float32
	positions, panels, first, second, inner   int
	leftRow, rightRow, sumsRow                int
	rightPanel, sumsPanel                     int
	leftPosition, rightPosition, sumsPosition int
	own                                       [6]int
}

// multiply is multiplyGeneric for all positions at once. A panel is always
// whole: rows of products have room for it.
func (p *plan) multiply(products, values []float32, count int, packed []float32, lo, hi int) {
	if !hasAVX2 {
		p.multiplyGeneric(products, values, count, packed, lo, hi)
		return
	}
	a := productArgs{
		sums: &products[lo], left: &values[0], right: &packed[lo*p.C],
		positions: p.positions(), panels: (hi - lo + panel - 1) / panel, first: count / tileRows, inner: p.C,
		leftRow: p.valueRow() * bytes, sumsRow: p.productRow() * bytes,
		rightPanel: p.C * panel * bytes, sumsPanel: panel * bytes,
		leftPosition: p.values * bytes, rightPosition: p.weights * bytes, sumsPosition: p.products * bytes,
	}
	a.multiply(count % tileRows)
}

// correlate is correlateGeneric for all positions at once. The inner channels
// are divided evenly among tiles of sums.
func (p *plan) correlate(acc, values, products []float32, count int) {
	if !hasAVX2 {
		p.correlateGeneric(acc, values, products, count)
		return
	}
	tiles := (p.C + tileRows - 1) / tileRows
	rows := (p.C + tiles - 1) / tiles
	a := productArgs{
		sums: &acc[0], left: &values[0], right: &products[0], positions: p.positions(),
		panels: (p.K + panel - 1) / panel, second: rows*tiles - p.C, inner: count,
		leftRow: p.valueRow() * bytes, rightRow: p.productRow() * bytes,
		rightPanel: panel * bytes, sumsPanel: p.C * panel * bytes,
		leftPosition: p.values * bytes, rightPosition: p.products * bytes, sumsPosition: p.weights * bytes,
	}
	a.first = tiles - a.second
	a.correlate(rows)
}

func (p *productArgs) multiply(rest int) {
	words := (*byte)(unsafe.Pointer(p))
	switch rest {
	case 0:
		multiply0AVX2(words)
	case 1:
		multiply1AVX2(words)
	case 2:
		multiply2AVX2(words)
	case 3:
		multiply3AVX2(words)
	case 4:
		multiply4AVX2(words)
	case 5:
		multiply5AVX2(words)
	}
}

func (p *productArgs) correlate(rows int) {
	words := (*byte)(unsafe.Pointer(p))
	switch rows {
	case 1:
		correlate1AVX2(words)
	case 2:
		correlate2AVX2(words)
	case 3:
		correlate3AVX2(words)
	case 4:
		correlate4AVX2(words)
	case 5:
		correlate5AVX2(words)
	case 6:
		correlate6AVX2(words)
	}
}
