package kernel

// The assembly does the channels that fill vectors. For those that are left, a
// last vector overlaps the one before, where doing a channel twice does no
// harm; otherwise the portable loops do them.

// overlaps says whether a last vector can begin at n-lanes.
func overlaps(n int) bool { return hasAVX2 && n >= lanes }

func maxWindow(y, x []float32, e extent) {
	n := vectorized(len(y))
	if n > 0 {
		maxWindowAVX2(y[:n], x, e.kh, e.kw, e.pixel, e.row)
	}
	switch last := len(y) - lanes; {
	case n == len(y):
	case overlaps(len(y)):
		maxWindowAVX2(y[last:], x[last:], e.kh, e.kw, e.pixel, e.row)
	default:
		maxWindowGeneric(y[n:], x[n:], e)
	}
}

func maxWindowGrad(dx, g, x, y []float32, e extent) {
	n := vectorized(len(y))
	if n > 0 {
		maxWindowGradAVX2(dx, g[:n], x, y[:n], e.kh, e.kw, e.pixel, e.row)
	}
	if n < len(y) {
		maxWindowGradGeneric(dx[n:], g[n:], x[n:], y[n:], e)
	}
}

func avgWindow(y, x []float32, divisor float32, e extent) {
	n := vectorized(len(y))
	if n > 0 {
		avgWindowAVX2(y[:n], x, divisor, e.kh, e.kw, e.pixel, e.row)
	}
	switch last := len(y) - lanes; {
	case n == len(y):
	case overlaps(len(y)):
		avgWindowAVX2(y[last:], x[last:], divisor, e.kh, e.kw, e.pixel, e.row)
	default:
		avgWindowGeneric(y[n:], x[n:], divisor, e)
	}
}

func avgWindowGrad(dx, g []float32, divisor float32, e extent) {
	n := vectorized(len(g))
	if n > 0 {
		avgWindowGradAVX2(dx, g[:n], divisor, e.kh, e.kw, e.pixel, e.row)
	}
	if n < len(g) {
		avgWindowGradGeneric(dx[n:], g[n:], divisor, e)
	}
}

// max2x2 does a row of count windows of an image whose rows are row long.
func max2x2(y, x []float32, columns, count, row int) {
	n := vectorized(columns)
	if n > 0 && count > 0 {
		max2x2AVX2(y, x, n, count, columns, row)
	}
	switch last := columns - lanes; {
	case n == columns || count == 0:
	case overlaps(columns):
		max2x2AVX2(y[last:], x[last:], lanes, count, columns, row)
	default:
		max2x2Generic(y[n:], x[n:], columns-n, count, columns, row)
	}
}

func max2x2Grad(dx, g, x, y []float32, columns, count, row int) {
	n := vectorized(columns)
	if n > 0 && count > 0 {
		max2x2GradAVX2(dx, g, x, y, n, count, columns, row)
	}
	switch last := columns - lanes; {
	case n == columns || count == 0:
	case overlaps(columns):
		max2x2GradAVX2(dx[last:], g[last:], x[last:], y[last:], lanes, count, columns, row)
	default:
		max2x2GradGeneric(dx[n:], g[n:], x[n:], y[n:], columns-n, count, columns, row)
	}
}

// transpose writes a matrix of rows x cols transposed.
func transpose(dst, src []float32, rows, cols int) {
	r, c := vectorized(rows), vectorized(cols)
	if r > 0 && c > 0 {
		transposeAVX2(dst[:rows*cols], src[:rows*cols], r, c, rows, cols)
	} else {
		r, c = 0, 0
	}
	transposeGeneric(dst, src, rows, cols, 0, r, c, cols)
	transposeGeneric(dst, src, rows, cols, r, rows, 0, cols)
}
