package kernel

// The engine keeps images as rows of channels, one row a pixel (NHWC). These
// loops bring them there and back, and move channels about.

// ToNHWC turns images of c planes of pixels each into rows of c channels.
func ToNHWC(dst, src []float32, c, pixels int) {
	same(len(dst), len(src))
	for size := c * pixels; size > 0 && len(src) >= size; dst, src = dst[size:], src[size:] {
		if c == 3 {
			interleave3(dst[:size], src, pixels)
			continue
		}
		transpose(dst[:size], src[:size], c, pixels)
	}
}

// ToNCHW turns images of rows of c channels into c planes of pixels each.
func ToNCHW(dst, src []float32, c, pixels int) {
	same(len(dst), len(src))
	for size := c * pixels; size > 0 && len(src) >= size; dst, src = dst[size:], src[size:] {
		transpose(dst[:size], src[:size], pixels, c)
	}
}

func interleave3(dst, src []float32, pixels int) {
	r, g, b := src[:pixels], src[pixels:][:pixels], src[2*pixels:][:pixels]
	for i, v := range r {
		p := dst[3*i:][:3]
		p[0], p[1], p[2] = v, g[i], b[i]
	}
}

// transposeGeneric writes rows from..to and columns left..right of a matrix of
// rows x cols, transposed.
func transposeGeneric(dst, src []float32, rows, cols, from, to, left, right int) {
	for r := from; r < to; r++ {
		row := src[r*cols:][:cols]
		for c := left; c < right; c++ {
			dst[c*rows+r] = row[c]
		}
	}
}

// CopyChannels copies n channels of each row: from src, whose rows are
// srcStride long, to dst, whose rows are dstStride long. Both begin at the
// first of the channels.
func CopyChannels(dst, src []float32, rows, n, dstStride, srcStride int) {
	if n == dstStride && n == srcStride {
		copy(dst[:rows*n], src[:rows*n])
		return
	}
	for r := range rows {
		copy(dst[r*dstStride:][:n], src[r*srcStride:][:n])
	}
}

// selectRows is how many rows are done at a time, so that they stay in the
// first-level cache while one run of channels after another is copied.
const selectRows = 32

// SelectChannels sets channel j of each row of dst to channel channels[j] of
// the row of x, whose rows are from long, or to 0 where that is -1.
func SelectChannels(dst, x []float32, rows, from int, channels []int32) {
	c := len(channels)
	same(rows*c, len(dst))
	same(rows*from, len(x))
	for rows > 0 {
		n := min(rows, selectRows)
		for at := 0; at < c; {
			length, first := run(channels[at:]), int(channels[at])
			switch {
			case first < 0:
				clearColumns(dst[at:], n, length, c)
			case length == 1:
				for r := range n {
					dst[r*c+at] = x[r*from+first]
				}
			default:
				CopyChannels(dst[at:], x[first:], n, length, c, from)
			}
			at += length
		}
		dst, x, rows = dst[n*c:], x[n*from:], rows-n
	}
}

// SelectChannelsGrad sets dx to the gradient of SelectChannels' x: each
// channel of g is added to the one that it came from.
func SelectChannelsGrad(dx, g []float32, rows, from int, channels []int32) {
	c := len(channels)
	same(rows*c, len(g))
	same(rows*from, len(dx))
	for rows > 0 {
		n := min(rows, selectRows)
		clear(dx[:n*from])
		for at := 0; at < c; {
			length, first := run(channels[at:]), int(channels[at])
			switch {
			case first < 0:
			case length < minVector:
				for r := range n {
					to, part := dx[r*from+first:][:length], g[r*c+at:][:length]
					for j, v := range part {
						to[j] += v
					}
				}
			default:
				for r := range n {
					addTo(dx[r*from+first:][:length], g[r*c+at:][:length])
				}
			}
			at += length
		}
		dx, g, rows = dx[n*from:], g[n*c:], rows-n
	}
}

// minVector is from how many elements on a vector loop is worth its call.
const minVector = 8

// run is how many channels from the first on follow one another, or are all
// -1. A channel's values stay in order, so sums over it do too.
func run(channels []int32) int {
	n := 1
	for n < len(channels) {
		next := channels[0]
		if next >= 0 {
			next += int32(n)
		}
		if channels[n] != next {
			break
		}
		n++
	}
	return n
}

func clearColumns(dst []float32, rows, n, stride int) {
	for r := range rows {
		clear(dst[r*stride:][:n])
	}
}
