// Command avx2 writes the AVX2 bodies of package kernel. Each does the same
// roundings in the same order as the portable loop of that name, on a length
// that is a multiple of 8.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	lanes = 8
	width = 4 * lanes // bytes of a vector

	less        = 17 // predicates of VCMPPS, all quiet
	greater     = 30
	notLess     = 21
	minNormal   = 0x00800000
	signCleared = 0x7fffffff
)

func main() {
	ConstraintExpr("amd64")
	sgd("sgdPlainAVX2", false, false)
	sgd("sgdMomentumAVX2", true, false)
	sgd("sgdNesterovAVX2", true, true)
	adam()
	mask()
	addScaled()
	addSign()
	scale()
	sumSquares()
	biasRow("biasAVX2", false)
	biasRow("biasReLUAVX2", true)
	reluGrad()
	add()
	dropout()
	relu()
	pair("addAVX2", VADDPS)
	pair("mulAVX2", VMULPS)
	for _, residual := range []bool{false, true} {
		for _, relu := range []bool{false, true} {
			scaleShift(residual, relu)
		}
	}
	normGradX()
	moments("momentsAVX2", false)
	moments("momentsTailAVX2", true)
	normGradSums("normGradSumsAVX2", false)
	normGradSums("normGradSumsTailAVX2", true)
	maxWindow()
	maxWindowGrad()
	max2x2()
	max2x2Grad()
	avgWindow()
	avgWindowGrad()
	transpose()
	Generate()
}

// text begins a function.
func text(name, signature string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
}

// loop is the frame of a kernel: it walks over the named slices vector by
// vector. The first slice gives the length.
type loop struct {
	pointers map[string]reg.Register
	names    []string
	count    reg.Register
}

func begin(names ...string) *loop {
	l := &loop{pointers: make(map[string]reg.Register), names: names}
	for _, n := range names {
		l.pointers[n] = Load(Param(n).Base(), GP64())
	}
	l.count = Load(Param(names[0]).Len(), GP64())
	return l
}

// run emits body, unrolled for the given number of vectors, and then once
// more for the vectors that are left.
func (l *loop) run(unroll int, body func(at func(string) Mem)) {
	l.section("loop", unroll, body)
	if unroll > 1 {
		l.section("rest", 1, body)
	}
	VZEROUPPER()
	RET()
}

func (l *loop) section(label string, unroll int, body func(at func(string) Mem)) {
	Label(label)
	CMPQ(l.count, I32(unroll*lanes))
	JL(LabelRef(label + "_end"))
	for u := range unroll {
		body(func(name string) Mem { return Mem{Base: l.pointers[name], Disp: u * l.stride(name)} })
	}
	for _, n := range l.names {
		ADDQ(I32(unroll*l.stride(n)), l.pointers[n])
	}
	SUBQ(I32(unroll*lanes), l.count)
	JMP(LabelRef(label))
	Label(label + "_end")
}

// stride is how far a slice moves with each vector: masks are bytes.
func (l *loop) stride(name string) int {
	if name == "mask" {
		return lanes
	}
	return width
}

// every broadcasts a 4-byte parameter to all lanes.
func every(name string) reg.VecVirtual {
	y := YMM()
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, y)
	return y
}

// bits broadcasts a constant pattern to all lanes.
func bits(pattern uint32) reg.VecVirtual {
	g, x, y := GP32(), XMM(), YMM()
	MOVL(U32(pattern), g)
	VMOVD(g, x)
	VPBROADCASTD(x, y)
	return y
}

func load(m Mem) reg.VecVirtual {
	y := YMM()
	VMOVUPS(m, y)
	return y
}

// flusher sets what is smaller than the smallest normal number to 0; NaN
// stays.
type flusher struct{ magnitude, smallest reg.VecVirtual }

func newFlusher() flusher { return flusher{bits(signCleared), bits(minNormal)} }

func (f flusher) apply(y reg.VecVirtual) {
	t := YMM()
	VANDPS(f.magnitude, y, t)
	VCMPPS(U8(notLess), f.smallest, t, t)
	VANDPS(t, y, y)
}

func sgd(name string, momentum, nesterov bool) {
	signature, slices := "func(w, g []float32, lr, decay float32)", []string{"w", "g"}
	if momentum {
		signature, slices = "func(w, v, g []float32, lr, momentum, decay float32)", []string{"w", "v", "g"}
	}
	text(name, signature)
	l := begin(slices...)
	lr, decay, flush := every("lr"), every("decay"), newFlusher()
	var mu reg.VecVirtual
	if momentum {
		mu = every("momentum")
	}
	l.run(2, func(at func(string) Mem) {
		w, d := load(at("w")), YMM()
		VMULPS(decay, w, d)
		VADDPS(at("g"), d, d)
		step := d
		if momentum {
			v := YMM()
			VMULPS(at("v"), mu, v)
			VADDPS(d, v, v)
			flush.apply(v)
			VMOVUPS(v, at("v"))
			step = v
			if nesterov {
				step = YMM()
				VMULPS(mu, v, step)
				VADDPS(d, step, step)
			}
		}
		VMULPS(lr, step, step)
		VSUBPS(step, w, w)
		flush.apply(w)
		VMOVUPS(w, at("w"))
	})
}

func adam() {
	text("adamAVX2", "func(w, m, v, g []float32, beta1, rest1, beta2, rest2, step, root, eps, l2, shrink float32)")
	l := begin("w", "m", "v", "g")
	beta1, rest1, beta2, rest2 := every("beta1"), every("rest1"), every("beta2"), every("rest2")
	step, root, eps, l2, shrink := every("step"), every("root"), every("eps"), every("l2"), every("shrink")
	flush := newFlusher()
	l.run(1, func(at func(string) Mem) {
		w, d, m, t := load(at("w")), YMM(), YMM(), YMM()
		VMULPS(l2, w, d)
		VADDPS(at("g"), d, d)
		VMULPS(at("m"), beta1, m)
		VMULPS(rest1, d, t)
		VADDPS(t, m, m)
		flush.apply(m)
		VMOVUPS(m, at("m"))
		v := YMM()
		VMULPS(at("v"), beta2, v)
		VMULPS(d, d, d)
		VMULPS(rest2, d, d)
		VADDPS(d, v, v)
		flush.apply(v)
		VMOVUPS(v, at("v"))
		VSQRTPS(v, v)
		VDIVPS(root, v, v)
		VADDPS(eps, v, v)
		VMULPS(step, m, m)
		VDIVPS(v, m, m)
		VMULPS(shrink, w, w)
		VSUBPS(m, w, w)
		flush.apply(w)
		VMOVUPS(w, at("w"))
	})
}

func mask() {
	text("maskAVX2", "func(x []float32, mask []bool)")
	l := begin("x", "mask")
	zero := bits(0)
	l.run(4, func(at func(string) Mem) {
		y := YMM()
		VPMOVZXBD(at("mask"), y)
		VPCMPGTD(zero, y, y)
		VANDPS(at("x"), y, y)
		VMOVUPS(y, at("x"))
	})
}

func addScaled() {
	text("addScaledAVX2", "func(dst, x []float32, a float32)")
	l := begin("dst", "x")
	a := every("a")
	l.run(4, func(at func(string) Mem) {
		y := YMM()
		VMULPS(at("x"), a, y)
		VADDPS(at("dst"), y, y)
		VMOVUPS(y, at("dst"))
	})
}

func addSign() {
	text("addSignAVX2", "func(dst, x []float32, a float32)")
	l := begin("dst", "x")
	a, zero := every("a"), bits(0)
	l.run(2, func(at func(string) Mem) {
		x, up, down := load(at("x")), YMM(), YMM()
		VCMPPS(U8(greater), zero, x, up)
		VANDPS(a, up, up)
		VCMPPS(U8(less), zero, x, down)
		VANDPS(a, down, down)
		VADDPS(at("dst"), up, up)
		VSUBPS(down, up, up)
		VMOVUPS(up, at("dst"))
	})
}

func scale() {
	text("scaleAVX2", "func(x []float32, a float32)")
	l := begin("x")
	a := every("a")
	l.run(4, func(at func(string) Mem) {
		y := YMM()
		VMULPS(at("x"), a, y)
		VMOVUPS(y, at("x"))
	})
}

func sumSquares() {
	text("sumSquaresAVX2", "func(x []float32, lane *[8]float64)")
	l := begin("x")
	out := Load(Param("lane"), GP64())
	low, high := YMM(), YMM()
	VMOVUPD(Mem{Base: out}, low)
	VMOVUPD(Mem{Base: out, Disp: width}, high)
	Label("loop")
	CMPQ(l.count, I32(lanes))
	JL(LabelRef("end"))
	a, b := YMM(), YMM()
	VCVTPS2PD(Mem{Base: l.pointers["x"]}, a)
	VCVTPS2PD(Mem{Base: l.pointers["x"], Disp: width / 2}, b)
	VMULPD(a, a, a)
	VMULPD(b, b, b)
	VADDPD(a, low, low)
	VADDPD(b, high, high)
	ADDQ(I32(width), l.pointers["x"])
	SUBQ(I32(lanes), l.count)
	JMP(LabelRef("loop"))
	Label("end")
	VMOVUPD(low, Mem{Base: out})
	VMOVUPD(high, Mem{Base: out, Disp: width})
	VZEROUPPER()
	RET()
}
