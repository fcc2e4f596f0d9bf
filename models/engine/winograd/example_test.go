package winograd_test

import (
	"fmt"

	"espalier/models/engine/winograd"
)

// A filter of ones over an image of ones counts the pixels that it meets.
func ExampleConv_Forward() {
	c := winograd.New(winograd.Shape{H: 4, W: 4, C: 1, K: 1, Pad: [4]int{1, 1, 1, 1}})
	w, x, y := make([]float32, 9), make([]float32, 16), make([]float32, 16)
	for i := range w {
		w[i] = 1
	}
	for i := range x {
		x[i] = 1
	}
	packed, ws := make([]float32, c.PackedLen()), make([]float32, c.Workspace())
	c.Pack(packed, w, 0, 1)
	c.Forward(y, x, 1, packed, 0, 1, winograd.Epilogue{}, ws)
	for i := 0; i < 16; i += 4 {
		fmt.Printf("%.3f\n", y[i:i+4])
	}
	// Output:
	// [4.000 6.000 6.000 4.000]
	// [6.000 9.000 9.000 6.000]
	// [6.000 9.000 9.000 6.000]
	// [4.000 6.000 6.000 4.000]
}
