package gemm

import "unsafe"

// blockRows is how many rows of both matrices a tile of sums meets at a time:
// they stay in cache while the tiles change.
const blockRows = 192

// mulTArgs are the arguments of the assembly, in its order.
type mulTArgs struct {
	c     *float32
	rows  *int32
	tiles int
	a     *float32
	aRows *int32
	at    int // added to each row of a
	ldc   int
	n     int // rows
	g     *float32
	mask  *int32
}

func mulT(c []float32, ldc int, a Left, g []float32, rows []int32, n int) {
	if !hasAVX2 {
		mulTGeneric(c, ldc, a, g, rows, n)
		return
	}
	blocks := max(1, (len(a.Rows)+blockRows/2)/blockRows)
	for i := range blocks {
		from, to := len(a.Rows)*i/blocks, len(a.Rows)*(i+1)/blocks
		for j := 0; j < n; j += Width {
			w := min(Width, n-j)
			args := mulTArgs{a: &a.Data[0], ldc: ldc, aRows: &a.Rows[from], g: &g[j], rows: &rows[from], n: to - from, mask: mask(w)}
			for t, tap := range a.Taps {
				args.tap(c[t*a.Span*ldc+j:], a, tap, w)
			}
		}
	}
}

// tap does the rows of c that belong to one tap.
func (p *mulTArgs) tap(c []float32, a Left, tap int32, w int) {
	p.tiles = a.Span / tileRows
	whole := p.tiles * tileRows
	if whole > 0 {
		p.c, p.at = &c[0], int(tap)
		p.run(tileRows, w)
	}
	if whole < a.Span {
		p.c, p.at, p.tiles = &c[whole*p.ldc], int(tap)+whole, 1
		p.run(a.Span-whole, w)
	}
}

func (p *mulTArgs) run(m, w int) {
	switch {
	case w == Width:
	case w > lanes:
		m += 10
	default:
		m += 20
	}
	args := (*byte)(unsafe.Pointer(p))
	switch m {
	case 1:
		mulT1x2AVX2(args)
	case 2:
		mulT2x2AVX2(args)
	case 3:
		mulT3x2AVX2(args)
	case 4:
		mulT4x2AVX2(args)
	case 5:
		mulT5x2AVX2(args)
	case 6:
		mulT6x2AVX2(args)
	case 11:
		mulT1x2MaskedAVX2(args)
	case 12:
		mulT2x2MaskedAVX2(args)
	case 13:
		mulT3x2MaskedAVX2(args)
	case 14:
		mulT4x2MaskedAVX2(args)
	case 15:
		mulT5x2MaskedAVX2(args)
	case 16:
		mulT6x2MaskedAVX2(args)
	case 21:
		mulT1x1MaskedAVX2(args)
	case 22:
		mulT2x1MaskedAVX2(args)
	case 23:
		mulT3x1MaskedAVX2(args)
	case 24:
		mulT4x1MaskedAVX2(args)
	case 25:
		mulT5x1MaskedAVX2(args)
	case 26:
		mulT6x1MaskedAVX2(args)
	}
}
