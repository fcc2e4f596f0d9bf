package conv

// depthwiseFilters is how many filters of a channel are too few for a matrix
// product.
const depthwiseFilters = 8

// depthwise is a layer each of whose groups is one channel. It runs over
// neighbouring channels of the pixels of a row, for each cell of a filter. A
// product is rounded before it is added, which the explicit conversions demand
// of compilers that would fuse the two.
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

// run is pixels of a row of y that one cell of the filter joins to pixels of x.
type run struct{ cell, x, y, pixels int }

// runs visits them row by row of y, and for each pixel cell by cell.
func (d *depthwise) runs(yield func(run) bool) {
	for oy := range d.oh {
		for cell := range d.taps {
			ky, kx := cell/d.Kernel[1], cell%d.Kernel[1]
			y := oy*d.Stride[0] + ky*d.Dilation[0] - d.Pad[0]
			first := kx*d.Dilation[1] - d.Pad[1] // pixel of x for the first of y
			from := max(0, (-first+d.Stride[1]-1)/d.Stride[1])
			to := d.ow
			if last := d.W - 1 - first; last < (d.ow-1)*d.Stride[1] {
				to = max(0, last+d.Stride[1]) / d.Stride[1]
			}
			if y < 0 || y >= d.H || from >= to {
				continue
			}
			if !yield(run{cell, y*d.W + first + from*d.Stride[1], oy*d.ow + from, to - from}) {
				return
			}
		}
	}
}

func (d *depthwise) Forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, _ []float32) {
	image := d.oh * d.ow * d.K
	for s := range n {
		x, y := x[s*d.H*d.W*d.C:][:d.H*d.W*d.C], y[s*image:][:image]
		e.begin(y, s*image, d.K, lo, hi)
		for r := range d.runs {
			d.addProducts(y[r.y*d.K:], d.K, x[r.x*d.C:], packed[r.cell*d.K:], 0, r.pixels, lo, hi)
		}
		e.finish(y, d.K, lo, hi)
	}
}

// addProducts adds, for some pixels, those of the filters lo to hi and their
// channels: y += x*w. x moves with the stride of the layer.
func (d *depthwise) addProducts(y []float32, strideY int, x, w []float32, strideW, pixels, lo, hi int) {
	strideX := d.Stride[1] * d.C
	if d.each == 1 {
		addProducts(y[lo:], strideY, x[lo:], strideX, w[lo:], strideW, hi-lo, pixels)
		return
	}
	for i := range pixels {
		y, x, w := y[i*strideY:], x[i*strideX:], w[i*strideW:]
		for k := lo; k < hi; k++ {
			y[k] += float32(x[k/d.each] * w[k])
		}
	}
}

func (d *depthwise) GradX(dx, g []float32, n int, packed []float32, accumulate bool, _ []float32) {
	if !accumulate {
		clear(dx[:n*d.H*d.W*d.C])
	}
	strideX := d.Stride[1] * d.C
	for s := range n {
		dx, g := dx[s*d.H*d.W*d.C:], g[s*d.oh*d.ow*d.K:]
		for r := range d.runs {
			to, from, w := dx[r.x*d.C:], g[r.y*d.K:], packed[r.cell*d.K:]
			if d.each == 1 {
				addProducts(to, strideX, from, d.K, w, 0, d.K, r.pixels)
				continue
			}
			for i := range r.pixels {
				for k := range d.K {
					to[i*strideX+k/d.each] += float32(from[i*d.K+k] * w[k])
				}
			}
		}
	}
}

func (d *depthwise) GradW(acc, x, g []float32, n int, _ []float32) {
	for s := range n {
		x, g := x[s*d.H*d.W*d.C:], g[s*d.oh*d.ow*d.K:]
		for r := range d.runs {
			d.addProducts(acc[r.cell*d.K:], 0, x[r.x*d.C:], g[r.y*d.K:], d.K, r.pixels, 0, d.K)
		}
	}
}

// addProductsGeneric adds the products of n elements of rows of x and w to
// rows of y.
func addProductsGeneric(y []float32, strideY int, x []float32, strideX int, w []float32, strideW, n, rows int) {
	for i := range rows {
		y, x, w := y[i*strideY:][:n], x[i*strideX:][:n], w[i*strideW:][:n]
		for k := range y {
			y[k] += float32(x[k] * w[k])
		}
	}
}
