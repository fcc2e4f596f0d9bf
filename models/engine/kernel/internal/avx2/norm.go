package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// periodic is the frame of a loop over long streams beside which short
// parameter slices, all of one length, are read from their beginning again and
// again. Both lengths are multiples of 8.
type periodic struct {
	streams, params map[string]reg.Register
	left, period    reg.Register
}

func beginPeriodic(streams, params []string) *periodic {
	p := &periodic{streams: make(map[string]reg.Register), params: make(map[string]reg.Register)}
	for _, n := range streams {
		p.streams[n] = Load(Param(n).Base(), GP64())
	}
	for _, n := range params {
		p.params[n] = GP64()
	}
	p.left = Load(Param(streams[0]).Len(), GP64())
	p.period = Load(Param(params[0]).Len(), GP64())
	return p
}

func (p *periodic) run(unroll int, body func(at func(string) Mem)) {
	count := GP64()
	Label("period")
	TESTQ(p.left, p.left)
	JZ(LabelRef("end"))
	MOVQ(p.period, count)
	CMPQ(p.left, count)
	CMOVQLT(p.left, count)
	SUBQ(count, p.left)
	for n, r := range ordered(p.params) {
		Load(Param(n).Base(), r)
	}
	p.section("many", "one", unroll, count, body)
	p.section("one", "period", 1, count, body)
	Label("end")
	VZEROUPPER()
	RET()
}

// section repeats body, and goes to next when less than a round is left.
func (p *periodic) section(label, next string, unroll int, count reg.Register, body func(at func(string) Mem)) {
	Label(label)
	CMPQ(count, I32(unroll*lanes))
	JL(LabelRef(next))
	for u := range unroll {
		body(func(name string) Mem {
			base, ok := p.streams[name]
			if !ok {
				base = p.params[name]
			}
			return Mem{Base: base, Disp: u * width}
		})
	}
	for _, r := range ordered(p.streams) {
		ADDQ(I32(unroll*width), r)
	}
	for _, r := range ordered(p.params) {
		ADDQ(I32(unroll*width), r)
	}
	SUBQ(I32(unroll*lanes), count)
	JMP(LabelRef(label))
}

func scaleShift(residual, relu bool) {
	name, signature, streams := "scaleShift", "func(y, x, scale, shift []float32)", []string{"y", "x"}
	if residual {
		name, signature, streams = name+"Add", "func(y, x, residual, scale, shift []float32)", append(streams, "residual")
	}
	if relu {
		name += "ReLU"
	}
	text(name+"AVX2", signature)
	l := beginPeriodic(streams, []string{"scale", "shift"})
	zero := bits(0)
	l.run(4, func(at func(string) Mem) {
		y := load(at("x"))
		VMULPS(at("scale"), y, y)
		VADDPS(at("shift"), y, y)
		if residual {
			VADDPS(at("residual"), y, y)
		}
		if relu {
			VMAXPS(y, zero, y) // gives y where it is NaN
		}
		VMOVUPS(y, at("y"))
	})
}

func normGradX() {
	text("normGradXAVX2", "func(dx, g, x, a, b, c []float32)")
	l := beginPeriodic([]string{"dx", "g", "x"}, []string{"a", "b", "c"})
	l.run(4, func(at func(string) Mem) {
		g, x := load(at("g")), load(at("x"))
		VMULPS(at("a"), g, g)
		VMULPS(at("b"), x, x)
		VADDPS(x, g, g)
		VADDPS(at("c"), g, g)
		VMOVUPS(g, at("dx"))
	})
}

// columns is the frame of a sum over rows: strips of up to 4 vectors of the
// columns go from the first row to the last with their sums in registers. The
// tail is one vector, of which a mask says what is in the matrix.
type columns struct {
	sources      []string       // matrices of the same shape
	row          []reg.Register // the strip's place in the row in progress
	base         []reg.Register // the strip's place in the first row
	params       map[string]reg.Register
	stride, rows reg.Register
	mask         reg.VecVirtual // nil but in the tail
}

func beginColumns(tail bool, params []string, sources ...string) *columns {
	c := &columns{sources: sources, params: make(map[string]reg.Register)}
	for _, s := range sources {
		c.base = append(c.base, Load(Param(s).Base(), GP64()))
		c.row = append(c.row, GP64())
	}
	for _, p := range params {
		if tail {
			c.params[p] = Load(Param(p), GP64())
		} else {
			c.params[p] = Load(Param(p).Base(), GP64())
		}
	}
	c.stride = Load(Param("stride"), GP64())
	SHLQ(U8(2), c.stride)
	c.rows = GP64()
	if tail {
		c.mask = load(Mem{Base: Load(Param("mask"), GP64())})
	}
	return c
}

// at is vector u of the strip: of a source in the row in progress, of a
// parameter.
func (c *columns) at(name string, u int) Mem {
	for i, s := range c.sources {
		if s == name {
			return Mem{Base: c.row[i], Disp: u * width}
		}
	}
	return Mem{Base: c.params[name], Disp: u * width}
}

// strip emits one strip: before, the rows' loop, after.
func (c *columns) strip(label string, before, body, after func()) {
	before()
	Load(Param("rows"), c.rows)
	for i, b := range c.base {
		MOVQ(b, c.row[i])
	}
	Label(label)
	body()
	for _, r := range c.row {
		ADDQ(c.stride, r)
	}
	DECQ(c.rows)
	JNZ(LabelRef(label))
	after()
}

// all emits the strips of 4, 2 and 1 vectors for a number of columns that is a
// multiple of 8, or the tail. There is at least one row.
func (c *columns) all(of string, strip func(label string, vectors int)) {
	if c.mask != nil {
		strip("rows", 1)
		VZEROUPPER()
		RET()
		return
	}
	left := Load(Param(of).Len(), GP64())
	steps := []struct {
		vectors    int
		name, next string
	}{{4, "four", "two"}, {2, "two", "one"}, {1, "one", "end"}}
	for _, s := range steps {
		Label(s.name)
		CMPQ(left, I32(s.vectors*lanes))
		JL(LabelRef(s.next))
		strip(s.name+"_rows", s.vectors)
		for _, b := range c.base {
			ADDQ(I32(s.vectors*width), b)
		}
		for _, r := range ordered(c.params) {
			ADDQ(I32(s.vectors*width), r)
		}
		SUBQ(I32(s.vectors*lanes), left)
		JMP(LabelRef(s.name))
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// load reads a vector of a source, only what is in the matrix.
func (c *columns) load(m Mem) reg.VecVirtual {
	if c.mask == nil {
		return load(m)
	}
	y := YMM()
	VMASKMOVPS(m, c.mask, y)
	return y
}

func zeros(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = YMM()
		VXORPS(v[i], v[i], v[i])
	}
	return v
}

func moments(name string, tail bool) {
	if tail {
		text(name, "func(sum, squares, pivot *[8]float32, x []float32, rows, stride int, mask *[8]int32)")
	} else {
		text(name, "func(sum, squares, pivot, x []float32, rows, stride int)")
	}
	c := beginColumns(tail, []string{"sum", "squares", "pivot"}, "x")
	c.all("sum", func(label string, vectors int) {
		var pivot, sum, squares []reg.VecVirtual
		c.strip(label, func() {
			sum, squares = zeros(vectors), zeros(vectors)
			for u := range vectors {
				pivot = append(pivot, load(c.at("pivot", u)))
			}
		}, func() {
			for u := range vectors {
				d := c.load(c.at("x", u))
				VSUBPS(pivot[u], d, d)
				VADDPS(d, sum[u], sum[u])
				VMULPS(d, d, d)
				VADDPS(d, squares[u], squares[u])
			}
		}, func() {
			for u := range vectors {
				VMOVUPS(sum[u], c.at("sum", u))
				VMOVUPS(squares[u], c.at("squares", u))
			}
		})
	})
}

func normGradSums(name string, tail bool) {
	if tail {
		text(name, "func(sumG, sumGX, mean *[8]float32, g, x []float32, rows, stride int, mask *[8]int32)")
	} else {
		text(name, "func(sumG, sumGX, mean, g, x []float32, rows, stride int)")
	}
	c := beginColumns(tail, []string{"sumG", "sumGX", "mean"}, "g", "x")
	c.all("sumG", func(label string, vectors int) {
		var mean, sumG, sumGX []reg.VecVirtual
		c.strip(label, func() {
			sumG, sumGX = zeros(vectors), zeros(vectors)
			for u := range vectors {
				mean = append(mean, load(c.at("mean", u)))
			}
		}, func() {
			for u := range vectors {
				g, d := c.load(c.at("g", u)), c.load(c.at("x", u))
				VSUBPS(mean[u], d, d)
				VMULPS(g, d, d)
				VADDPS(g, sumG[u], sumG[u])
				VADDPS(d, sumGX[u], sumGX[u])
			}
		}, func() {
			for u := range vectors {
				VMOVUPS(sumG[u], c.at("sumG", u))
				VMOVUPS(sumGX[u], c.at("sumGX", u))
			}
		})
	})
}
