package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	equalOrNaN = 8 // more predicates of VCMPPS, quiet
	unordered  = 3

	minusInfinity = 0xff800000
)

// window is the frame of a loop over the taps of one pooling window, for
// strips of 4 vectors of channels and then of one. Pixels are slices over the
// channels of one output pixel, images begin at the window's first tap.
type window struct {
	pixels, images         map[string]reg.Register
	tap                    map[string]reg.Register
	left, colStep, rowStep reg.Register
}

func beginWindow(pixels, images []string) *window {
	w := &window{pixels: make(map[string]reg.Register), images: make(map[string]reg.Register), tap: make(map[string]reg.Register)}
	for _, n := range pixels {
		w.pixels[n] = Load(Param(n).Base(), GP64())
	}
	for _, n := range images {
		w.images[n], w.tap[n] = Load(Param(n).Base(), GP64()), GP64()
	}
	w.left = Load(Param(pixels[0]).Len(), GP64())
	w.colStep = Load(Param("pixel"), GP64())
	SHLQ(U8(2), w.colStep)
	// From behind a row of taps to the next row's first.
	w.rowStep = Load(Param("row"), GP64())
	SHLQ(U8(2), w.rowStep)
	t := Load(Param("kw"), GP64())
	IMULQ(w.colStep, t)
	SUBQ(t, w.rowStep)
	return w
}

func (w *window) pixel(name string, u int) Mem { return Mem{Base: w.pixels[name], Disp: u * width} }
func (w *window) image(name string, u int) Mem { return Mem{Base: w.tap[name], Disp: u * width} }

// run emits the strips: before and after once for each, body for each tap.
func (w *window) run(strip func(vectors int) (before, body, after func())) {
	w.section("four", "one", 4, strip)
	w.section("one", "end", 1, strip)
	Label("end")
	VZEROUPPER()
	RET()
}

func (w *window) section(label, next string, vectors int, strip func(vectors int) (before, body, after func())) {
	before, body, after := strip(vectors)
	Label(label)
	CMPQ(w.left, I32(vectors*lanes))
	JL(LabelRef(next))
	before()
	for n, r := range ordered(w.images) {
		MOVQ(r, w.tap[n])
	}
	rows, cols := Load(Param("kh"), GP64()), GP64()
	Label(label + "_row")
	Load(Param("kw"), cols)
	Label(label + "_tap")
	body()
	for _, r := range ordered(w.tap) {
		ADDQ(w.colStep, r)
	}
	DECQ(cols)
	JNZ(LabelRef(label + "_tap"))
	for _, r := range ordered(w.tap) {
		ADDQ(w.rowStep, r)
	}
	DECQ(rows)
	JNZ(LabelRef(label + "_row"))
	after()
	for _, r := range ordered(w.pixels) {
		ADDQ(I32(vectors*width), r)
	}
	for _, r := range ordered(w.images) {
		ADDQ(I32(vectors*width), r)
	}
	SUBQ(I32(vectors*lanes), w.left)
	JMP(LabelRef(label))
}

func registers(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = YMM()
	}
	return v
}

func maxWindow() {
	text("maxWindowAVX2", "func(y, x []float32, kh, kw, pixel, row int)")
	w := beginWindow([]string{"y"}, []string{"x"})
	lowest := bits(minusInfinity)
	w.run(func(vectors int) (before, body, after func()) {
		top, nan := registers(vectors), registers(vectors)
		before = func() {
			for u := range vectors {
				VMOVAPS(lowest, top[u])
				VXORPS(nan[u], nan[u], nan[u])
			}
		}
		body = func() {
			for u := range vectors {
				x := load(w.image("x", u))
				VMAXPS(top[u], x, top[u]) // the earlier where they are equal or x is NaN
				VCMPPS(U8(unordered), x, x, x)
				VORPS(x, nan[u], nan[u])
			}
		}
		after = func() {
			for u := range vectors {
				VORPS(nan[u], top[u], top[u])
				VMOVUPS(top[u], w.pixel("y", u))
			}
		}
		return before, body, after
	})
}

func maxWindowGrad() {
	text("maxWindowGradAVX2", "func(dx, g, x, y []float32, kh, kw, pixel, row int)")
	w := beginWindow([]string{"y", "g"}, []string{"dx", "x"})
	w.run(func(vectors int) (before, body, after func()) {
		y, g := registers(vectors), registers(vectors)
		before = func() {
			for u := range vectors {
				VMOVUPS(w.pixel("y", u), y[u])
				VMOVUPS(w.pixel("g", u), g[u])
			}
		}
		body = func() {
			for u := range vectors {
				d := YMM()
				give(d, g[u], w.image("x", u), y[u])
				VADDPS(w.image("dx", u), d, d)
				VMOVUPS(d, w.image("dx", u))
			}
		}
		return before, body, func() {}
	})
}

// give sets d to g where x is the maximum y, and clears g there: the maximum
// that comes first takes it all.
func give(d, g reg.VecVirtual, x Mem, y reg.VecVirtual) {
	t := YMM()
	VCMPPS(U8(equalOrNaN), x, y, t)
	VANDPS(g, t, d)
	VANDNPS(g, t, g)
}

// quads is the frame of a loop over a row of windows of 2 x 2 with stride 2.
// Pixels are rows of the output, images begin at the first row that it reads.
// Of every pixel's channels the first columns, a multiple of 8, are done.
type quads struct {
	pixels, images                map[string]reg.Register
	count, columns, pixel, row    reg.Register
	pixelRest, imageRest, channel reg.Register
}

func beginQuads(pixels, images []string) *quads {
	q := &quads{pixels: make(map[string]reg.Register), images: make(map[string]reg.Register)}
	for _, n := range pixels {
		q.pixels[n] = Load(Param(n).Base(), GP64())
	}
	for _, n := range images {
		q.images[n] = Load(Param(n).Base(), GP64())
	}
	q.pixel = Load(Param("pixel"), GP64())
	SHLQ(U8(2), q.pixel)
	q.row = Load(Param("row"), GP64())
	SHLQ(U8(2), q.row)
	q.columns = Load(Param("columns"), GP64())
	q.count = Load(Param("count"), GP64())
	q.channel = GP64()
	// From behind the columns to the next pixel.
	q.pixelRest, q.imageRest = GP64(), GP64()
	MOVQ(q.columns, q.pixelRest)
	SHLQ(U8(2), q.pixelRest)
	NEGQ(q.pixelRest)
	ADDQ(q.pixel, q.pixelRest)
	MOVQ(q.pixelRest, q.imageRest)
	ADDQ(q.pixel, q.imageRest)
	return q
}

// taps are the window's four, in their order.
func (q *quads) taps(name string) [4]Mem {
	base, below := q.images[name], GP64()
	MOVQ(base, below)
	ADDQ(q.row, below)
	return [4]Mem{{Base: base}, {Base: base, Index: q.pixel, Scale: 1}, {Base: below}, {Base: below, Index: q.pixel, Scale: 1}}
}

func (q *quads) run(body func()) {
	Label("pixels")
	MOVQ(q.columns, q.channel)
	Label("channels")
	body()
	for _, m := range []map[string]reg.Register{q.pixels, q.images} {
		for _, r := range ordered(m) {
			ADDQ(I32(width), r)
		}
	}
	SUBQ(I32(lanes), q.channel)
	JNZ(LabelRef("channels"))
	for _, r := range ordered(q.pixels) {
		ADDQ(q.pixelRest, r)
	}
	for _, r := range ordered(q.images) {
		ADDQ(q.imageRest, r)
	}
	DECQ(q.count)
	JNZ(LabelRef("pixels"))
	VZEROUPPER()
	RET()
}

func max2x2() {
	text("max2x2AVX2", "func(y, x []float32, columns, count, pixel, row int)")
	q := beginQuads([]string{"y"}, []string{"x"})
	q.run(func() {
		taps := q.taps("x")
		a, b, c, d := load(taps[0]), load(taps[1]), load(taps[2]), load(taps[3])
		nan, t := YMM(), YMM()
		VCMPPS(U8(unordered), a, b, nan)
		VCMPPS(U8(unordered), c, d, t)
		VORPS(t, nan, nan)
		VMAXPS(a, b, a) // the earlier where they are equal
		VMAXPS(c, d, c)
		VMAXPS(a, c, a)
		VORPS(nan, a, a)
		VMOVUPS(a, Mem{Base: q.pixels["y"]})
	})
}

func max2x2Grad() {
	text("max2x2GradAVX2", "func(dx, g, x, y []float32, columns, count, pixel, row int)")
	q := beginQuads([]string{"g", "y"}, []string{"dx", "x"})
	q.run(func() {
		g, y := load(Mem{Base: q.pixels["g"]}), load(Mem{Base: q.pixels["y"]})
		from, to := q.taps("x"), q.taps("dx")
		for i := range from {
			d := YMM()
			give(d, g, from[i], y)
			VMOVUPS(d, to[i])
		}
	})
}

func avgWindow() {
	text("avgWindowAVX2", "func(y, x []float32, divisor float32, kh, kw, pixel, row int)")
	w := beginWindow([]string{"y"}, []string{"x"})
	divisor := every("divisor")
	w.run(func(vectors int) (before, body, after func()) {
		var sum []reg.VecVirtual
		before = func() { sum = zeros(vectors) }
		body = func() {
			for u := range vectors {
				VADDPS(w.image("x", u), sum[u], sum[u])
			}
		}
		after = func() {
			for u := range vectors {
				VDIVPS(divisor, sum[u], sum[u])
				VMOVUPS(sum[u], w.pixel("y", u))
			}
		}
		return before, body, after
	})
}

func avgWindowGrad() {
	text("avgWindowGradAVX2", "func(dx, g []float32, divisor float32, kh, kw, pixel, row int)")
	w := beginWindow([]string{"g"}, []string{"dx"})
	divisor := every("divisor")
	w.run(func(vectors int) (before, body, after func()) {
		share := registers(vectors)
		before = func() {
			for u := range vectors {
				VMOVUPS(w.pixel("g", u), share[u])
				VDIVPS(divisor, share[u], share[u])
			}
		}
		body = func() {
			for u := range vectors {
				d := YMM()
				VADDPS(w.image("dx", u), share[u], d)
				VMOVUPS(d, w.image("dx", u))
			}
		}
		return before, body, func() {}
	})
}
