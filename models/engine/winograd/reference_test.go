package winograd_test

import (
	"math"
	"math/rand/v2"

	"espalier/models/engine/winograd"
)

// layer is a layer with data, computed by the definition in float64.
type layer struct {
	winograd.Shape
	n       int
	x, w, g []float32
}

func newLayer(s winograd.Shape, n int, seed uint64) layer {
	r := rand.New(rand.NewPCG(seed, 3))
	oh, ow := s.Out()
	return layer{
		Shape: s, n: n, x: random(r, n*s.H*s.W*s.C), w: random(r, s.K*s.C*9), g: random(r, n*oh*ow*s.K),
	}
}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// each calls do for every product of the definition: indices of x, w and y.
func (l layer) each(do func(x, w, y int)) {
	oh, ow := l.Out()
	for y := range l.n * oh * ow {
		sample, row, col := y/(oh*ow), y/ow%oh, y%ow
		for t := range 9 {
			i, j := row+t/3-l.Pad[0], col+t%3-l.Pad[1]
			if i < 0 || i >= l.H || j < 0 || j >= l.W {
				continue
			}
			x := ((sample*l.H+i)*l.W + j) * l.C
			for k := range l.K {
				for c := range l.C {
					do(x+c, (k*l.C+c)*9+t, y*l.K+k)
				}
			}
		}
	}
}

// sums are a result in float64 and, for each element, the sum of the
// magnitudes of what was added.
type sums struct{ value, magnitude []float64 }

func newSums(n int) sums { return sums{make([]float64, n), make([]float64, n)} }

func (s sums) add(i int, a, b float32) {
	p := float64(a) * float64(b)
	s.value[i] += p
	s.magnitude[i] += math.Abs(p)
}

func (l layer) forward() sums {
	s := newSums(len(l.g))
	l.each(func(x, w, y int) { s.add(y, l.x[x], l.w[w]) })
	return s
}

func (l layer) gradX() sums {
	s := newSums(len(l.x))
	l.each(func(x, w, y int) { s.add(x, l.g[y], l.w[w]) })
	return s
}

func (l layer) gradW() sums {
	s := newSums(len(l.w))
	l.each(func(x, w, y int) { s.add(w, l.x[x], l.g[y]) })
	return s
}

// worst is the largest error against the root mean square of what is right.
func (s sums) worst(got []float32) float64 {
	most, square := 0.0, 0.0
	for i, v := range got {
		most = max(most, math.Abs(float64(v)-s.value[i]))
		if math.IsNaN(float64(v)) {
			return math.NaN()
		}
		square += s.value[i] * s.value[i]
	}
	return most / max(math.Sqrt(square/float64(len(got))), 1e-3)
}

// machine runs a layer by the package under test.
type machine struct {
	*winograd.Conv
	packed, packedGrad, ws []float32
}

func newMachine(l layer) machine {
	c := winograd.New(l.Shape)
	m := machine{
		Conv: c, packed: make([]float32, c.PackedLen()), packedGrad: make([]float32, c.PackedGradLen()),
		ws: make([]float32, c.Workspace()),
	}
	for i := range m.ws {
		m.ws[i] = float32(math.NaN()) // nothing may rely on what scratch holds
	}
	for part := range 3 {
		c.Pack(m.packed, l.w, part, 3)
		c.PackGrad(m.packedGrad, l.w, part, 3)
	}
	return m
}

func (m machine) forward(l layer, e winograd.Epilogue) []float32 {
	y := make([]float32, len(l.g))
	m.Forward(y, l.x, l.n, m.packed, 0, l.K, e, m.ws)
	return y
}

func (m machine) gradX(l layer) []float32 {
	dx := make([]float32, len(l.x))
	m.GradX(dx, l.g, l.n, m.packedGrad, false, m.ws)
	return dx
}

func (m machine) gradW(l layer) []float32 {
	accs := [][]float32{make([]float32, m.GradWLen()), make([]float32, m.GradWLen())}
	oh, ow := l.Out()
	half := l.n / 2
	x, g := half*l.H*l.W*l.C, half*oh*ow*l.K
	m.GradW(accs[0], l.x[:x], l.g[:g], half, m.ws)
	m.GradW(accs[1], l.x[x:], l.g[g:], l.n-half, m.ws)
	dw := make([]float32, len(l.w))
	for part := range 3 {
		m.FinishGradW(dw, accs, part, 3)
	}
	return dw
}
