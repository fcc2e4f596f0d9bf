package winograd

import "unsafe"

const tileRows = 6 // rows of sums in registers

// productArgs are the arguments of the assembly, in its order; distances are
// in bytes.
type productArgs struct {
	sums, left, right                         *float32
	positions, tiles, inner                   int
	leftRow, rightRow, sumsRow                int
	leftPosition, rightPosition, sumsPosition int
}

// multiplySmall is multiply for all positions at once, panel by panel. A panel
// is always whole: rows of products have room for it.
func multiplySmall(p *plan, products, values []float32, count int, packed []float32, lo, hi int) bool {
	if !hasAVX2 {
		return false
	}
	whole := count / tileRows * tileRows
	for k := lo; k < hi; k += panel {
		args := productArgs{
			positions: p.positions(), inner: p.C, leftRow: p.valueRow() * bytes, sumsRow: p.productRow() * bytes,
			leftPosition: p.values * bytes, rightPosition: p.weights * bytes, sumsPosition: p.products * bytes,
		}
		for _, part := range [2][2]int{{0, whole}, {whole, count}} {
			if part[0] == part[1] {
				continue
			}
			a, rows := args, min(tileRows, part[1]-part[0])
			a.tiles = (part[1] - part[0]) / rows
			a.left, a.right = &values[part[0]*p.valueRow()], &packed[k*p.C]
			a.sums = &products[part[0]*p.productRow()+k]
			a.multiply(rows)
		}
	}
	return true
}

// correlateSmall is correlate for all positions at once, tile by tile of sums.
// The inner channels are divided evenly among tiles.
func correlateSmall(p *plan, acc, values, products []float32, count int) bool {
	if !hasAVX2 {
		return false
	}
	tiles := (p.C + tileRows - 1) / tileRows
	for k := 0; k < p.K; k += panel {
		for i := range tiles {
			from, to := p.C*i/tiles, p.C*(i+1)/tiles
			a := productArgs{
				sums: &acc[k*p.C+from*panel], left: &values[from], right: &products[k], positions: p.positions(),
				inner: count, leftRow: p.valueRow() * bytes, rightRow: p.productRow() * bytes,
				leftPosition: p.values * bytes, rightPosition: p.products * bytes, sumsPosition: p.weights * bytes,
			}
			a.correlate(to - from)
		}
	}
	return true
}

func (p *productArgs) multiply(rows int) {
	words := (*byte)(unsafe.Pointer(p))
	switch rows {
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
	case 6:
		multiply6AVX2(words)
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
