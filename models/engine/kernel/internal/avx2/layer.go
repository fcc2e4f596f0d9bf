package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func biasRow(name string, relu bool) {
	text(name, "func(y, bias []float32)")
	l := begin("y", "bias")
	zero := bits(0)
	l.run(4, func(at func(string) Mem) {
		y := load(at("y"))
		VADDPS(at("bias"), y, y)
		if relu {
			VMAXPS(y, zero, y) // gives y where it is NaN
		}
		VMOVUPS(y, at("y"))
	})
}

func reluGrad() {
	text("reluGradAVX2", "func(dst, g, y []float32)")
	l := begin("dst", "g", "y")
	zero := bits(0)
	l.run(4, func(at func(string) Mem) {
		y := load(at("y"))
		VCMPPS(U8(greater), zero, y, y)
		VANDPS(at("g"), y, y)
		VMOVUPS(y, at("dst"))
	})
}

func add() {
	text("addToAVX2", "func(dst, x []float32)")
	l := begin("dst", "x")
	l.run(4, func(at func(string) Mem) {
		y := load(at("dst"))
		VADDPS(at("x"), y, y)
		VMOVUPS(y, at("dst"))
	})
}

func relu() {
	text("reluAVX2", "func(dst, x []float32)")
	l := begin("dst", "x")
	zero := bits(0)
	l.run(4, func(at func(string) Mem) {
		y := load(at("x"))
		VMAXPS(y, zero, y) // gives y where it is NaN
		VMOVUPS(y, at("dst"))
	})
}

func pair(name string, do func(ops ...Op)) {
	text(name, "func(dst, a, b []float32)")
	l := begin("dst", "a", "b")
	l.run(4, func(at func(string) Mem) {
		y := load(at("a"))
		do(at("b"), y, y)
		VMOVUPS(y, at("dst"))
	})
}

func dropout() {
	text("dropoutAVX2", "func(dst, x []float32, first *[8]uint32, b uint32, threshold int32, scale float32)")
	l := begin("dst", "x")
	number := load(Mem{Base: Load(Param("first"), GP64())})
	b, threshold := every("b"), every("threshold")
	factor, advance := every("scale"), bits(lanes)
	c1, c2 := bits(0x85ebca6b), bits(0xc2b2ae35)
	l.run(1, func(at func(string) Mem) {
		h := YMM()
		VMOVAPS(number, h)
		mix(h, c1, c2)
		VPXOR(b, h, h)
		mix(h, c1, c2)
		VPSRLD(U8(1), h, h)
		VPCMPGTD(h, threshold, h) // threshold > h: falls
		y := YMM()
		VMULPS(at("x"), factor, y)
		VPANDN(y, h, y)
		VMOVUPS(y, at("dst"))
		VPADDD(advance, number, number)
	})
}

func mix(h, c1, c2 reg.VecVirtual) {
	t := YMM()
	for i, c := range []reg.VecVirtual{c1, c2} {
		VPSRLD(U8([]uint8{16, 13}[i]), h, t)
		VPXOR(t, h, h)
		VPMULLD(c, h, h)
	}
	VPSRLD(U8(16), h, t)
	VPXOR(t, h, h)
}
