package winograd

// form is a pair of a tile and its transforms.
type form int

const (
	tile2 form = iota // 2x2 results from 4x4 values
	tile4             // 4x4 results from 6x6 values
)

const (
	filter       = 3
	taps         = filter * filter
	maxPositions = 6 // along one axis
)

// side is the number of results of a tile along one axis.
func (f form) side() int { return 2 + 2*int(f) }

// span is the number of values, and of positions, of a tile along one axis.
func (f form) span() int { return f.side() + filter - 1 }

// positions is the number of products of a tile.
func (f form) positions() int { return f.span() * f.span() }

// vector is one line of a tile; its first elements count.
type vector = [maxPositions]float32

// transform is one of the matrices below, applied to a line.
type transform func(vector) vector

// Constants of the points ±√½ and ±√2. The scale of G's rows is the inverse of
// the product of the distances to the other points.
const (
	near, far           = 0.70710678118654752440, 1.41421356237309504880
	near3, far3         = near / 2, 2 * far
	scaleNear, scaleFar = -2.0 / 3, 1.0 / 6
)

// input is Bᵀ.
func (f form) input() transform {
	if f == tile2 {
		return input2
	}
	return input4
}

// output is Aᵀ.
func (f form) output() transform {
	if f == tile2 {
		return output2
	}
	return output4
}

// gradient is A.
func (f form) gradient() transform {
	if f == tile2 {
		return gradient2
	}
	return gradient4
}

// weight is G.
func (f form) weight() transform {
	if f == tile2 {
		return weight2
	}
	return weight4
}

// weightGradient is Gᵀ.
func (f form) weightGradient() transform {
	if f == tile2 {
		return weightGradient2
	}
	return weightGradient4
}

func input2(d vector) vector {
	return vector{d[0] - d[2], d[1] + d[2], d[2] - d[1], d[3] - d[1]}
}

func output2(m vector) vector {
	return vector{m[0] + (m[1] + m[2]), (m[1] - m[2]) + m[3]}
}

func gradient2(g vector) vector {
	return vector{g[0], g[0] + g[1], g[0] - g[1], g[1]}
}

func weight2(w vector) vector {
	even := 0.5 * (w[0] + w[2])
	return vector{w[0], fma(0.5, w[1], even), fma(-0.5, w[1], even), w[2]}
}

func weightGradient2(d vector) vector {
	sum := d[1] + d[2]
	return vector{fma(0.5, sum, d[0]), 0.5 * (d[1] - d[2]), fma(0.5, sum, d[3])}
}

func input4(d vector) vector {
	even, odd := fma(-2, d[2], d[4]), fma(-2, d[1], d[3])
	even2, odd2 := fma(-0.5, d[2], d[4]), fma(-0.5, d[1], d[3])
	return vector{
		fma(-2.5, d[2], d[4]) + d[0],
		fma(near, odd, even), fma(-near, odd, even),
		fma(far, odd2, even2), fma(-far, odd2, even2),
		fma(-2.5, d[3], d[5]) + d[1],
	}
}

func output4(m vector) vector {
	sum, difference := m[1]+m[2], m[1]-m[2]
	sum2, difference2 := m[3]+m[4], m[3]-m[4]
	return vector{
		m[0] + (sum + sum2),
		fma(far, difference2, near*difference),
		fma(2, sum2, 0.5*sum),
		fma(far3, difference2, fma(near3, difference, m[5])),
	}
}

func gradient4(g vector) vector {
	even, odd := fma(0.5, g[2], g[0]), fma(0.5, g[3], g[1])
	even2, odd2 := fma(2, g[2], g[0]), fma(2, g[3], g[1])
	return vector{
		g[0],
		fma(near, odd, even), fma(-near, odd, even),
		fma(far, odd2, even2), fma(-far, odd2, even2),
		g[3],
	}
}

func weight4(w vector) vector {
	even, even2 := scaleNear*fma(0.5, w[2], w[0]), scaleFar*fma(2, w[2], w[0])
	return vector{
		w[0],
		fma(scaleNear*near, w[1], even), fma(-scaleNear*near, w[1], even),
		fma(scaleFar*far, w[1], even2), fma(-scaleFar*far, w[1], even2),
		w[2],
	}
}

func weightGradient4(d vector) vector {
	sum, difference := d[1]+d[2], d[1]-d[2]
	sum2, difference2 := d[3]+d[4], d[3]-d[4]
	return vector{
		fma(scaleFar, sum2, fma(scaleNear, sum, d[0])),
		fma(scaleFar*far, difference2, scaleNear*near*difference),
		fma(2*scaleFar, sum2, fma(0.5*scaleNear, sum, d[5])),
	}
}
