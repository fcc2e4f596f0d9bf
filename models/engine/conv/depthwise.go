package conv

// depthwiseFilters is how many filters of a channel are too few for a matrix
// product.
const depthwiseFilters = 8

// depthwise is a layer each of whose groups is one channel. Its loops run over
// neighbouring channels. A product is rounded before it is added, which the
// explicit conversions demand of compilers that would fuse the two.
type depthwise struct {
	Shape
	oh, ow, taps, each int // each: filters of a channel
}

func newDepthwise(s Shape) *depthwise {
	d := &depthwise{Shape: s, taps: s.Kernel[0] * s.Kernel[1], each: s.K / s.C}
	d.oh, d.ow = s.Out()
	return d
}

func (d *depthwise) PackedLen() int     { return d.taps * d.K }
func (d *depthwise) PackedGradLen() int { return d.taps * d.K }
func (d *depthwise) GradWLen() int      { return d.taps * d.K }

func (d *depthwise) Workspace() int { return 0 }

// Pack writes the filters of one cell side by side, cell by cell.
func (d *depthwise) Pack(dst, w []float32, part, parts int) {
	from, to := share(d.K, part, parts)
	for k := from; k < to; k++ {
		for t := range d.taps {
			dst[t*d.K+k] = w[k*d.taps+t]
		}
	}
}

func (d *depthwise) PackGrad(dst, w []float32, part, parts int) { d.Pack(dst, w, part, parts) }

func (d *depthwise) FinishGradW(dw []float32, accs [][]float32, part, parts int) {
	from, to := share(d.K, part, parts)
	for k := from; k < to; k++ {
		for t := range d.taps {
			sum := accs[0][t*d.K+k]
			for _, acc := range accs[1:] {
				sum += acc[t*d.K+k]
			}
			dw[k*d.taps+t] = sum
		}
	}
}

func (d *depthwise) Forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, _ []float32) {
	for s := range n {
		x, y := x[s*d.H*d.W*d.C:][:d.H*d.W*d.C], y[s*d.oh*d.ow*d.K:][:d.oh*d.ow*d.K]
		var residual []float32
		if e.Residual != nil {
			residual = e.Residual[s*d.oh*d.ow*d.K:]
		}
		for at := 0; at < len(y); at += d.K {
			if residual == nil {
				clear(y[at+lo : at+hi])
			} else {
				copy(y[at+lo:at+hi], residual[at+lo:at+hi])
			}
		}
		for m := range d.meetings {
			d.addProducts(y[m.y*d.K:][:d.K], x[m.x*d.C:][:d.C], packed[m.cell*d.K:][:d.K], lo, hi)
		}
		for at := 0; at < len(y); at += d.K {
			e.finish(y[at:][:d.K], lo, hi)
		}
	}
}

func (e *Epilogue) finish(y []float32, lo, hi int) {
	if e.Bias != nil {
		for k := lo; k < hi; k++ {
			y[k] += e.Bias[k]
		}
	}
	if e.ReLU {
		for k := lo; k < hi; k++ {
			if y[k] < 0 {
				y[k] = 0
			}
		}
	}
}

func (d *depthwise) addProducts(y, x, w []float32, lo, hi int) {
	if d.each == 1 {
		x, w, y := x[lo:hi], w[lo:hi], y[lo:hi]
		for k := range y {
			y[k] += float32(x[k] * w[k])
		}
		return
	}
	for k := lo; k < hi; k++ {
		y[k] += float32(x[k/d.each] * w[k])
	}
}

func (d *depthwise) GradX(dx, g []float32, n int, packed []float32, accumulate bool, _ []float32) {
	if !accumulate {
		clear(dx[:n*d.H*d.W*d.C])
	}
	for s := range n {
		dx, g := dx[s*d.H*d.W*d.C:], g[s*d.oh*d.ow*d.K:]
		for m := range d.meetings {
			to, from, w := dx[m.x*d.C:][:d.C], g[m.y*d.K:][:d.K], packed[m.cell*d.K:][:d.K]
			for k, v := range from {
				to[k/d.each] += float32(v * w[k])
			}
		}
	}
}

func (d *depthwise) GradW(acc, x, g []float32, n int, _ []float32) {
	for s := range n {
		x, g := x[s*d.H*d.W*d.C:], g[s*d.oh*d.ow*d.K:]
		for m := range d.meetings {
			d.addProducts(acc[m.cell*d.K:][:d.K], x[m.x*d.C:][:d.C], g[m.y*d.K:][:d.K], 0, d.K)
		}
	}
}
