package conv

import "espalier/models/engine/gemm"

// Some samples meet the weights at a time where images are small: rows enough
// for the tiles of a product, while a bordered copy stays in the cache.
const (
	productRows  = 96
	productLimit = 96 << 10 // elements of the copy
	gradWRows    = 192
	gradWLimit   = 256 << 10
)

// product is a layer as matrix products, one for each group: pixels x patch
// times patch x filters.
type product struct {
	Shape
	oh, ow    int
	channels  int // of a group
	filters   int // of a group
	taps      int // cells of a filter
	order     []int32
	at        patches
	forwards  samples
	backwards samples // of GradW
	results   []int32 // where each pixel of the batch lies in y
	edges     []int32 // where it lies in a panel of its own; see cut
	grad      gradient
}

// patches are the left rows of the products.
type patches struct {
	rows []int32 // pixel by pixel, for the samples of a batch
	taps []int32
	span int
}

func newProduct(s Shape) *product {
	p := &product{Shape: s, channels: s.C / s.Groups, filters: s.K / s.Groups, taps: s.Kernel[0] * s.Kernel[1]}
	p.oh, p.ow = s.Out()
	p.order = make([]int32, p.inner())
	for i := range p.order {
		p.order[i] = int32(i%p.taps*p.channels + i/p.taps)
	}
	b := border{s.H, s.W, s.C, s.Pad[0], s.Pad[1], s.Pad[2], s.Pad[3]}
	p.forwards = newSamples(b, p.oh*p.ow, productRows, productLimit)
	p.backwards = newSamples(b, p.oh*p.ow, gradWRows, gradWLimit)
	p.at = newPatches(s, b, p.oh, p.ow, max(p.forwards.batch, p.backwards.batch))
	p.results = make([]int32, len(p.at.rows))
	for i := range p.results {
		p.results[i] = int32(i * s.K)
	}
	if s.Groups > 1 && p.filters%gemm.Width != 0 {
		p.edges = make([]int32, p.forwards.batch*p.oh*p.ow)
		for i := range p.edges {
			p.edges[i] = int32(i * gemm.Width)
		}
	}
	p.grad = newGradient(s, p.oh, p.ow)
	p.gradOrders()
	return p
}

func newPatches(s Shape, b border, oh, ow, batch int) patches {
	a := patches{span: s.C / s.Groups}
	for i := range batch {
		for y := range oh {
			for x := range ow {
				a.rows = append(a.rows, int32(i*b.size()+y*s.Stride[0]*b.row()+x*s.Stride[1]*s.C))
			}
		}
	}
	columns := s.Kernel[1]
	if s.Groups == 1 && s.Dilation[1] == 1 { // neighbours in memory
		a.span, columns = s.C*columns, 1
	}
	for y := range s.Kernel[0] {
		for x := range columns {
			a.taps = append(a.taps, int32(y*s.Dilation[0]*b.row()+x*s.Dilation[1]*s.C))
		}
	}
	return a
}

// left is the left matrix of one group of n samples.
func (a patches) left(data []float32, group, width, rows int) gemm.Left {
	return gemm.Left{Data: data[group*width:], Rows: a.rows[:rows], Taps: a.taps, Span: a.span}
}

// inner is the length of a patch.
func (p *product) inner() int { return p.taps * p.channels }

func (p *product) PackedLen() int { return p.Groups * gemm.PackedLen(p.inner(), p.filters) }

func (p *product) Pack(dst, w []float32, part, parts int) {
	panels := panels(p.filters)
	from, to := share(p.Groups*panels, part, parts)
	for i := from; i < to; i++ {
		first := i % panels * gemm.Width
		filter := i/panels*p.filters + first
		gemm.PackPanelT(dst[i*p.inner()*gemm.Width:][:p.inner()*gemm.Width], w[filter*p.inner():], p.order, min(gemm.Width, p.filters-first), p.inner())
	}
}

func (p *product) Workspace() int {
	return max(p.forwards.workspace()+len(p.edges)*gemm.Width, p.backwards.workspace(), p.grad.from.workspace())
}

func (p *product) Forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, ws []float32) {
	pixels := p.oh * p.ow
	p.forwards.begin(n, ws)
	for at := 0; at < n; at += p.forwards.batch {
		some := min(p.forwards.batch, n-at)
		data := p.forwards.some(x, at, some, ws)
		out, end := at*pixels*p.K, (at+some)*pixels*p.K
		part := e
		if e.Residual != nil {
			part.Residual = e.Residual[out:end]
		}
		for group := range p.Groups {
			p.group(y[out:end], p.at.left(data, group, p.channels, some*pixels), group, packed, lo, hi, part, ws)
		}
	}
}

// group multiplies one group's filters that lie between lo and hi.
func (p *product) group(y []float32, left gemm.Left, group int, packed []float32, lo, hi int, e Epilogue, ws []float32) {
	first := group * p.filters
	lo, hi = max(lo-first, 0), min(hi-first, p.filters)
	if lo >= hi {
		return
	}
	size := gemm.PackedLen(p.inner(), p.filters)
	packed = packed[group*size:][:size]
	epilogue := gemm.Epilogue{ReLU: e.ReLU}
	if e.Bias != nil {
		epilogue.Bias = e.Bias[first:][:p.filters]
	}
	if e.Residual != nil {
		epilogue.From = e.Residual[first:]
	}
	y = y[first:]
	if lo%gemm.Width != 0 {
		from := lo
		lo = min((lo/gemm.Width+1)*gemm.Width, hi)
		p.cut(y, left, packed, from, lo, epilogue, ws[p.forwards.workspace():])
	}
	gemm.Mul(y, p.results[:len(left.Rows)], left, packed, p.filters, lo, hi, epilogue)
}

// cut computes filters from the midst of a group's panel, whose first ones are
// another call's: a whole panel aside, of which it stores its own.
func (p *product) cut(y []float32, left gemm.Left, packed []float32, lo, hi int, e gemm.Epilogue, ws []float32) {
	first := lo / gemm.Width * gemm.Width
	n := min(gemm.Width, p.filters-first)
	rows := p.edges[:len(left.Rows)]
	aside := gemm.Epilogue{ReLU: e.ReLU, Accumulate: e.From != nil}
	if e.From != nil {
		for i, at := range rows {
			copy(ws[int(at)+lo-first:][:hi-lo], e.From[int(p.results[i])+lo:])
		}
	}
	if e.Bias != nil {
		aside.Bias = e.Bias[first:]
	}
	gemm.Mul(ws, rows, left, packed[first*p.inner():], n, 0, n, aside)
	for i, at := range rows {
		copy(y[int(p.results[i])+lo:][:hi-lo], ws[int(at)+lo-first:])
	}
}
