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

// transform is one of the matrices below, applied to a line. Each product is
// rounded before it is added, which the conversions say to the compiler: some
// processors that have both store the results of fused operations at half
// speed, and the transforms store as much as they compute.
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
	even, odd := float32(0.5*(w[0]+w[2])), float32(0.5*w[1])
	return vector{w[0], even + odd, even - odd, w[2]}
}

func weightGradient2(d vector) vector {
	half := float32(0.5 * (d[1] + d[2]))
	return vector{d[0] + half, 0.5 * (d[1] - d[2]), d[3] + half}
}

func input4(d vector) vector {
	even, even2 := d[4]-float32(2*d[2]), d[4]-float32(0.5*d[2])
	odd, odd2 := near*(d[3]-float32(2*d[1])), far*(d[3]-float32(0.5*d[1]))
	return vector{
		d[4] - float32(2.5*d[2]) + d[0],
		even + float32(odd), even - float32(odd), even2 + float32(odd2), even2 - float32(odd2),
		d[5] - float32(2.5*d[3]) + d[1],
	}
}

func output4(m vector) vector {
	sum, difference := m[1]+m[2], m[1]-m[2]
	sum2, difference2 := m[3]+m[4], m[3]-m[4]
	return vector{
		m[0] + (sum + sum2),
		float32(near*difference) + float32(far*difference2),
		float32(0.5*sum) + float32(2*sum2),
		m[5] + float32(near3*difference) + float32(far3*difference2),
	}
}

func gradient4(g vector) vector {
	even, even2 := g[0]+float32(0.5*g[2]), g[0]+float32(2*g[2])
	odd, odd2 := near*(g[1]+float32(0.5*g[3])), far*(g[1]+float32(2*g[3]))
	return vector{
		g[0], even + float32(odd), even - float32(odd), even2 + float32(odd2), even2 - float32(odd2), g[3],
	}
}

func weight4(w vector) vector {
	even, even2 := scaleNear*(w[0]+float32(0.5*w[2])), scaleFar*(w[0]+float32(2*w[2]))
	odd, odd2 := float32(scaleNear*near*w[1]), float32(scaleFar*far*w[1])
	return vector{
		w[0], float32(even) + odd, float32(even) - odd, float32(even2) + odd2, float32(even2) - odd2, w[2],
	}
}

func weightGradient4(d vector) vector {
	sum, difference := d[1]+d[2], d[1]-d[2]
	sum2, difference2 := d[3]+d[4], d[3]-d[4]
	return vector{
		d[0] + float32(scaleNear*sum) + float32(scaleFar*sum2),
		float32(scaleNear*near*difference) + float32(scaleFar*far*difference2),
		d[5] + float32(0.5*scaleNear*sum) + float32(2*scaleFar*sum2),
	}
}
