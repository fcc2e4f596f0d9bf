package conv

import "espalier/models/engine/gemm"

func (p *product) GradWLen() int { return p.PackedLen() }

// GradW keeps the gradient as the products give it, in the form of the packed
// weights.
func (p *product) GradW(acc, x, g []float32, n int, ws []float32) {
	pixels, size := p.oh*p.ow, gemm.PackedLen(p.inner(), p.filters)
	p.backwards.begin(n, ws)
	for at := 0; at < n; at += p.backwards.batch {
		some := min(p.backwards.batch, n-at)
		data := p.backwards.some(x, at, some, ws)
		right := g[at*pixels*p.K : (at+some)*pixels*p.K]
		for group := range p.Groups {
			left := p.at.left(data, group, p.channels, some*pixels)
			gemm.MulTPanels(acc[group*size:][:size], left, right[group*p.filters:], p.results[:some*pixels], p.filters)
		}
	}
}

// FinishGradW undoes what Pack does.
func (p *product) FinishGradW(dw []float32, accs [][]float32, part, parts int) {
	panels := panels(p.filters)
	size := p.inner() * gemm.Width
	from, to := share(p.Groups*panels, part, parts)
	for i := from; i < to; i++ {
		first := i % panels * gemm.Width
		filter := i/panels*p.filters + first
		for j, acc := range accs {
			gemm.UnpackT(dw[filter*p.inner():], p.inner(), acc[i*size:][:size], gemm.Width, p.order, min(gemm.Width, p.filters-first), j > 0)
		}
	}
}
