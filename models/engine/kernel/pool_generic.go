package kernel

import "math"

// larger is the maximum; NaN wins, and of equals the first.
func larger(first, v float32) float32 {
	if v > first || v != v {
		return v
	}
	return first
}

func maxWindowGeneric(y, x []float32, e extent) {
	for j := range y {
		y[j] = float32(math.Inf(-1))
	}
	for r := range e.kh {
		for k := range e.kw {
			for j, v := range x[r*e.row+k*e.pixel:][:len(y)] {
				y[j] = larger(y[j], v)
			}
		}
	}
}

func maxWindowGradGeneric(dx, g, x, y []float32, e extent) {
	for j, top := range y {
		give(dx[j:], x[j:], top, g[j], e)
	}
}

// give adds g to dx at the first tap that is the maximum.
func give(dx, x []float32, top, g float32, e extent) {
	for r := range e.kh {
		for k := range e.kw {
			at := r*e.row + k*e.pixel
			if v := x[at]; v == top || v != v || top != top {
				dx[at] += g
				return
			}
		}
	}
}

func avgWindowGeneric(y, x []float32, divisor float32, e extent) {
	clear(y)
	for r := range e.kh {
		for k := range e.kw {
			for j, v := range x[r*e.row+k*e.pixel:][:len(y)] {
				y[j] += v
			}
		}
	}
	for j := range y {
		y[j] /= divisor
	}
}

func avgWindowGradGeneric(dx, g []float32, divisor float32, e extent) {
	for j, v := range g {
		share := v / divisor
		for r := range e.kh {
			for k := range e.kw {
				dx[r*e.row+k*e.pixel+j] += share
			}
		}
	}
}

// max2x2Generic does the first columns of a row of windows of 2 x 2. Pixels
// are pixel elements apart, the image's rows row.
func max2x2Generic(y, x []float32, columns, count, pixel, row int) {
	for i := range count {
		at := 2 * i * pixel
		a, b, c, d := x[at:][:columns], x[at+pixel:][:columns], x[at+row:][:columns], x[at+row+pixel:][:columns]
		for j := range y[i*pixel:][:columns] {
			y[i*pixel+j] = larger(larger(a[j], b[j]), larger(c[j], d[j]))
		}
	}
}

func max2x2GradGeneric(dx, g, x, y []float32, columns, count, pixel, row int) {
	for i := range count {
		from, to := 2*i*pixel, i*pixel
		for j := range columns {
			rest, top := g[to+j], y[to+j]
			for _, at := range [4]int{from + j, from + j + pixel, from + j + row, from + j + row + pixel} {
				dx[at] = 0
				if v := x[at]; v == top || v != v || top != top {
					dx[at], rest = rest, 0
				}
			}
		}
	}
}
