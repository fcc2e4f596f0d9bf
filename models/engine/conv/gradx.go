package conv

import (
	"slices"

	"espalier/models/engine/gemm"
)

// gradient computes the gradient of x as convolutions of g. A pixel of x meets
// those cells of a filter that lie at a multiple of the stride from it, so all
// pixels of one remainder, a phase, read g in the same pattern: one convolution
// with stride 1 for each phase, by the cells of its own, rotated.
type gradient struct {
	from   samples // g
	phases []phase
	orders [][]int32 // by panel and phase: where a filter's cells go when packed
}

type phase struct {
	at      patches
	results []int32 // where each pixel lies in x
	cells   []int32 // of a filter, in the order in which g is read
	packed  int     // where its weights begin, in rows of a panel
}

// axis is a phase of rows, or of columns.
type axis struct {
	pixels []int // of x
	from   []int // the pixel of g that each meets first; may lie outside
	cells  []int // of a filter, in the order in which g is read
	step   int   // pixels of g from one cell to the next
}

// axes divides size pixels of x by their remainder. A remainder that has
// neither pixels nor cells is left out: a stride may be far longer than both.
func axes(size, kernel, stride, dilation, pad int) []axis {
	all := make([]axis, stride)
	for r := range all {
		a := &all[r]
		last := 0
		for k := kernel - 1; k >= 0; k-- {
			if k*dilation%stride != r {
				continue
			}
			reach := (k*dilation - r) / stride // pixels of g before the pixel's own
			if len(a.cells) == 0 {
				last = reach
			} else if len(a.cells) == 1 {
				a.step = last - reach
			}
			a.cells = append(a.cells, k)
		}
		for i := range size {
			if (i+pad)%stride == r {
				a.pixels = append(a.pixels, i)
				a.from = append(a.from, (i+pad)/stride-last)
			}
		}
	}
	return slices.DeleteFunc(all, func(a axis) bool { return len(a.pixels)+len(a.cells) == 0 })
}

// beyond says how many zeros the phases need before and after size pixels of g.
func beyond(all []axis, size int) (before, after int) {
	for _, a := range all {
		if len(a.pixels) == 0 || len(a.cells) == 0 {
			continue
		}
		before = max(before, -a.from[0])
		after = max(after, a.from[len(a.from)-1]+(len(a.cells)-1)*a.step+1-size)
	}
	return before, after
}

func newGradient(s Shape, oh, ow int) gradient {
	rows := axes(s.H, s.Kernel[0], s.Stride[0], s.Dilation[0], s.Pad[0])
	columns := axes(s.W, s.Kernel[1], s.Stride[1], s.Dilation[1], s.Pad[1])
	b := border{h: oh, w: ow, c: s.K}
	b.above, b.below = beyond(rows, oh)
	b.left, b.right = beyond(columns, ow)
	d := gradient{from: newSamples(b, s.H*s.W/(s.Stride[0]*s.Stride[1])+1, productRows, productLimit)}
	packed := 0
	for _, r := range rows {
		for _, c := range columns {
			p := newPhase(s, b, r, c, d.from.batch)
			p.packed = packed
			packed += len(p.cells) * s.K / s.Groups
			d.phases = append(d.phases, p)
		}
	}
	return d
}

func newPhase(s Shape, b border, r, c axis, batch int) phase {
	p := phase{}
	for i := range batch {
		for y, from := range r.from {
			for x, at := range c.from {
				p.at.rows = append(p.at.rows, int32(i*b.size()+(from+b.above)*b.row()+(at+b.left)*s.K))
				p.results = append(p.results, int32(((i*s.H+r.pixels[y])*s.W+c.pixels[x])*s.C))
			}
		}
	}
	for _, y := range r.cells {
		for _, x := range c.cells {
			p.cells = append(p.cells, int32(y*s.Kernel[1]+x))
		}
	}
	n := len(c.cells)
	p.at.span = s.K / s.Groups
	if s.Groups == 1 && n > 1 && c.step == 1 { // neighbours in memory
		p.at.span, n = s.K*n, 1
	}
	for y := range r.cells {
		for x := range n {
			p.at.taps = append(p.at.taps, int32(y*r.step*b.row()+x*c.step*s.K))
		}
	}
	return p
}

// gradOrders says where the cells of a group's first filter go in each panel of
// its channels; those of the next filter lie a row below.
func (p *product) gradOrders() {
	panels := panels(p.channels)
	for i := range panels {
		order := make([]int32, p.taps)
		for _, ph := range p.grad.phases {
			inner := len(ph.cells) * p.filters
			for at, cell := range ph.cells {
				order[cell] = int32(ph.packed*panels + i*inner + at*p.filters)
			}
		}
		p.grad.orders = append(p.grad.orders, order)
	}
}

func (p *product) PackedGradLen() int {
	return p.Groups * gemm.PackedLen(p.taps*p.filters, p.channels)
}

func (p *product) PackGrad(dst, w []float32, part, parts int) {
	size := gemm.PackedLen(p.taps*p.filters, p.channels)
	from, to := share(p.K, part, parts)
	for some := from; some < to; some += gemm.Width { // for neighbouring rows of each panel
		for i, order := range p.grad.orders {
			first := i * gemm.Width
			for filter := some; filter < min(some+gemm.Width, to); filter++ {
				dst := dst[filter/p.filters*size:][:size]
				cells := w[filter*p.inner()+first*p.taps : (filter+1)*p.inner()]
				gemm.PackPanelT(dst[filter%p.filters*gemm.Width:], cells, order, min(gemm.Width, p.channels-first), p.taps)
			}
		}
	}
}

func (p *product) GradX(dx, g []float32, n int, packed []float32, accumulate bool, ws []float32) {
	from, image := &p.grad.from, p.H*p.W*p.C
	size := gemm.PackedLen(p.taps*p.filters, p.channels)
	from.begin(n, ws)
	for at := 0; at < n; at += from.batch {
		some := min(from.batch, n-at)
		data := from.some(g, at, some, ws)
		out := dx[at*image : (at+some)*image]
		for i := range p.grad.phases {
			for group := range p.Groups {
				p.phase(&p.grad.phases[i], out[group*p.channels:], data, group, some, packed[group*size:][:size], accumulate)
			}
		}
	}
}

// phase computes the pixels of one phase, for the channels of one group.
func (p *product) phase(ph *phase, dx, g []float32, group, n int, packed []float32, accumulate bool) {
	results := ph.results[:len(ph.results)/p.grad.from.batch*n]
	if len(ph.cells) == 0 { // no filter reaches these pixels
		for _, at := range results {
			if !accumulate {
				clear(dx[at:][:p.channels])
			}
		}
		return
	}
	left := ph.at.left(g, group, p.filters, len(results))
	panels := panels(p.channels)
	gemm.Mul(dx, results, left, packed[ph.packed*panels*gemm.Width:], p.channels, 0, p.channels, gemm.Epilogue{Accumulate: accumulate})
}
