package winograd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func equalBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] of %d = %g, want %g to the bit", what, i, len(want), got[i], want[i])
		}
	}
}

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestAssemblyGivesTheBitsOfThePortableLoops(t *testing.T) {
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	t.Parallel()
	for _, f := range []form{tile2, tile4} {
		for _, s := range []Shape{
			{H: 8, W: 8, C: 16, K: 16, Pad: [4]int{1, 1, 1, 1}},
			{H: 7, W: 10, C: 3, K: 37, Pad: [4]int{0, 2, 1, 1}},
			{H: 1, W: 1, C: 50, K: 20, Pad: [4]int{2, 2, 2, 2}},
			{H: 5, W: 3, C: 8, K: 9, Pad: [4]int{2, 0, 0, 2}},
			{H: 3, W: 3, C: 12, K: 33, Pad: [4]int{0, 0, 0, 0}},
			{H: 4, W: 4, C: 128, K: 130, Pad: [4]int{1, 1, 1, 1}},
		} {
			t.Run(fmt.Sprintf("tile of %d, %+v", f.side(), s), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(1, uint64(s.C)))
				testAnalysis(t, r, newPlan(s, f))
				testSynthesis(t, r, newPlan(s, f))
				testWeights(t, r, newPlan(s, f))
				for _, count := range []int{1, 4, 6, 17, blockTiles} {
					testProducts(t, r, newPlan(s, f), count)
				}
			})
		}
	}
}

func testAnalysis(t *testing.T, r *rand.Rand, p *plan) {
	for kind, c := range []int{p.C, p.K} {
		a := analysis{
			position: spread(len(p.patches) * pad(c)), row: pad(c), x: normal(r, p.H*p.W*c), patches: p.patches,
			channels: c, blank: make([]float32, maxPositions*c),
		}
		if analysisKind(kind) == analysisGradient {
			a.x, a.patches = normal(r, p.oh*p.ow*c), p.grads
		}
		want := make([]float32, p.positions()*a.position)
		got := make([]float32, len(want))
		a.dst = want
		analyseGeneric(p.form, analysisKind(kind), a)
		a.dst = got
		analyse(p.form, analysisKind(kind), a)
		equalBits(t, "values", got, want)
	}
}

func testSynthesis(t *testing.T, r *rand.Rand, p *plan) {
	size := p.oh * p.ow * p.K
	plain := synthesis{
		position: spread(len(p.places) * p.productRow()), row: p.productRow(), places: p.places, channels: p.K,
		pixel: p.K, line: p.ow * p.K, plain: true, bias: normal(r, p.K),
	}
	plain.products = normal(r, p.positions()*plain.position)
	bias := plain
	bias.plain = false
	relu, residual := bias, bias
	relu.relu, residual.residual = true, normal(r, size)
	both := residual
	both.relu = true
	for _, s := range []synthesis{plain, bias, relu, residual, both} {
		want, got := make([]float32, size), make([]float32, size)
		s.y = want
		synthesiseGeneric(p.form, s)
		s.y = got
		synthesise(p.form, s)
		equalBits(t, "y", got, want)
	}
}

func testProducts(t *testing.T, r *rand.Rand, p *plan, count int) {
	values, packed := normal(r, p.positions()*p.values), make([]float32, p.packedLen())
	w := normal(r, p.K*p.C*taps)
	p.pack(packed, w, p.C*taps, taps, false, 0, 1)
	for lo := 0; lo < p.K; lo += panel {
		want, got := make([]float32, p.positions()*p.products), make([]float32, p.positions()*p.products)
		p.multiplyGeneric(want, values, count, packed, lo, p.K)
		p.multiply(got, values, count, packed, lo, p.K)
		for i := range want {
			if i%p.products%p.productRow() < p.K && want[i] != got[i] {
				t.Fatalf("products[%d] = %g, want %g to the bit", i, got[i], want[i])
			}
		}
	}
	products := make([]float32, p.positions()*p.products)
	p.multiply(products, values, count, packed, 0, p.K)
	want := make([]float32, p.packedLen())
	got := make([]float32, len(want))
	for range 2 {
		p.correlateGeneric(want, values, products, count)
		p.correlate(got, values, products, count)
	}
	equalBits(t, "sums", got, want)
}

func testWeights(t *testing.T, r *rand.Rand, p *plan) {
	w := normal(r, p.K*p.C*taps)
	for k := 0; k < p.K; k += panel {
		for _, rotate := range []bool{false, true} {
			want, got := make([]float32, p.packedLen()), make([]float32, p.packedLen())
			f := filters{
				w: w[k*p.C*taps:], column: p.C * taps, inner: taps, rotate: rotate, u: want, position: p.weights,
				rows: p.C, width: min(panel, p.K-k),
			}
			packGeneric(p.form, f)
			f.u = got
			pack(p.form, f)
			equalBits(t, "packed weights", got, want)
		}
		want, got := make([]float32, len(w)), make([]float32, len(w))
		f := finish{
			w: want[k*p.C*taps:], column: p.C * taps, inner: taps, at: 0, position: p.weights, rows: p.C,
			width: min(panel, p.K-k), accs: [][]float32{normal(r, p.packedLen()), normal(r, p.packedLen()), normal(r, p.packedLen())},
		}
		finishGeneric(p.form, f)
		f.w = got[k*p.C*taps:]
		finishGradW(p.form, f)
		equalBits(t, "gradient of the weights", got, want)
	}
}

func TestStreamedWeightsAreTheSame(t *testing.T) {
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	t.Parallel()
	p := newPlan(Shape{H: 4, W: 4, C: 512, K: 250, Pad: [4]int{1, 1, 1, 1}}, tile4)
	if p.packedLen() < streamed {
		t.Fatalf("%d weights are not streamed", p.packedLen())
	}
	w := normal(rand.New(rand.NewPCG(2, 2)), p.C*p.K*taps)
	for _, rotate := range []bool{false, true} {
		aligned, shifted := make([]float32, p.packedLen()), make([]float32, p.packedLen()+1)[1:]
		p.pack(aligned, w, p.C*taps, taps, rotate, 0, 1)
		p.pack(shifted, w, p.C*taps, taps, rotate, 0, 1)
		equalBits(t, "packed weights", aligned, shifted)
	}
}
