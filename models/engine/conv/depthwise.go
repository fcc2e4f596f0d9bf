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

func (d *depthwise) packedLen() int     { return d.taps * d.K }
func (d *depthwise) packedGradLen() int { return d.taps * d.K }
func (d *depthwise) gradWLen() int      { return d.taps * d.K }

func (d *depthwise) workspace() int { return 0 }

// pack writes the filters of one cell side by side, cell by cell.
func (d *depthwise) pack(dst, w []float32, part, parts int) {
	from, to := share(d.K, part, parts)
	for k := from; k < to; k++ {
		for t := range d.taps {
			dst[t*d.K+k] = w[k*d.taps+t]
		}
	}
}

func (d *depthwise) packGrad(dst, w []float32, part, parts int) { d.pack(dst, w, part, parts) }

func (d *depthwise) finishGradW(dw []float32, accs [][]float32, part, parts int) {
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

// meeting is a cell of a filter and the pixels that it joins.
type meeting struct{ tap, from, to int } // from: pixel of x; to: pixel of y

// meetings visits them in the order of y's pixels, and for each of the cells.
func (d *depthwise) meetings(yield func(meeting) bool) {
	for to := range d.oh * d.ow {
		for tap := range d.taps {
			y := to/d.ow*d.Stride[0] + tap/d.Kernel[1]*d.Dilation[0] - d.Pad[0]
			x := to%d.ow*d.Stride[1] + tap%d.Kernel[1]*d.Dilation[1] - d.Pad[1]
			if y < 0 || y >= d.H || x < 0 || x >= d.W {
				continue
			}
			if !yield(meeting{tap, y*d.W + x, to}) {
				return
			}
		}
	}
}

func (d *depthwise) forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, _ []float32) {
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
			d.addProducts(y[m.to*d.K:][:d.K], x[m.from*d.C:][:d.C], packed[m.tap*d.K:][:d.K], lo, hi)
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

func (d *depthwise) gradX(dx, g []float32, n int, packed []float32, accumulate bool, _ []float32) {
	if !accumulate {
		clear(dx[:n*d.H*d.W*d.C])
	}
	for s := range n {
		dx, g := dx[s*d.H*d.W*d.C:], g[s*d.oh*d.ow*d.K:]
		for m := range d.meetings {
			to, from, w := dx[m.from*d.C:][:d.C], g[m.to*d.K:][:d.K], packed[m.tap*d.K:][:d.K]
			for k, v := range from {
				to[k/d.each] += float32(v * w[k])
			}
		}
	}
}

func (d *depthwise) gradW(acc, x, g []float32, n int, _ []float32) {
	for s := range n {
		x, g := x[s*d.H*d.W*d.C:], g[s*d.oh*d.ow*d.K:]
		for m := range d.meetings {
			d.addProducts(acc[m.tap*d.K:][:d.K], x[m.from*d.C:][:d.C], g[m.to*d.K:][:d.K], 0, d.K)
		}
	}
}
