package kernel

const (
	// longPeriod is from how many channels on a walk over them is long enough
	// for the assembly's unrolled loop.
	longPeriod = 64
	// Parameters are repeated to a multiple of the vector length where that is
	// at most maxPeriod. Most periods are short, and clearing memory for long
	// ones takes its time.
	shortPeriod = 128
	maxPeriod   = 1024
)

// tail says which lanes of a vector hold the columns that are left.
func tail(columns int) (mask [8]int32) {
	for i := range columns {
		mask[i] = -1
	}
	return mask
}

func moments(sum, squares, pivot *strip, columns int, x []float32, rows, stride int) {
	x = x[:(rows-1)*stride+columns]
	n := vectorized(columns)
	if n > 0 {
		momentsAVX2(sum[:n], squares[:n], pivot[:n], x, rows, stride)
	}
	switch {
	case n == columns:
	case hasAVX2:
		mask := tail(columns - n)
		momentsTailAVX2(lanesAt(sum, n), lanesAt(squares, n), lanesAt(pivot, n), x[n:], rows, stride, &mask)
	default:
		momentsGeneric(sum[n:columns], squares[n:columns], pivot[n:columns], x[n:], rows, stride)
	}
}

func lanesAt(s *strip, n int) *[8]float32 { return (*[8]float32)(s[n : n+8]) }

func normGradSums(sumG, sumGX, mean *strip, columns int, g, x []float32, rows, stride int) {
	end := (rows-1)*stride + columns
	g, x = g[:end], x[:end]
	n := vectorized(columns)
	if n > 0 {
		normGradSumsAVX2(sumG[:n], sumGX[:n], mean[:n], g, x, rows, stride)
	}
	switch {
	case n == columns:
	case hasAVX2:
		mask := tail(columns - n)
		normGradSumsTailAVX2(lanesAt(sumG, n), lanesAt(sumGX, n), lanesAt(mean, n), g[n:], x[n:], rows, stride, &mask)
	default:
		normGradSumsGeneric(sumG[n:columns], sumGX[n:columns], mean[n:columns], g[n:], x[n:], rows, stride)
	}
}

// scaleShift needs parameters of a length that is a multiple of 8. Few are
// repeated until they are that; of many a row is done at a time.
func scaleShift(y, x, scale, shift, residual []float32, relu bool) {
	c := len(scale)
	switch {
	case !hasAVX2:
		scaleShiftGeneric(y, x, scale, shift, residual, relu)
	case c%8 == 0 && c >= longPeriod || c >= len(y):
		scaleShiftRows(y, x, scale, shift, residual, relu)
	case period(c) <= shortPeriod:
		var scales, shifts [shortPeriod]float32
		scaleShiftRows(y, x, repeat(scales[:], scale), repeat(shifts[:], shift), residual, relu)
	case period(c) <= maxPeriod:
		var scales, shifts [maxPeriod]float32
		scaleShiftRows(y, x, repeat(scales[:], scale), repeat(shifts[:], shift), residual, relu)
	default:
		for ; len(y) > 0; y, x = y[c:], x[c:] {
			var rest []float32
			c = min(c, len(y))
			if residual != nil {
				rest, residual = residual[:c], residual[c:]
			}
			scaleShiftRows(y[:c], x[:c], scale, shift, rest, relu)
		}
	}
}

// scaleShiftRows wants parameters of a multiple of 8, or a single row.
func scaleShiftRows(y, x, scale, shift, residual []float32, relu bool) {
	n, p := vectorized(len(y)), vectorized(len(scale))
	switch {
	case n == 0:
	case residual != nil && relu:
		scaleShiftAddReLUAVX2(y[:n], x[:n], residual[:n], scale[:p], shift[:p])
	case residual != nil:
		scaleShiftAddAVX2(y[:n], x[:n], residual[:n], scale[:p], shift[:p])
	case relu:
		scaleShiftReLUAVX2(y[:n], x[:n], scale[:p], shift[:p])
	default:
		scaleShiftAVX2(y[:n], x[:n], scale[:p], shift[:p])
	}
	if n < len(y) {
		at := n % len(scale)
		if residual != nil {
			residual = residual[n:]
		}
		scaleShiftGeneric(y[n:], x[n:], scale[at:], shift[at:], residual, relu)
	}
}

func normGradX(dx, g, x, a, b, c []float32) {
	channels := len(a)
	switch {
	case !hasAVX2:
		normGradXGeneric(dx, g, x, a, b, c)
	case channels%8 == 0 && channels >= longPeriod || channels >= len(dx):
		normGradXRows(dx, g, x, a, b, c)
	case period(channels) <= shortPeriod:
		var as, bs, cs [shortPeriod]float32
		normGradXRows(dx, g, x, repeat(as[:], a), repeat(bs[:], b), repeat(cs[:], c))
	case period(channels) <= maxPeriod:
		var as, bs, cs [maxPeriod]float32
		normGradXRows(dx, g, x, repeat(as[:], a), repeat(bs[:], b), repeat(cs[:], c))
	default:
		for ; len(dx) > 0; dx, g, x = dx[channels:], g[channels:], x[channels:] {
			channels = min(channels, len(dx))
			normGradXRows(dx[:channels], g[:channels], x[:channels], a, b, c)
		}
	}
}

// normGradXRows wants parameters of a multiple of 8, or a single row.
func normGradXRows(dx, g, x, a, b, c []float32) {
	n, p := vectorized(len(dx)), vectorized(len(a))
	if n > 0 {
		normGradXAVX2(dx[:n], g[:n], x[:n], a[:p], b[:p], c[:p])
	}
	if n < len(dx) {
		at := n % len(a)
		normGradXGeneric(dx[n:], g[n:], x[n:], a[at:], b[at:], c[at:])
	}
}

// period is how often n parameters are repeated, in elements.
func period(n int) int {
	p := n
	for p%8 != 0 || p < longPeriod {
		p *= 2
	}
	return p
}

func repeat(dst, v []float32) []float32 {
	p := dst[:period(len(v))]
	for done := copy(p, v); done < len(p); done *= 2 {
		copy(p[done:], p[:done])
	}
	return p
}
