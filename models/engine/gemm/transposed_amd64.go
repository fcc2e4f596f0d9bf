package gemm

import "unsafe"

// blockRows is how many rows of both matrices a tile of sums meets at a time:
// they stay in cache while the tiles change.
const blockRows = 96

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

// Long rows would push one another out of the L1 cache where they are a power
// of two apart. So a few panels of g meet a chunk of each row of a at a time,
// both from dense copies.
const (
	chunk  = 4 * tileRows
	panels = 4
)

// dense are copies of one block of rows.
type dense struct {
	a [blockRows * chunk]float32
	g [panels][blockRows * Width]float32
}

// chunkRows and panelRows are where the rows of the copies begin.
var chunkRows, panelRows = func() (a, g [blockRows]int32) {
	for i := range a {
		a[i], g[i] = int32(i*chunk), int32(i*Width)
	}
	return a, g
}()

func mulT(c []float32, ldc, ldp int, a Left, g []float32, rows []int32, n int) {
	if !hasAVX2 {
		mulTGeneric(c, ldc, ldp, a, g, rows, n)
		return
	}
	blocks := (len(a.Rows) + blockRows - 1) / blockRows
	for i := range blocks {
		from, to := len(a.Rows)*i/blocks, len(a.Rows)*(i+1)/blocks
		part := Left{a.Data, a.Rows[from:to], a.Taps, a.Span}
		if n > Width && a.Span >= chunk {
			mulTChunks(c, ldc, ldp, part, g, rows[from:to], n)
		} else {
			mulTRows(c, ldc, ldp, part, g, rows[from:to], n)
		}
	}
}

// mulTRows reads the rows of a where they lie.
func mulTRows(c []float32, ldc, ldp int, a Left, g []float32, rows []int32, n int) {
	for j := 0; j < n; j += Width {
		p := mulTArgs{a: &a.Data[0], aRows: &a.Rows[0], ldc: ldc, g: &g[j], rows: &rows[0], n: len(rows)}
		for t, tap := range a.Taps {
			p.at = int(tap)
			p.span(c[t*a.Span*ldc+j/Width*ldp:], a.Span, min(Width, n-j))
		}
	}
}

func mulTChunks(c []float32, ldc, ldp int, a Left, g []float32, rows []int32, n int) {
	var d dense
	for j := 0; j < n; j += panels * Width {
		some := min(panels*Width, n-j)
		d.gatherPanels(g[j:], rows, some)
		for t, tap := range a.Taps {
			for k := 0; k < a.Span; k += chunk {
				w := min(chunk, a.Span-k)
				d.gatherChunk(a, int(tap)+k, w)
				d.mulT(c[(t*a.Span+k)*ldc+j/Width*ldp:], ldc, ldp, len(rows), w, some)
			}
		}
	}
}

// mulT adds to w rows and n columns of c, whose panels are ldp apart.
func (d *dense) mulT(c []float32, ldc, ldp, rows, w, n int) {
	p := mulTArgs{a: &d.a[0], aRows: &chunkRows[0], ldc: ldc, rows: &panelRows[0], n: rows}
	for j := 0; j < n; j += Width {
		p.g = &d.g[j/Width][0]
		p.span(c[j/Width*ldp:], w, min(Width, n-j))
	}
}

func (d *dense) gatherChunk(a Left, at, w int) {
	if w == chunk {
		gatherAVX2(&d.a[0], &a.Data[0], &a.Rows[0], at, len(a.Rows))
		return
	}
	for i, row := range a.Rows {
		copy(d.a[i*chunk:][:w], a.Data[int(row)+at:])
	}
}

func (d *dense) gatherPanels(g []float32, rows []int32, n int) {
	for j := 0; j < n; j += Width {
		to := &d.g[j/Width]
		if n-j >= Width {
			gatherPanelAVX2(&to[0], &g[0], &rows[0], j, len(rows))
			continue
		}
		for i, row := range rows {
			copy(to[i*Width:][:n-j], g[int(row)+j:])
		}
	}
}

// span does span rows of c, which meet as many neighbours in the rows of a.
func (p mulTArgs) span(c []float32, span, w int) {
	p.c, p.mask, p.tiles = &c[0], mask(w), span/tileRows
	whole := p.tiles * tileRows
	if whole > 0 {
		p.run(tileRows, w)
	}
	if whole < span {
		p.c, p.tiles = &c[whole*p.ldc], 1
		p.at += whole
		p.run(span-whole, w)
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
