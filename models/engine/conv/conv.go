// Package conv computes one convolutional layer and its gradients on images of
// interleaved channels (NHWC: sample, row, column, channel).
//
// A [Conv] is made once for a layer. It holds tables that depend on the shape
// alone and chooses, by a fixed rule of the shape, how the layer is computed:
// by minimal filtering (package winograd: 3x3 with stride 1), as a matrix
// product whose left rows are the patches where they lie (package gemm), as a
// product for each cell of a filter, or channel by channel (depthwise). Weights
// come and go in PyTorch's order (output channel, input channel of the group,
// row, column); what the products read is a packed form of them, for the
// forward pass and for the gradient of the input.
//
// Everything runs on the calling goroutine and allocates nothing; a caller that
// wants all processors divides samples among goroutines, each with a workspace
// of its own. What is computed for a sample does not depend on the number of
// samples of a call nor on what the others hold, to the bit; only the gradient
// of the weights is a sum over them, in their order. Slices that are too short
// panic.
package conv

import "espalier/models/engine/winograd"

// Shape is a layer: images of H x W pixels and C channels, convolved with K
// filters. A shape is valid where package models accepts its convolution.
type Shape struct {
	H, W, C, K       int
	Kernel           [2]int // rows and columns of a filter
	Stride, Dilation [2]int
	Pad              [4]int // zeros above, left of, below and right of the image
	Groups           int    // channels and filters divide into as many groups that do not meet
}

// Out returns the rows and columns of the result.
func (s Shape) Out() (h, w int) {
	h = (s.H+s.Pad[0]+s.Pad[2]-s.Dilation[0]*(s.Kernel[0]-1)-1)/s.Stride[0] + 1
	w = (s.W+s.Pad[1]+s.Pad[3]-s.Dilation[1]*(s.Kernel[1]-1)-1)/s.Stride[1] + 1
	return h, w
}

// Conv is one layer. It is safe for concurrent use.
type Conv struct{ forward, gradX, gradW algorithm }

// algorithm is one way to do it; see the methods of Conv.
type algorithm interface {
	PackedLen() int
	Pack(dst, w []float32, part, parts int)
	PackedGradLen() int
	PackGrad(dst, w []float32, part, parts int)
	Workspace() int
	Forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, ws []float32)
	GradX(dx, g []float32, n int, packed []float32, accumulate bool, ws []float32)
	GradWLen() int
	GradW(acc, x, g []float32, n int, ws []float32)
	FinishGradW(dw []float32, accs [][]float32, part, parts int)
}

// manySamples is from how many samples of a call on reading the weights does not
// matter to the choice.
const manySamples = 32

// New prepares a layer for calls of many samples, as in training.
func New(s Shape) *Conv { return NewFor(s, manySamples) }

// NewFor prepares a layer for calls of about n samples, which any call may
// exceed or fall short of. The transformed filters of minimal filtering are
// several times as large as the filters: where a call has few pixels for each,
// it takes less time to read those than to save multiplications. The choice,
// and with it the rounding of results, follows from the shape and n.
func NewFor(s Shape, n int) *Conv {
	if s.Groups > 1 {
		if s.C == s.Groups && s.K/s.Groups < depthwiseFilters {
			return only(newDepthwise(s))
		}
		return only(newProduct(s))
	}
	work := s.work()
	switch {
	case Filtered(s, n):
		return only(newMinimal(s, min(n, manySamples)))
	case work.cellwise(s):
		return only(newCellwise(s))
	case work.gradCellwise(s):
		p := newProduct(s)
		return &Conv{p, newCellwise(s), p}
	default:
		return only(newProduct(s))
	}
}

// Filtered says whether NewFor computes the layer by minimal filtering.
func Filtered(s Shape, n int) bool {
	return filterable(s) && s.work().filters(s) && (n >= manySamples || winograd.WinsFor(filtered(s), n))
}

func only(a algorithm) *Conv { return &Conv{a, a, a} }

// PackedLen is the length of the weights' form for Forward.
func (c *Conv) PackedLen() int { return c.forward.PackedLen() }

// Pack writes the form of w for Forward. The parts 0 to parts-1 of a call may
// be written at the same time.
func (c *Conv) Pack(dst, w []float32, part, parts int) { c.forward.Pack(dst, w, part, parts) }

// PackedGradLen is the length of the weights' form for GradX.
func (c *Conv) PackedGradLen() int { return c.gradX.PackedGradLen() }

// PackGrad writes the form of w for GradX, in parts like Pack.
func (c *Conv) PackGrad(dst, w []float32, part, parts int) { c.gradX.PackGrad(dst, w, part, parts) }

// Workspace is how many elements of scratch each goroutine needs for any of
// Forward, GradX and GradW. What they hold before a call does not matter.
func (c *Conv) Workspace() int {
	return max(c.forward.Workspace(), c.gradX.Workspace(), c.gradW.Workspace())
}

// Forward computes the output channels lo to hi of n samples; lo is a multiple
// of 16. Other channels of y, whose pixels are K apart, stay as they are.
func (c *Conv) Forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, ws []float32) {
	c.forward.Forward(y, x, n, packed, lo, hi, e, ws)
}

// GradX computes the gradient of x, or with accumulate adds it to dx. g is the
// gradient of the result.
func (c *Conv) GradX(dx, g []float32, n int, packedGrad []float32, accumulate bool, ws []float32) {
	c.gradX.GradX(dx, g, n, packedGrad, accumulate, ws)
}

// GradWLen is the length of an accumulator of GradW.
func (c *Conv) GradWLen() int { return c.gradW.GradWLen() }

// GradW adds the gradient of the weights to acc, which the caller clears first.
func (c *Conv) GradW(acc, x, g []float32, n int, ws []float32) { c.gradW.GradW(acc, x, g, n, ws) }

// FinishGradW writes the sum of the accumulators, in their order, to dw, which
// is laid out as the weights. Parts are like those of Pack.
func (c *Conv) FinishGradW(dw []float32, accs [][]float32, part, parts int) {
	c.gradW.FinishGradW(dw, accs, part, parts)
}

// share is the part of n things that is given.
func share(n, part, parts int) (from, to int) { return n * part / parts, n * (part + 1) / parts }
