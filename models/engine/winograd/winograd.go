// Package winograd computes convolutions of 3x3 filters with stride 1 by
// Winograd's minimal filtering (Lavin and Gray 2016): an image is cut into
// tiles, a tile and a filter are each transformed, their products at each
// position of the transformed tile are summed over the channels, and the sums
// are transformed back:
//
//	y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A
//
// The sums over the channels of all tiles are one matrix product for each
// position. A tile of 4x4 results takes 36 multiplications for each pair of
// channels where the definition takes 144, one of 2x2 takes 16 for 36.
//
// The tile of 4x4 interpolates at 0, ±√½, ±√2 and ∞, which loses least to
// rounding of the points that were tried: over 512 channels twice the error of
// a plain sum in the mean, half of that of the textbook's 0, ±1, ±2 and a fifth
// of its largest.
//
// Images are dense NHWC. A call computes on its own goroutine and allocates
// nothing; calls share a [Conv] freely. A sample's result does not depend on
// the other samples of the call. The AVX2 code and the portable code give the
// same bits.
package winograd

import "fmt"

// Shape is a layer: K filters of 3x3xC over an image of HxWxC with stride 1.
type Shape struct {
	H, W, C, K int
	Pad        [4]int // zeros above, left, below and right, 0 to 2 each
}

// Out is the height and width of the result.
func (s Shape) Out() (h, w int) {
	return s.H + s.Pad[0] + s.Pad[2] - 2, s.W + s.Pad[1] + s.Pad[3] - 2
}

// transposed is the layer that leads gradients back.
func (s Shape) transposed() Shape {
	h, w := s.Out()
	t := Shape{H: h, W: w, C: s.K, K: s.C}
	for i, p := range s.Pad {
		t.Pad[i] = 2 - p
	}
	return t
}

func (s Shape) check() {
	h, w := s.Out()
	ok := s.H > 0 && s.W > 0 && s.C > 0 && s.K > 0 && h > 0 && w > 0
	for _, p := range s.Pad {
		ok = ok && p >= 0 && p <= 2
	}
	if !ok {
		panic(fmt.Sprintf("winograd: shape %+v, want positive sizes and padding of 0 to 2", s))
	}
}

// Epilogue is what happens to a result before it is stored:
// relu(y + bias + residual).
type Epilogue struct {
	Bias     []float32 // of each filter; nil adds nothing
	Residual []float32 // of the form of the result, and may be the result; nil adds nothing
	ReLU     bool      // sets what is negative to 0; NaN stays NaN
}

// Conv is a layer made ready: where its tiles lie and how many of them are
// computed at a time. It holds no weights and does not change.
type Conv struct {
	shape         Shape
	forward, back *plan
	blank         []float32 // a row of zeros, which stands for what lies outside an image
}

// New makes a layer ready for calls of many samples. The size of the tiles, and
// with it the rounding of results, follows from the shape alone.
func New(s Shape) *Conv { return NewFor(s, manySamples) }

// NewFor is New for calls of about n samples, which any call may exceed or fall
// short of.
func NewFor(s Shape, n int) *Conv {
	s.check()
	return newConv(s, chooseForm(s, n))
}

func newConv(s Shape, f form) *Conv {
	return &Conv{
		shape: s, forward: newPlan(s, f), back: newPlan(s.transposed(), f),
		blank: make([]float32, maxPositions*max(s.C, s.K)),
	}
}

// PackedLen is the number of elements of the weights' form for [Conv.Forward].
func (c *Conv) PackedLen() int { return c.forward.packedLen() }

// PackedGradLen is the number of elements of the weights' form for [Conv.GradX].
func (c *Conv) PackedGradLen() int { return c.back.packedLen() }

// GradWLen is the number of elements of an accumulator of [Conv.GradW].
func (c *Conv) GradWLen() int { return c.forward.packedLen() }

// Workspace is the number of elements of scratch that one goroutine needs.
func (c *Conv) Workspace() int { return max(c.forward.workspace(), c.back.workspace()) }

// Forward computes y from n samples x, channels lo to hi of the result; lo is
// a multiple of 16, and so is hi unless it is K. The rest of y is not touched.
func (c *Conv) Forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, ws []float32) {
	c.forward.run(y, x, n, packed, lo, hi, e, c.blank, ws)
}

// GradX computes the gradient dx of n samples from that of the result, g, or
// adds it to dx.
func (c *Conv) GradX(dx, g []float32, n int, packedGrad []float32, accumulate bool, ws []float32) {
	var e Epilogue
	if accumulate {
		e.Residual = dx
	}
	c.back.run(dx, g, n, packedGrad, 0, c.shape.C, e, c.blank, ws)
}
