package conv

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// reference is the layer by its definition, in float64.
type reference struct {
	Shape
	oh, ow int
}

func newReference(s Shape) reference {
	h, w := s.Out()
	return reference{s, h, w}
}

// each visits every product: the elements of x, w and y that it joins.
func (r reference) each(n int, visit func(x, w, y int)) {
	cg, kg := r.C/r.Groups, r.K/r.Groups
	for i := range n * r.oh * r.ow * r.K {
		k, ox, oy, s := i%r.K, i/r.K%r.ow, i/r.K/r.ow%r.oh, i/r.K/r.ow/r.oh
		for j := range cg * r.Kernel[0] * r.Kernel[1] {
			kx, ky, c := j%r.Kernel[1], j/r.Kernel[1]%r.Kernel[0], j/r.Kernel[1]/r.Kernel[0]
			y := oy*r.Stride[0] + ky*r.Dilation[0] - r.Pad[0]
			x := ox*r.Stride[1] + kx*r.Dilation[1] - r.Pad[1]
			if y >= 0 && y < r.H && x >= 0 && x < r.W {
				visit(((s*r.H+y)*r.W+x)*r.C+k/kg*cg+c, k*cg*r.Kernel[0]*r.Kernel[1]+j, i)
			}
		}
	}
}

func (r reference) lengths(n int) (x, w, y int) {
	return n * r.H * r.W * r.C, r.K * r.C / r.Groups * r.Kernel[0] * r.Kernel[1], n * r.oh * r.ow * r.K
}

// checked is one layer that is held against the reference.
type checked struct {
	t    *testing.T
	r    *rand.Rand
	s    Shape
	c    *Conv
	n    int
	x, w []float32
	g, b []float32
	ws   []float32
}

func newChecked(t *testing.T, r *rand.Rand, s Shape, c *Conv, n int) *checked {
	nx, nw, ny := newReference(s).lengths(n)
	ws := normal(r, c.Workspace())
	for i := range ws {
		ws[i] = float32(math.NaN()) // whatever it held must not matter
	}
	return &checked{t, r, s, c, n, normal(r, nx), normal(r, nw), normal(r, ny), normal(r, s.K), ws}
}

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// packed packs in several parts.
func (c *checked) packed(length int, pack func(dst, w []float32, part, parts int)) []float32 {
	dst := make([]float32, length)
	for i := range dst {
		dst[i] = float32(math.NaN())
	}
	parts := 1 + c.r.IntN(4)
	for part := range parts {
		pack(dst, c.w, part, parts)
	}
	return dst
}

func (c *checked) forward(e Epilogue, inPlace bool) {
	y := slices.Clone(c.g) // to be overwritten
	if inPlace {
		e.Residual = y
	}
	packed := c.packed(c.c.PackedLen(), c.c.Pack)
	cut := 0
	if c.s.K > 16 {
		cut = 16 * (1 + c.r.IntN((c.s.K-1)/16))
	}
	c.c.Forward(y, c.x, c.n, packed, cut, c.s.K, e, c.ws)
	if cut > 0 {
		for i, v := range y {
			if i%c.s.K < cut && v != c.g[i] {
				c.t.Fatalf("%+v: filter %d changed where %d and up were asked for", c.s, i%c.s.K, cut)
			}
		}
		c.c.Forward(y, c.x, c.n, packed, 0, cut, e, c.ws)
	}
	if inPlace {
		e.Residual = c.g
	}
	sum, size := make([]float64, len(y)), make([]float64, len(y))
	newReference(c.s).each(c.n, func(x, w, y int) { accumulate(sum, size, y, c.x[x], c.w[w]) })
	for i := range sum {
		if e.Residual != nil {
			accumulate(sum, size, i, e.Residual[i], 1)
		}
		if e.Bias != nil {
			accumulate(sum, size, i, e.Bias[i%c.s.K], 1)
		}
		if e.ReLU {
			sum[i] = max(sum[i], 0)
		}
	}
	c.near("forward", y, sum, size)
}

func accumulate(sum, size []float64, i int, a, b float32) {
	p := float64(a) * float64(b)
	sum[i] += p
	size[i] += math.Abs(p)
}

func (c *checked) gradX(add bool) {
	dx := normal(c.r, len(c.x))
	sum, size := make([]float64, len(dx)), make([]float64, len(dx))
	if add {
		for i, v := range dx {
			accumulate(sum, size, i, v, 1)
		}
	}
	c.c.GradX(dx, c.g, c.n, c.packed(c.c.PackedGradLen(), c.c.PackGrad), add, c.ws)
	newReference(c.s).each(c.n, func(x, w, y int) { accumulate(sum, size, x, c.g[y], c.w[w]) })
	c.near("gradient of x", dx, sum, size)
}

// gradW divides the samples between two accumulators.
func (c *checked) gradW() {
	nx, nw, ny := newReference(c.s).lengths(1)
	accs := [][]float32{make([]float32, c.c.GradWLen()), make([]float32, c.c.GradWLen())}
	half := c.n / 2
	c.c.GradW(accs[0], c.x, c.g, half, c.ws)
	c.c.GradW(accs[1], c.x[half*nx:], c.g[half*ny:], c.n-half, c.ws)
	dw, sum, size := normal(c.r, nw), make([]float64, nw), make([]float64, nw)
	parts := 1 + c.r.IntN(3)
	for part := range parts {
		c.c.FinishGradW(dw, accs, part, parts)
	}
	newReference(c.s).each(c.n, func(x, w, y int) { accumulate(sum, size, w, c.x[x], c.g[y]) })
	c.near("gradient of w", dw, sum, size)
}

// near allows the error of a float32 sum: some roundings of its terms, or where
// tiles are transformed, of the terms of all.
func (c *checked) near(name string, got []float32, want, size []float64) {
	c.t.Helper()
	all := slices.Max(size)
	for i, v := range got {
		most := 2e-5*size[i] + 1e-30
		if _, ok := c.c.forward.(minimal); ok {
			most = 5e-6 * all
		}
		if d := math.Abs(float64(v) - want[i]); !(d <= most) {
			c.t.Fatalf("%s of %+v with %d samples: element %d is %g, want %g", name, c.s, c.n, i, v, want[i])
		}
	}
}

func (c *checked) all() {
	c.t.Helper()
	c.forward(Epilogue{}, false)
	c.forward(Epilogue{Bias: c.b}, false)
	c.forward(Epilogue{Bias: c.b, Residual: normal(c.r, len(c.g)), ReLU: true}, false)
	c.forward(Epilogue{ReLU: true}, true)
	c.gradX(false)
	c.gradX(true)
	c.gradW()
}
