package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models/engine/kernel"
)

// windows are pools of every kind: the fast path, overlapping windows, odd
// sizes, padding on some sides, windows that hang over, subsampling.
var windows = []kernel.Window{
	{H: 8, W: 6, OH: 4, OW: 3, Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}},
	{H: 5, W: 7, OH: 2, OW: 3, Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}},
	{H: 5, W: 5, OH: 3, OW: 3, Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}},
	{H: 7, W: 7, OH: 3, OW: 3, Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}},
	{H: 6, W: 6, OH: 3, OW: 3, Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}},
	{H: 6, W: 5, OH: 6, OW: 5, Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}},
	{H: 6, W: 5, OH: 3, OW: 2, Kernel: [2]int{3, 2}, Stride: [2]int{2, 3}, Pad: [4]int{0, 0, 1, 0}},
	{H: 7, W: 8, OH: 4, OW: 4, Kernel: [2]int{1, 1}, Stride: [2]int{2, 2}},
	{H: 4, W: 4, OH: 1, OW: 1, Kernel: [2]int{4, 4}, Stride: [2]int{1, 1}},
}

// anyWindows are those and others at random.
func anyWindows() []kernel.Window {
	r := rand.New(rand.NewPCG(21, 22))
	all := append([]kernel.Window(nil), windows...)
	for range 60 {
		var w kernel.Window
		size, out := [2]int{1 + r.IntN(9), 1 + r.IntN(9)}, [2]int{}
		for d := range 2 {
			k := 1 + r.IntN(4)
			before, after := r.IntN(k), r.IntN(k)
			w.Kernel[d], w.Stride[d], w.Pad[d], w.Pad[d+2] = k, 1+r.IntN(3), before, after
			size[d] = max(size[d], k-before-after)
			room := size[d] + before + after - k
			out[d] = room/w.Stride[d] + 1
			if room%w.Stride[d] != 0 && out[d]*w.Stride[d] < size[d]+before && r.IntN(2) == 0 {
				out[d]++ // hangs over, but begins in the image
			}
		}
		w.H, w.W, w.OH, w.OW = size[0], size[1], out[0], out[1]
		all = append(all, w)
	}
	return all
}

// taps calls f for the pixels of a window that lie in the image.
func taps(w kernel.Window, oy, ox int, f func(pixel int)) (inside, padded int) {
	for ky := range w.Kernel[0] {
		for kx := range w.Kernel[1] {
			y, x := oy*w.Stride[0]-w.Pad[0]+ky, ox*w.Stride[1]-w.Pad[1]+kx
			if y < w.H+w.Pad[2] && x < w.W+w.Pad[3] {
				padded++
			}
			if y >= 0 && y < w.H && x >= 0 && x < w.W {
				inside++
				f(y*w.W + x)
			}
		}
	}
	return inside, padded
}

func TestMaxPoolAndItsGradient(t *testing.T) {
	t.Parallel()
	const samples = 2
	for _, w := range anyWindows() {
		for _, c := range []int{1, 3, 8, 16, 20, 50} {
			w.C = c
			in, out := w.H*w.W*c, w.OH*w.OW*c
			x, g := random(1, samples*in), random(2, samples*out)
			r := rand.New(rand.NewPCG(8, 9))
			for i := range x {
				x[i] = float32(r.IntN(5)) // many maxima are equal
			}
			y, dx, want := make([]float32, samples*out), random(3, samples*in), make([]float32, samples*in)
			kernel.MaxPool(y, x, w)
			kernel.MaxPoolGrad(dx, g, x, y, w)
			eachOutput(w, samples, func(s, oy, ox, j, o int) {
				top, first := float32(math.Inf(-1)), -1
				taps(w, oy, ox, func(pixel int) {
					if i := s*in + pixel*c + j; x[i] > top {
						top, first = x[i], i
					}
				})
				if y[o] != top {
					t.Fatalf("%+v: y[%d] = %g, want %g", w, o, y[o], top)
				}
				want[first] += g[o]
			})
			equalBits(t, fmt.Sprintf("%+v: gradient", w), dx, want)
		}
	}
}

func eachOutput(w kernel.Window, samples int, f func(s, oy, ox, j, o int)) {
	o := 0
	for s := range samples {
		for oy := range w.OH {
			for ox := range w.OW {
				for j := range w.C {
					f(s, oy, ox, j, o)
					o++
				}
			}
		}
	}
}

func TestNaNAndInfinityInMaxPool(t *testing.T) {
	t.Parallel()
	nan, low := float32(math.NaN()), float32(math.Inf(-1))
	for _, w := range anyWindows() {
		for _, c := range []int{1, 16} {
			w.C = c
			x := make([]float32, w.H*w.W*c)
			for i := range x {
				x[i] = low
			}
			y := make([]float32, w.OH*w.OW*c)
			kernel.MaxPool(y, x, w)
			for i, v := range y {
				if v != low {
					t.Fatalf("%+v: y[%d] = %g of windows of %g", w, i, v, low)
				}
			}
			at := (w.W*(w.H/2) + w.W/2) * c
			x[at] = nan
			kernel.MaxPool(y, x, w)
			eachOutput(w, 1, func(_, oy, ox, j, o int) {
				want := false
				taps(w, oy, ox, func(pixel int) { want = want || pixel*c+j == at })
				if got := y[o] != y[o]; got != want {
					t.Fatalf("%+v: y[%d] = %g, want NaN: %v", w, o, y[o], want)
				}
			})
		}
	}
}

func TestAvgPoolAndItsGradient(t *testing.T) {
	t.Parallel()
	const samples = 2
	for _, w := range anyWindows() {
		for _, c := range []int{1, 3, 8, 16, 20, 50} {
			for _, countPad := range []bool{false, true} {
				w.C, w.CountPad = c, countPad
				in, out := w.H*w.W*c, w.OH*w.OW*c
				x, g := random(1, samples*in), random(2, samples*out)
				y, dx, want := make([]float32, samples*out), random(3, samples*in), make([]float64, samples*in)
				kernel.AvgPool(y, x, w)
				kernel.AvgPoolGrad(dx, g, w)
				eachOutput(w, samples, func(s, oy, ox, j, o int) {
					sum := 0.0
					divisor, padded := taps(w, oy, ox, func(pixel int) { sum += float64(x[s*in+pixel*c+j]) })
					if countPad {
						divisor = padded
					}
					near(t, "AvgPool", o, y[o], sum/float64(divisor))
					taps(w, oy, ox, func(pixel int) { want[s*in+pixel*c+j] += float64(g[o]) / float64(divisor) })
				})
				for i := range dx {
					near(t, "AvgPoolGrad", i, dx[i], want[i])
				}
			}
		}
	}
}

func TestGlobalAvgPoolIsAWindowOverTheImage(t *testing.T) {
	t.Parallel()
	const samples = 3
	for _, c := range []int{1, 3, 8, 20, 64} {
		for _, side := range []int{1, 4, 7} {
			w := kernel.Window{H: side, W: side, C: c, OH: 1, OW: 1, Kernel: [2]int{side, side}, Stride: [2]int{1, 1}}
			x, g := random(1, samples*side*side*c), random(2, samples*c)
			y, want := make([]float32, samples*c), make([]float32, samples*c)
			kernel.GlobalAvgPool(y, x, c, side*side)
			kernel.AvgPool(want, x, w)
			equalBits(t, "GlobalAvgPool", y, want)
			dx, wantDX := random(3, len(x)), make([]float32, len(x))
			kernel.GlobalAvgPoolGrad(dx, g, c, side*side)
			kernel.AvgPoolGrad(wantDX, g, w)
			equalBits(t, "GlobalAvgPoolGrad", dx, wantDX)
		}
	}
}
