package kernel

// Window describes a pooling layer over images of H x W pixels and C channels,
// whose windows of Kernel pixels are Stride apart.
type Window struct {
	H, W, C        int
	OH, OW         int // extent of the result
	Kernel, Stride [2]int
	Pad            [4]int // above, left, below, right
	CountPad       bool   // averages count the padding
}

// in and out are the elements of a sample.
func (w *Window) in() int  { return w.H * w.W * w.C }
func (w *Window) out() int { return w.OH * w.OW * w.C }

// extent is the part of a window that lies in the image. Its taps are pixel
// elements apart, its rows row.
type extent struct{ kh, kw, pixel, row int }

// at finds the window of an output pixel: where its first channel begins in
// the image and its extent. Every window of a valid layer touches the image.
func (w *Window) at(oy, ox int) (offset int, e extent) {
	top, bottom := clip(oy, w.Kernel[0], w.Stride[0], w.Pad[0], w.H)
	left, right := clip(ox, w.Kernel[1], w.Stride[1], w.Pad[1], w.W)
	return (top*w.W + left) * w.C, extent{bottom - top, right - left, w.C, w.W * w.C}
}

func clip(o, kernel, stride, pad, size int) (lo, hi int) {
	lo = o*stride - pad
	return max(lo, 0), min(lo+kernel, size)
}

// divisor is by what a window's sum is divided: its pixels in the image, or
// in the image and its padding.
func (w *Window) divisor(oy, ox int, e extent) float32 {
	if !w.CountPad {
		return float32(e.kh * e.kw)
	}
	y, x := oy*w.Stride[0]-w.Pad[0], ox*w.Stride[1]-w.Pad[1]
	h := min(y+w.Kernel[0], w.H+w.Pad[2]) - y
	return float32(h * (min(x+w.Kernel[1], w.W+w.Pad[3]) - x))
}

// span is the part of the image from a window's first tap to its last.
func (e extent) span(x []float32, offset, c int) []float32 {
	return x[offset:][:(e.kh-1)*e.row+(e.kw-1)*e.pixel+c]
}

// pairs says whether the windows are 2 x 2 with stride 2, all in the image.
func (w *Window) pairs() bool {
	two := [2]int{2, 2}
	return w.Kernel == two && w.Stride == two && w.Pad == [4]int{} && 2*w.OH <= w.H && 2*w.OW <= w.W
}

// single says whether a window is one pixel: the pool is subsampling.
func (w *Window) single() bool { return w.Kernel == [2]int{1, 1} && w.Pad == [4]int{} }

// MaxPool sets y to the maximum of each window of each of the samples in x.
// Padding never wins, NaN always does.
func MaxPool(y, x []float32, w Window) {
	w.check(len(y), len(x))
	for in, out := w.in(), w.out(); len(x) > 0; y, x = y[out:], x[in:] {
		switch {
		case w.single():
			w.subsample(y, x)
		case w.pairs():
			for oy := range w.OH {
				max2x2(y[oy*w.OW*w.C:][:w.OW*w.C], x[2*oy*w.W*w.C:][:2*w.W*w.C], w.C, w.OW, w.W*w.C)
			}
		default:
			w.each(y[:out], func(part []float32, oy, ox int) {
				offset, e := w.at(oy, ox)
				maxWindow(part, e.span(x, offset, w.C), e)
			})
		}
	}
}

// MaxPoolGrad sets dx to the gradient of MaxPool's x, of which y was the
// result and g is y's gradient. The first maximum of a window, row by row,
// gets it all, as in PyTorch; where y is NaN, the window's first element.
func MaxPoolGrad(dx, g, x, y []float32, w Window) {
	w.check(len(y), len(x))
	same(len(dx), len(x))
	same(len(g), len(y))
	for in, out := w.in(), w.out(); len(x) > 0; dx, g, x, y = dx[in:], g[out:], x[in:], y[out:] {
		if w.pairs() && 2*w.OH == w.H && 2*w.OW == w.W {
			w.pairsGrad(dx, g, x, y)
			continue
		}
		clear(dx[:in])
		switch {
		case w.single():
			w.spread(dx, g)
		case w.pairs():
			w.pairsGrad(dx, g, x, y)
		default:
			w.each(y[:out], func(part []float32, oy, ox int) {
				offset, e := w.at(oy, ox)
				o := (oy*w.OW + ox) * w.C
				maxWindowGrad(e.span(dx, offset, w.C), g[o:][:w.C], e.span(x, offset, w.C), part, e)
			})
		}
	}
}

// pairsGrad writes the gradient of what the windows of one sample cover.
func (w *Window) pairsGrad(dx, g, x, y []float32) {
	in, out := 2*w.W*w.C, w.OW*w.C
	for oy := range w.OH {
		max2x2Grad(dx[oy*in:][:in], g[oy*out:][:out], x[oy*in:][:in], y[oy*out:][:out], w.C, w.OW, w.W*w.C)
	}
}

// AvgPool sets y to the mean of each window of each of the samples in x.
func AvgPool(y, x []float32, w Window) {
	w.check(len(y), len(x))
	for in, out := w.in(), w.out(); len(x) > 0; y, x = y[out:], x[in:] {
		w.each(y[:out], func(part []float32, oy, ox int) {
			offset, e := w.at(oy, ox)
			avgWindow(part, e.span(x, offset, w.C), w.divisor(oy, ox, e), e)
		})
	}
}

// AvgPoolGrad sets dx to the gradient of AvgPool's x; g is the result's.
func AvgPoolGrad(dx, g []float32, w Window) {
	w.check(len(g), len(dx))
	for in, out := w.in(), w.out(); len(dx) > 0; dx, g = dx[in:], g[out:] {
		clear(dx[:in])
		w.each(g[:out], func(part []float32, oy, ox int) {
			offset, e := w.at(oy, ox)
			avgWindowGrad(e.span(dx, offset, w.C), part, w.divisor(oy, ox, e), e)
		})
	}
}

// GlobalAvgPool sets y to the mean of each channel over the pixels of each of
// the samples in x.
func GlobalAvgPool(y, x []float32, c, pixels int) {
	same(len(x), len(y)*pixels)
	e := extent{1, pixels, c, 0}
	for ; len(y) >= c && c > 0; y, x = y[c:], x[c*pixels:] {
		avgWindow(y[:c], x[:c*pixels], float32(pixels), e)
	}
}

// GlobalAvgPoolGrad sets dx to the gradient of GlobalAvgPool's x; g is the
// result's.
func GlobalAvgPoolGrad(dx, g []float32, c, pixels int) {
	same(len(dx), len(g)*pixels)
	divisor := float32(pixels)
	for ; len(g) >= c && c > 0; g = g[c:] {
		sample := dx[:c*pixels]
		for j, v := range g[:c] {
			sample[j] = v / divisor
		}
		for done := c; done < len(sample); done *= 2 {
			copy(sample[done:], sample[:done])
		}
		dx = dx[c*pixels:]
	}
}

// check panics where the slices do not hold the same number of whole samples.
func (w *Window) check(out, in int) {
	samples := in / max(1, w.in())
	same(in, samples*w.in())
	same(out, samples*w.out())
}

// each calls f for every output pixel of a sample with its channels.
func (w *Window) each(y []float32, f func(part []float32, oy, ox int)) {
	for oy := range w.OH {
		for ox := range w.OW {
			f(y[(oy*w.OW+ox)*w.C:][:w.C], oy, ox)
		}
	}
}

// subsample copies the pixels that a stride leaves.
func (w *Window) subsample(y, x []float32) {
	for oy := range w.OH {
		for ox := range w.OW {
			copy(y[(oy*w.OW+ox)*w.C:][:w.C], x[(oy*w.Stride[0]*w.W+ox*w.Stride[1])*w.C:])
		}
	}
}

// spread is the reverse of subsample.
func (w *Window) spread(dx, g []float32) {
	for oy := range w.OH {
		for ox := range w.OW {
			copy(dx[(oy*w.Stride[0]*w.W+ox*w.Stride[1])*w.C:][:w.C], g[(oy*w.OW+ox)*w.C:])
		}
	}
}
