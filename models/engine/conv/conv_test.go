package conv

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// plain is a square layer.
func plain(size, c, k, kernel, stride, pad int) Shape {
	return Shape{
		H: size, W: size, C: c, K: k, Groups: 1, Kernel: [2]int{kernel, kernel},
		Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1}, Pad: [4]int{pad, pad, pad, pad},
	}
}

func grouped(s Shape, groups int) Shape {
	s.Groups = groups
	return s
}

var named = map[string]Shape{
	"first layer":          plain(9, 3, 16, 3, 1, 1),
	"one channel":          plain(12, 1, 20, 5, 1, 0),
	"1x1":                  plain(6, 24, 40, 1, 1, 0),
	"1x1, stride 2":        plain(7, 16, 32, 1, 2, 0),
	"1x1, padded":          plain(4, 5, 6, 1, 1, 2),
	"stride 2":             plain(8, 16, 32, 3, 2, 1),
	"stride 3":             plain(11, 4, 5, 5, 3, 2),
	"stride over kernel":   plain(9, 3, 4, 2, 4, 0),
	"small image":          plain(2, 40, 33, 3, 1, 1),
	"smaller than kernel":  plain(2, 3, 17, 5, 1, 2),
	"one pixel":            plain(1, 50, 20, 3, 1, 1),
	"minimal":              plain(8, 16, 16, 3, 1, 1),
	"minimal, no padding":  plain(7, 20, 40, 3, 1, 0),
	"pad beyond kernel":    plain(4, 2, 3, 3, 1, 4),
	"stride over image":    plain(5, 3, 4, 2, 90, 1),
	"groups":               grouped(plain(6, 12, 24, 3, 1, 1), 3),
	"groups of panels":     grouped(plain(5, 8, 64, 3, 2, 1), 2),
	"groups that cut":      grouped(plain(5, 6, 60, 3, 1, 1), 3),
	"depthwise":            grouped(plain(7, 19, 19, 3, 1, 1), 19),
	"depthwise, stride 2":  grouped(plain(8, 10, 10, 5, 2, 2), 10),
	"depthwise, more":      grouped(plain(5, 6, 18, 3, 1, 1), 6),
	"channels apart, many": grouped(plain(5, 3, 60, 3, 1, 1), 3),
	"asymmetric": {
		H: 7, W: 10, C: 5, K: 18, Groups: 1, Kernel: [2]int{3, 4}, Stride: [2]int{1, 2}, Dilation: [2]int{1, 1}, Pad: [4]int{0, 3, 2, 1},
	},
	"dilated": {
		H: 12, W: 11, C: 6, K: 7, Groups: 1, Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{2, 3}, Pad: [4]int{2, 3, 2, 3},
	},
	"dilated, stride 2": {
		H: 13, W: 12, C: 4, K: 9, Groups: 1, Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Dilation: [2]int{3, 2}, Pad: [4]int{3, 1, 3, 2},
	},
}

func TestLayersMatchTheirDefinition(t *testing.T) {
	t.Parallel()
	for name, s := range named {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(len(name))))
			for _, n := range []int{1, 2, 13} {
				newChecked(t, r, s, New(s), n).all()
				newChecked(t, r, s, only(newProduct(s)), n).all()
				if s.Groups == 1 {
					newChecked(t, r, s, only(newCellwise(s)), n).all()
				}
			}
		})
	}
}

// randomShape draws a valid layer.
func randomShape(r *rand.Rand) Shape {
	for {
		groups := 1
		if r.IntN(3) == 0 {
			groups += r.IntN(4)
		}
		s := Shape{H: 1 + r.IntN(10), W: 1 + r.IntN(10), C: groups * (1 + r.IntN(6)), K: groups * (1 + r.IntN(24)), Groups: groups}
		for i := range 2 {
			s.Kernel[i], s.Stride[i], s.Dilation[i] = 1+r.IntN(4), 1+r.IntN(3), 1+r.IntN(2)
			s.Pad[i], s.Pad[i+2] = r.IntN(3), r.IntN(3)
		}
		if r.IntN(2) == 0 {
			s.Kernel, s.Stride, s.Dilation = [2]int{3, 3}, [2]int{1, 1}, [2]int{1, 1}
		}
		high := s.H + s.Pad[0] + s.Pad[2] - s.Dilation[0]*(s.Kernel[0]-1)
		wide := s.W + s.Pad[1] + s.Pad[3] - s.Dilation[1]*(s.Kernel[1]-1)
		if high > 0 && wide > 0 {
			return s
		}
	}
}

func TestRandomLayersMatchTheirDefinition(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(2, seed))
		s := randomShape(r)
		newChecked(t, r, s, New(s), 1+r.IntN(5)).all()
	}
}

// A sample's results have the same bits alone, among others, and with its
// filters in two calls.
func TestSamplesDoNotDependOnEachOther(t *testing.T) {
	t.Parallel()
	const n = 21
	for name, s := range named {
		r := rand.New(rand.NewPCG(3, 4))
		c := newChecked(t, r, s, New(s), n)
		nx, _, ny := newReference(s).lengths(1)
		packed, packedGrad := c.packed(c.c.PackedLen(), c.c.Pack), c.packed(c.c.PackedGradLen(), c.c.PackGrad)
		y, one := make([]float32, n*ny), make([]float32, ny)
		dx, oneX := make([]float32, n*nx), make([]float32, nx)
		e := Epilogue{Bias: c.b, Residual: c.g, ReLU: true}
		c.c.Forward(y, c.x, n, packed, 0, s.K, e, c.ws)
		c.c.GradX(dx, c.g, n, packedGrad, false, c.ws)
		for i := range n {
			e.Residual = c.g[i*ny:]
			for lo := 0; lo < s.K; lo += 16 {
				c.c.Forward(one, c.x[i*nx:], 1, packed, lo, min(lo+16, s.K), e, c.ws)
			}
			c.c.GradX(oneX, c.g[i*ny:], 1, packedGrad, false, c.ws)
			if !slices.Equal(one, y[i*ny:][:ny]) || !slices.Equal(oneX, dx[i*nx:][:nx]) {
				t.Errorf("%s: sample %d has other results alone than among %d", name, i, n)
			}
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	for name, s := range named {
		c := newChecked(t, rand.New(rand.NewPCG(5, 6)), s, New(s), 3)
		packed, packedGrad := make([]float32, c.c.PackedLen()), make([]float32, c.c.PackedGradLen())
		accs := [][]float32{make([]float32, c.c.GradWLen())}
		y, dx, dw := slices.Clone(c.g), slices.Clone(c.x), slices.Clone(c.w)
		allocs := testing.AllocsPerRun(3, func() {
			c.c.Pack(packed, c.w, 0, 1)
			c.c.PackGrad(packedGrad, c.w, 0, 1)
			c.c.Forward(y, c.x, c.n, packed, 0, s.K, Epilogue{Bias: c.b, ReLU: true}, c.ws)
			c.c.GradX(dx, c.g, c.n, packedGrad, false, c.ws)
			c.c.GradW(accs[0], c.x, c.g, c.n, c.ws)
			c.c.FinishGradW(dw, accs, 0, 1)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// A filter almost as large as the image has more pairs of pixels than a table
// should name.
func TestTablesStaySmall(t *testing.T) {
	t.Parallel()
	for _, s := range []Shape{plain(320, 1, 1, 300, 1, 0), plain(1, 1, 1, 1, 1<<16, 0)} {
		c := New(s)
		for _, a := range []algorithm{c.forward, c.gradX, c.gradW} {
			if p, ok := a.(*product); !ok || len(p.grad.phases) > 1 {
				t.Errorf("%+v: %T, want a product of one phase", s, a)
			}
		}
	}
}

func TestOut(t *testing.T) {
	t.Parallel()
	s := Shape{H: 7, W: 10, C: 1, K: 1, Groups: 1, Kernel: [2]int{3, 2}, Stride: [2]int{2, 3}, Dilation: [2]int{2, 1}, Pad: [4]int{1, 0, 0, 2}}
	h, w := s.Out() // (7+1-4-1)/2+1, (10+2-1-1)/3+1
	if got, want := fmt.Sprint(h, w), "2 4"; got != want {
		t.Errorf("out of %+v: %s, want %s", s, got, want)
	}
}

// For one image of few pixels the filters are read as they are: transformed
// they are four times as large.
func TestFewSamplesReadSmallWeights(t *testing.T) {
	t.Parallel()
	deep := plain(4, 512, 512, 3, 1, 1)
	one, many := NewFor(deep, 1).PackedLen(), New(deep).PackedLen()
	if one != 9*512*512 || many <= one {
		t.Errorf("packed weights of %d elements for one sample and %d for many, want those of the filters and more", one, many)
	}
	shallow := plain(32, 16, 16, 3, 1, 1)
	if one, many := NewFor(shallow, 1).PackedLen(), New(shallow).PackedLen(); one != many {
		t.Errorf("packed weights of %d elements for one sample and %d for many: an image of 32 x 32 is worth the transform", one, many)
	}
}
