package conv_test

import (
	"fmt"

	"espalier/models/engine/conv"
)

// One filter that sums the 3x3 pixels around each pixel of a 3x3 image.
func Example() {
	layer := conv.New(conv.Shape{
		H: 3, W: 3, C: 1, K: 1, Groups: 1,
		Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1},
	})
	weights := []float32{1, 1, 1, 1, 1, 1, 1, 1, 1}
	packed := make([]float32, layer.PackedLen())
	layer.Pack(packed, weights, 0, 1)

	x, y := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, make([]float32, 9)
	layer.Forward(y, x, 1, packed, 0, 1, conv.Epilogue{}, make([]float32, layer.Workspace()))
	fmt.Println(y)

	// Without padding only the pixel in the middle has all its neighbours, and
	// its gradient reaches all of them.
	inner := conv.New(conv.Shape{
		H: 3, W: 3, C: 1, K: 1, Groups: 1,
		Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1},
	})
	packedGrad, ws := make([]float32, inner.PackedGradLen()), make([]float32, inner.Workspace())
	inner.PackGrad(packedGrad, weights, 0, 1)
	dx, g := make([]float32, 9), []float32{2}
	inner.GradX(dx, g, 1, packedGrad, false, ws)

	sums, dw := make([]float32, inner.GradWLen()), make([]float32, 9)
	inner.GradW(sums, x, g, 1, ws)
	inner.FinishGradW(dw, [][]float32{sums}, 0, 1)
	fmt.Println(dx, dw)
	// Output:
	// [12 21 16 27 45 33 24 39 28]
	// [2 2 2 2 2 2 2 2 2] [2 4 6 8 10 12 14 16 18]
}
