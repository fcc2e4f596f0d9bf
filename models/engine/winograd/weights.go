package winograd

import "espalier/models/engine/gemm"

const panel = gemm.Width

// Pack transforms weights of the form OIHW for [Conv.Forward]. Parts 0 to
// parts-1 write different elements and together all.
func (c *Conv) Pack(dst, w []float32, part, parts int) {
	s := c.shape
	c.forward.pack(dst, w, s.C*taps, taps, false, part, parts)
}

// PackGrad transforms weights of the form OIHW for [Conv.GradX], in parts as
// [Conv.Pack].
func (c *Conv) PackGrad(dst, w []float32, part, parts int) {
	c.back.pack(dst, w, taps, c.shape.C*taps, true, part, parts)
}

func (p *plan) pack(dst, w []float32, column, inner int, rotate bool, part, parts int) {
	dst, w = dst[:p.packedLen()], w[:p.C*p.K*taps]
	p.panels(part, parts, func(k, c, rows int) {
		pack(p.form, filters{
			w: w[k*column+c*inner:], column: column, inner: inner, rotate: rotate,
			u: dst[k*p.C+c*panel:], position: p.weights, rows: rows, width: min(panel, p.K-k),
		})
	})
}

// panels calls do for the pieces of panels that a part is made of: filters
// from k, inner channels from c.
func (p *plan) panels(part, parts int, do func(k, c, rows int)) {
	total := (p.K + panel - 1) / panel * p.C
	end := total * (part + 1) / parts
	for i := total * part / parts; i < end; {
		c := i % p.C
		rows := min(p.C-c, end-i)
		do(i/p.C*panel, c, rows)
		i += rows
	}
}

// GradW adds the gradient of the weights over n samples to acc, in the
// transformed form; the caller clears acc before the first samples. The sums
// run over the tiles in order.
func (c *Conv) GradW(acc, x, g []float32, n int, ws []float32) {
	if n == 0 {
		return
	}
	p := c.forward
	x, g, acc = x[:n*p.H*p.W*p.C], g[:n*p.oh*p.ow*p.K], acc[:p.packedLen()]
	values, products := p.scratch(ws)
	total := n * len(p.patches)
	block := blocks(total)
	for first := 0; first < total; first += block {
		count := min(block, total-first)
		p.analyse(values, x, first, count, c.blank)
		p.analyseGradient(products, g, first, count, c.blank)
		p.correlate(acc, values, products, count)
	}
}

// FinishGradW adds accumulators in order and writes the gradient of the
// weights in the form OIHW. Parts 0 to parts-1 write different elements and
// together all.
func (c *Conv) FinishGradW(dw []float32, accs [][]float32, part, parts int) {
	p, column := c.forward, c.shape.C*taps
	dw = dw[:p.C*p.K*taps]
	for _, a := range accs {
		_ = a[p.packedLen()-1]
	}
	p.panels(part, parts, func(k, from, rows int) {
		finishGradW(p.form, finish{
			w: dw[k*column+from*taps:], column: column, inner: taps, accs: accs,
			at: k*p.C + from*panel, position: p.weights, rows: rows, width: min(panel, p.K-k),
		})
	})
}
