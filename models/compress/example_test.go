package compress_test

import (
	"fmt"
	"log"

	"espalier/models"
	"espalier/models/compress"
)

// A layer whose weights are shared among the three centroids of two bits, and
// what is left of it.
func Example() {
	weights := []float32{2.09, 0, 0.9, 0, 0, 0, -1.08, 0, 0, 0, 0, 0, 0, 0, 0, 1.87}
	net := &models.Network{
		Name: "small", Input: models.Shape{4},
		Nodes:  []models.Node{{Name: "input", Op: models.OpInput}, {Name: "fc", Op: models.OpLinear, Inputs: []string{"input"}, Attrs: models.Attrs{Out: 4, NoBias: true}}},
		Params: []*models.Param{{Name: "fc.weight", Node: "fc", Role: models.RoleWeight, Shape: models.Shape{4, 4}, Data: weights}},
	}
	quantized, layers, err := compress.Quantize(net, compress.Options{Bits: map[string]int{"fc": 2}, Init: compress.InitLinear})
	if err != nil {
		log.Fatal(err)
	}
	coded, err := layers[0].Encode(compress.ByRows, 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("codebook %.2f\n", layers[0].Codebook)
	fmt.Printf("first row %.2f\n", quantized.Params[0].Data[:4])
	fmt.Println("codes", coded.Codes)
	fmt.Println("gaps", coded.Gaps)
	fmt.Println("bits", coded.Size(), "of", 32*len(weights))
	// Output:
	// codebook [0.00 -1.08 0.90 1.98]
	// first row [1.98 0.00 0.90 0.00]
	// codes [3 2 1 0 3]
	// gaps [0 1 3 7 0]
	// bits 25 of 512
}
