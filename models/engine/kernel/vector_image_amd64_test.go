package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		g, w := got[i], want[i]
		if math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
			t.Fatalf("%s: element %d of %d: assembly %g, portable %g", what, i, len(want), g, w)
		}
	}
}

// channelCounts straddle vectors, unrolling, strips and the ways in which the
// parameters of a channel are repeated.
func channelCounts() []int {
	c := []int{64, 65, 72, 96, 100, 127, 128, 129, 136, 200, 257}
	for i := 1; i < 63; i++ {
		c = append(c, i)
	}
	return c
}

func TestNormalizationAgreesWithPortableLoops(t *testing.T) {
	t.Parallel()
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	for _, c := range channelCounts() {
		for _, rows := range []int{1, 2, 3, 7, 33} {
			n := rows * c
			x, g, residual := nasty(1, n), nasty(2, n), nasty(3, n)
			a, b, d := nasty(4, c), nasty(5, c), nasty(6, c)
			got, want := make([]float32, n), make([]float32, n)
			what := fmt.Sprintf("%d rows of %d channels", rows, c)
			for _, relu := range []bool{false, true} {
				for _, r := range [][]float32{nil, residual} {
					scaleShift(got, x, a, b, r, relu)
					scaleShiftGeneric(want, x, a, b, r, relu)
					sameBits(t, "ScaleShift of "+what, got, want)
				}
			}
			copy(got, x)
			scaleShift(got, got, a, b, got, true)
			scaleShiftGeneric(want, x, a, b, x, true)
			sameBits(t, "ScaleShift in place of "+what, got, want)
			normGradX(got, g, x, a, b, d)
			normGradXGeneric(want, g, x, a, b, d)
			sameBits(t, "NormGradX of "+what, got, want)
			copy(got, g)
			normGradX(got, got, x, a, b, d)
			sameBits(t, "NormGradX in place of "+what, got, want)
			if c <= stripColumns {
				sumsAgree(t, what, x, g, c, rows)
			}
		}
	}
}

// sumsAgree compares the sums over rows of a strip, whose rows are longer.
func sumsAgree(t *testing.T, what string, x, g []float32, c, rows int) {
	t.Helper()
	for lo := 0; lo < c; lo += 5 {
		columns := c - lo
		var pivot, zero strip
		copy(pivot[:], nasty(7, columns))
		var s1, q1, s2, q2 strip
		moments(&s1, &q1, &pivot, columns, x[lo:], rows, c)
		momentsGeneric(s2[:columns], q2[:columns], pivot[:columns], x[lo:], rows, c)
		sameBits(t, "sums of "+what, s1[:columns], s2[:columns])
		sameBits(t, "squares of "+what, q1[:columns], q2[:columns])
		sameBits(t, "lanes beyond "+what, s1[columns:], zero[columns:])
		normGradSums(&s1, &q1, &pivot, columns, g[lo:], x[lo:], rows, c)
		normGradSumsGeneric(s2[:columns], q2[:columns], pivot[:columns], g[lo:], x[lo:], rows, c)
		sameBits(t, "gradient sums of "+what, s1[:columns], s2[:columns])
		sameBits(t, "gradient products of "+what, q1[:columns], q2[:columns])
	}
}

func TestPoolingAgreesWithPortableLoops(t *testing.T) {
	t.Parallel()
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	for _, c := range channelCounts() {
		const width, height = 7, 5
		x := nasty(uint64(c), width*height*c)
		for _, e := range []extent{{1, 1, c, width * c}, {2, 2, c, width * c}, {3, 2, c, width * c}, {1, 4, c, 0}} {
			part := e.span(x, c, c)
			got, want := make([]float32, c), make([]float32, c)
			what := fmt.Sprintf("%v", e)
			maxWindow(got, part, e)
			maxWindowGeneric(want, part, e)
			sameBits(t, "maximum of "+what, got, want)
			g := nasty(3, c)
			dx, dx2 := make([]float32, len(part)), make([]float32, len(part))
			maxWindowGrad(dx, g, part, want, e)
			maxWindowGradGeneric(dx2, g, part, want, e)
			sameBits(t, "maximum's gradient of "+what, dx, dx2)
			avgWindow(got, part, 3, e)
			avgWindowGeneric(want, part, 3, e)
			sameBits(t, "average of "+what, got, want)
			avgWindowGrad(dx, g, 3, e)
			avgWindowGradGeneric(dx2, g, 3, e)
			sameBits(t, "average's gradient of "+what, dx, dx2)
		}
		const count = width / 2
		got, want := make([]float32, count*c), make([]float32, count*c)
		max2x2(got, x, c, count, width*c)
		max2x2Generic(want, x, c, count, c, width*c)
		sameBits(t, "maxima of 2 x 2", got, want)
		g, dx, dx2 := nasty(9, count*c), make([]float32, 2*width*c), make([]float32, 2*width*c)
		max2x2Grad(dx, g, x, want, c, count, width*c)
		max2x2GradGeneric(dx2, g, x, want, c, count, c, width*c)
		sameBits(t, "gradient of 2 x 2", dx, dx2)
	}
}

func TestTransposeAgreesWithPortableLoop(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rows, cols := 1+r.IntN(60), 1+r.IntN(60)
		x := nasty(4, rows*cols)
		got, want := make([]float32, rows*cols+1), make([]float32, rows*cols+1)
		transpose(got[:rows*cols], x, rows, cols)
		transposeGeneric(want, x, rows, cols, 0, rows, 0, cols)
		sameBits(t, fmt.Sprintf("%d x %d", rows, cols), got, want)
		back := slices.Clone(x)
		transpose(back, got[:rows*cols], cols, rows)
		sameBits(t, "there and back", back, x)
	}
}
