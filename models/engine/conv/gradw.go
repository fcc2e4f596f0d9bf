package conv

import "espalier/models/engine/gemm"

func (p *product) gradWLen() int { return p.inner() * p.K }

// gradW keeps the gradient as the products give it: for each group a row for
// each element of a patch, of a column for each filter.
func (p *product) gradW(acc, x, g []float32, n int, ws []float32) {
	pixels := p.oh * p.ow
	p.backwards.begin(n, ws)
	for at := 0; at < n; at += p.backwards.batch {
		some := min(p.backwards.batch, n-at)
		data := p.backwards.some(x, at, some, ws)
		right := g[at*pixels*p.K : (at+some)*pixels*p.K]
		for group := range p.Groups {
			left := p.at.left(data, group, p.channels, some*pixels)
			sums := acc[group*p.inner()*p.filters:][:p.inner()*p.filters]
			gemm.MulT(sums, p.filters, left, right[group*p.filters:], p.results[:some*pixels], p.filters)
		}
	}
}

// finishGradW turns rows of filters into filters.
func (p *product) finishGradW(dw []float32, accs [][]float32, part, parts int) {
	const some = 8 // filters at a time: squares of the transpose
	blocks := (p.filters + some - 1) / some
	from, to := share(p.Groups*blocks, part, parts)
	for i := from; i < to; i++ {
		first := i % blocks * some
		filter := i/blocks*p.filters + first
		at := i/blocks*p.inner()*p.filters + first
		for j, acc := range accs {
			gemm.UnpackT(dw[filter*p.inner():], p.inner(), acc[at:], p.filters, p.order, min(some, p.filters-first), j > 0)
		}
	}
}
