package kernel_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/models/engine/kernel"
)

// plainMoments are a channel's mean and squared deviations in float64.
func plainMoments(x []float32, c, channel int) (mean, m2 float64) {
	rows := len(x) / c
	for r := range rows {
		mean += float64(x[r*c+channel])
	}
	mean /= float64(rows)
	for r := range rows {
		d := float64(x[r*c+channel]) - mean
		m2 += d * d
	}
	return mean, m2
}

func close64(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*(math.Abs(want)+1e-30)
}

// A large mean beside a small deviation, in whatever pieces the rows come.
func TestChannelMoments(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []int{1, 3, 8, 10, 12, 16, 20, 50, 64, 100} {
		for _, shift := range []float64{0, -3, 1000} {
			const rows = 1500
			x := make([]float32, rows*c)
			for i := range x {
				x[i] = float32(shift + r.NormFloat64())
			}
			for _, cuts := range [][]int{{rows}, {1, 1, 300, rows - 302}, {255, 257, 512, rows - 1024}} {
				mean, m2, done := make([]float64, c), make([]float64, c), 0
				for j := range mean {
					mean[j], m2[j] = math.NaN(), math.NaN() // with no rows, nothing is read
				}
				for _, n := range cuts {
					kernel.ChannelMoments(mean, m2, done, x[done*c:(done+n)*c], n)
					done += n
				}
				for j := range c {
					wantMean, wantM2 := plainMoments(x, c, j)
					if math.Abs(mean[j]-wantMean) > 1e-6*math.Max(1, math.Abs(shift)/100) || !close64(m2[j], wantM2, 1e-5) {
						t.Fatalf("%d channels, mean %g, cuts %v: channel %d has %.9g, %.9g, want %.9g, %.9g", c, shift, cuts, j, mean[j], m2[j], wantMean, wantM2)
					}
				}
			}
		}
	}
}

// The first rows, from which the pivot comes, may be unlike the rest.
func TestChannelMomentsOfRowsUnlikeTheFirst(t *testing.T) {
	t.Parallel()
	const c, rows = 3, 256
	r := rand.New(rand.NewPCG(5, 6))
	x := make([]float32, rows*c)
	for i := 16 * c; i < len(x); i++ {
		x[i] = 1e4 + float32(r.NormFloat64())
	}
	mean, m2 := make([]float64, c), make([]float64, c)
	kernel.ChannelMoments(mean, m2, 0, x, rows)
	for j := range c {
		wantMean, wantM2 := plainMoments(x, c, j)
		if !close64(mean[j], wantMean, 1e-6) || !close64(m2[j], wantM2, 3e-5) {
			t.Errorf("channel %d has %g, %g, want %g, %g", j, mean[j], m2[j], wantMean, wantM2)
		}
	}
}

func TestMomentsOfAConstant(t *testing.T) {
	t.Parallel()
	for _, v := range []float32{0, 1000.1, -3e-5, 7e18} {
		x := slices.Repeat([]float32{v}, 12*1000)
		mean, m2 := make([]float64, 12), make([]float64, 12)
		kernel.ChannelMoments(mean, m2, 0, x, 1000)
		for j := range mean {
			if !close64(mean[j], float64(v), 1e-6) || m2[j] < 0 || m2[j] > 1000*1e-12*float64(v)*float64(v) {
				t.Errorf("%g: mean %g, squared deviations %g", v, mean[j], m2[j])
			}
		}
	}
}

func TestMomentsOfNaN(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 3 * 9, 300 * 9} {
		x := random(1, 9*301)
		x[at] = float32(math.NaN())
		mean, m2 := make([]float64, 9), make([]float64, 9)
		kernel.ChannelMoments(mean, m2, 0, x, 301)
		if mean[0] == mean[0] || m2[0] == m2[0] || mean[1] != mean[1] {
			t.Errorf("NaN in row %d: channels %v, %v", at/9, mean[:2], m2[:2])
		}
	}
}

func TestMergeMoments(t *testing.T) {
	t.Parallel()
	const c = 11
	x := random(7, 90*c)
	for i := range x {
		x[i] += 50
	}
	for _, cut := range []int{0, 1, 40, 90} {
		parts := [2][2][]float64{}
		for p, piece := range [][]float32{x[:cut*c], x[cut*c:]} {
			parts[p] = [2][]float64{make([]float64, c), make([]float64, c)}
			kernel.ChannelMoments(parts[p][0], parts[p][1], 0, piece, len(piece)/c)
		}
		kernel.MergeMoments(parts[0][0], parts[0][1], cut, parts[1][0], parts[1][1], 90-cut)
		for j := range c {
			mean, m2 := plainMoments(x, c, j)
			if !close64(parts[0][0][j], mean, 1e-6) || !close64(parts[0][1][j], m2, 1e-5) {
				t.Errorf("cut at %d: channel %d has %g, %g, want %g, %g", cut, j, parts[0][0][j], parts[0][1][j], mean, m2)
			}
		}
	}
}

func TestNormalizationMatchesItsDefinition(t *testing.T) {
	t.Parallel()
	for _, c := range []int{1, 3, 10, 16, 20, 50, 64, 130} {
		const rows = 300
		n := rows * c
		x, g, residual := random(1, n), random(2, n), random(3, n)
		a, b, d := random(4, c), random(5, c), random(6, c)
		y, dx := make([]float32, n), make([]float32, n)
		kernel.ScaleShift(y, x, a, b, residual, true)
		kernel.NormGradX(dx, g, x, a, b, d)
		sumG, sumGX := slices.Repeat([]float64{1}, c), slices.Repeat([]float64{2}, c)
		kernel.NormGradSums(sumG, sumGX, g, x, d, rows)
		for j := range c {
			wantG, wantGX := 1.0, 2.0
			for r := range rows {
				i := r*c + j
				near(t, "ScaleShift", i, y[i], math.Max(0, float64(x[i])*float64(a[j])+float64(b[j])+float64(residual[i])))
				near(t, "NormGradX", i, dx[i], float64(a[j])*float64(g[i])+float64(b[j])*float64(x[i])+float64(d[j]))
				wantG += float64(g[i])
				wantGX += float64(g[i]) * (float64(x[i]) - float64(d[j]))
			}
			if math.Abs(sumG[j]-wantG) > 1e-4 || math.Abs(sumGX[j]-wantGX) > 1e-3 {
				t.Fatalf("%d channels: sums of channel %d are %g, %g, want %g, %g", c, j, sumG[j], sumGX[j], wantG, wantGX)
			}
		}
	}
}
