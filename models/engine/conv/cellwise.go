package conv

import "espalier/models/engine/gemm"

// cellwise is a layer as one product for each cell of a filter: of the pixels
// of x that the cell joins to a pixel of y, and its weights. It adds to its
// results at each cell, but meets no zeros beyond the edge of an image. So it is
// for images that are hardly larger than the filter, and for gradients of x
// where the filter is large and the image is not padded.
type cellwise struct {
	Shape
	oh, ow           int
	cells            []joined
	batch            int
	origin           []int32 // the only tap
	order, gradOrder []int32 // where the elements of a filter go when packed, for its first panel
}

// joined are pixels that a cell joins, for the samples of a batch: where each
// begins in x and in y.
type joined struct{ x, y []int32 }

func newCellwise(s Shape) *cellwise {
	c := &cellwise{Shape: s, origin: []int32{0}, cells: make([]joined, s.Kernel[0]*s.Kernel[1])}
	c.oh, c.ow = s.Out()
	c.batch = cellwiseBatch(s.H*s.W*s.C+c.oh*c.ow*s.K, c.oh*c.ow)
	for i := range c.batch * c.oh * c.ow {
		sample, oy, ox := i/(c.oh*c.ow), i/c.ow%c.oh, i%c.ow
		for t := range c.cells {
			y := oy*s.Stride[0] + t/s.Kernel[1]*s.Dilation[0] - s.Pad[0]
			x := ox*s.Stride[1] + t%s.Kernel[1]*s.Dilation[1] - s.Pad[1]
			if y >= 0 && y < s.H && x >= 0 && x < s.W {
				c.cells[t].x = append(c.cells[t].x, int32(((sample*s.H+y)*s.W+x)*s.C))
				c.cells[t].y = append(c.cells[t].y, int32(i*s.K))
			}
		}
	}
	for i := range s.C * len(c.cells) {
		c.order = append(c.order, int32((i%len(c.cells)*panels(s.K))*s.C+i/len(c.cells)))
	}
	for t := range c.cells {
		c.gradOrder = append(c.gradOrder, int32(t*panels(s.C)*s.K))
	}
	return c
}

// cellwiseBatch is how many samples, of so many elements and results, meet the
// weights at a time: enough for the tiles of a product, more only where they
// stay in the L1 cache, as they do not stay in registers.
func cellwiseBatch(elements, results int) int {
	const few, many, cached = 64, 192, 8 << 10
	return max(1, few/results, min(many/results, cached/elements))
}

// panels of a packed matrix of n columns.
func panels(n int) int { return (n + gemm.Width - 1) / gemm.Width }

// size and gradSize are of one cell's weights.
func (c *cellwise) size() int     { return gemm.PackedLen(c.C, c.K) }
func (c *cellwise) gradSize() int { return gemm.PackedLen(c.K, c.C) }

func (c *cellwise) PackedLen() int     { return len(c.cells) * c.size() }
func (c *cellwise) PackedGradLen() int { return len(c.cells) * c.gradSize() }
func (c *cellwise) GradWLen() int      { return c.PackedLen() }
func (c *cellwise) Workspace() int     { return 0 }

func (c *cellwise) Pack(dst, w []float32, part, parts int) {
	from, to := share(panels(c.K), part, parts)
	for i := from; i < to; i++ {
		first := i * gemm.Width
		gemm.PackPanelT(dst[i*c.C*gemm.Width:], w[first*len(c.order):], c.order, min(gemm.Width, c.K-first), len(c.order))
	}
}

func (c *cellwise) PackGrad(dst, w []float32, part, parts int) {
	cells := len(c.cells)
	from, to := share(c.K, part, parts)
	for some := from; some < to; some += gemm.Width { // for neighbouring rows of each panel
		for i := range panels(c.C) {
			first := i * gemm.Width
			for filter := some; filter < min(some+gemm.Width, to); filter++ {
				gemm.PackPanelT(dst[(i*c.K+filter)*gemm.Width:], w[(filter*c.C+first)*cells:], c.gradOrder, min(gemm.Width, c.C-first), cells)
			}
		}
	}
}

// FinishGradW undoes what Pack does.
func (c *cellwise) FinishGradW(dw []float32, accs [][]float32, part, parts int) {
	from, to := share(panels(c.K), part, parts)
	for i := from; i < to; i++ {
		first := i * gemm.Width
		for j, acc := range accs {
			gemm.UnpackT(dw[first*len(c.order):], len(c.order), acc[i*c.C*gemm.Width:], gemm.Width, c.order, min(gemm.Width, c.K-first), j > 0)
		}
	}
}

// some are the pixels of n samples.
func (j joined) some(n, batch int) joined {
	m := len(j.x) / batch * n
	return joined{j.x[:m], j.y[:m]}
}

func (c *cellwise) Forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, _ []float32) {
	ofX, ofY := c.H*c.W*c.C, c.oh*c.ow*c.K
	for at := 0; at < n; at += c.batch {
		end := min(at+c.batch, n)
		out := y[at*ofY : end*ofY]
		e.begin(out, at*ofY, c.K, lo, hi)
		for t, j := range c.cells {
			j = j.some(end-at, c.batch)
			left := gemm.Left{Data: x[at*ofX : end*ofX], Rows: j.x, Taps: c.origin, Span: c.C}
			gemm.Mul(out, j.y, left, packed[t*c.size():][:c.size()], c.K, lo, hi, gemm.Epilogue{Accumulate: true})
		}
		e.finish(out, c.K, lo, hi)
	}
}

func (c *cellwise) GradX(dx, g []float32, n int, packed []float32, accumulate bool, _ []float32) {
	ofX, ofY := c.H*c.W*c.C, c.oh*c.ow*c.K
	for at := 0; at < n; at += c.batch {
		end := min(at+c.batch, n)
		out := dx[at*ofX : end*ofX]
		if !accumulate {
			clear(out)
		}
		for t, j := range c.cells {
			j = j.some(end-at, c.batch)
			left := gemm.Left{Data: g[at*ofY : end*ofY], Rows: j.y, Taps: c.origin, Span: c.K}
			gemm.Mul(out, j.x, left, packed[t*c.gradSize():][:c.gradSize()], c.C, 0, c.C, gemm.Epilogue{Accumulate: true})
		}
	}
}

func (c *cellwise) GradW(acc, x, g []float32, n int, _ []float32) {
	ofX, ofY := c.H*c.W*c.C, c.oh*c.ow*c.K
	for at := 0; at < n; at += c.batch {
		end := min(at+c.batch, n)
		for t, j := range c.cells {
			j = j.some(end-at, c.batch)
			left := gemm.Left{Data: x[at*ofX : end*ofX], Rows: j.x, Taps: c.origin, Span: c.C}
			gemm.MulTPanels(acc[t*c.size():][:c.size()], left, g[at*ofY:end*ofY], j.y, c.K)
		}
	}
}
