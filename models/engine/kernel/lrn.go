package kernel

import "math"

// LRN is local response normalization across channels (Krizhevsky et al. 2012,
// section 3.3):
//
//	y = x / s^Beta,  s = Bias + Alpha/Size * sum of x^2 over Size channels
//
// The sum goes from Size/2 channels before the own one to (Size-1)/2 after it,
// as in PyTorch, and ends at the first and last channel.
type LRN struct {
	Size              int
	Alpha, Beta, Bias float64
}

// sum is Alpha/Size times the sum of squares around channel j, and Bias.
func (l *LRN) sum(row []float32, j int) float64 {
	total := 0.0
	for _, v := range row[max(0, j-l.Size/2):min(len(row), j+(l.Size-1)/2+1)] {
		total += float64(v) * float64(v) // exact, for a float32's square fits a float64
	}
	return l.Bias + float64(l.Alpha/float64(l.Size)*total)
}

// power is s^-Beta. The usual exponents need no logarithm.
func (l *LRN) power(s float64) float64 {
	switch l.Beta {
	case 0.75:
		root := math.Sqrt(s)
		return 1 / float64(root*math.Sqrt(root))
	case 0.5:
		return 1 / math.Sqrt(s)
	case 1:
		return 1 / s
	default:
		return math.Pow(s, -l.Beta)
	}
}

// Forward sets y to the normalized x, in rows of c channels.
func (l LRN) Forward(y, x []float32, c int) {
	same(len(y), len(x))
	for ; len(x) >= c && c > 0; x, y = x[c:], y[c:] {
		row := x[:c]
		for j, v := range row {
			y[j] = float32(float64(v) * l.power(l.sum(row, j)))
		}
	}
}

// Grad sets dx to the gradient of Forward's x, of which y was the result and
// g is y's gradient:
//
//	dx = g / s^Beta - 2*Alpha*Beta/Size * x * sum of g*y/s
//
// where the sum goes over the channels in whose sum of squares x is.
func (l LRN) Grad(dx, g, x, y []float32, c int) {
	same(len(dx), len(g), len(x), len(y))
	factor := 2 * l.Alpha * l.Beta / float64(l.Size)
	for ; len(x) >= c && c > 0; dx, g, x, y = dx[c:], g[c:], x[c:], y[c:] {
		row := x[:c]
		ratio := func(i int) float64 { return float64(g[i]) * float64(y[i]) / l.sum(row, i) }
		before, after := (l.Size-1)/2, l.Size/2 // channels whose sums channel j is in
		total := 0.0
		for i := range min(c, after) {
			total += ratio(i)
		}
		for j, v := range row {
			if j+after < c {
				total += ratio(j + after)
			}
			if j > before {
				total -= ratio(j - before - 1)
			}
			dx[j] = float32(float64(float64(g[j])*l.power(l.sum(row, j))) - float64(float64(factor*float64(v))*total))
		}
	}
}
