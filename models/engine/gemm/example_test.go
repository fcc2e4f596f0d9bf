package gemm_test

import (
	"fmt"

	"espalier/models/engine/gemm"
)

// A filter of three taps slides over a signal: the rows of the left matrix are
// windows of one slice.
func ExampleMul() {
	signal := []float32{1, 2, 3, 4, 5}
	filters := []float32{ // a column for each filter
		1, 1,
		0, 1,
		-1, 1,
	}
	packed := make([]float32, gemm.PackedLen(3, 2))
	gemm.Pack(packed, filters, 3, 2, 2)

	windows := gemm.Left{Data: signal, Rows: []int32{0, 1, 2}, Taps: []int32{0}, Span: 3}
	result := make([]float32, 3*2)
	gemm.Mul(result, []int32{0, 2, 4}, windows, packed, 2, 0, 2, gemm.Epilogue{ReLU: true})
	fmt.Println(result)
	// Output: [0 6 0 9 0 12]
}
