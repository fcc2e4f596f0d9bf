package esp_test

import (
	"fmt"
	"log"
	"slices"

	"espalier/models"
	"espalier/models/compress/esp"
	"espalier/models/zoo"
)

// A layer with two weights left takes some bytes; what comes back has the same
// bits.
func Example() {
	net, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: []int{8}, Input: models.Shape{1, 4, 4}, Classes: 2})
	if err != nil {
		log.Fatal(err)
	}
	zoo.Init(net, 1)
	weights := net.Param("fc1.weight").Data
	clear(weights)
	weights[0], weights[127] = 3, -2

	packed, err := esp.Encode(net, esp.Options{})
	if err != nil {
		log.Fatal(err)
	}
	file, err := esp.Open(packed)
	if err != nil {
		log.Fatal(err)
	}
	sizes, err := file.Sizes()
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range sizes.Tensors {
		fmt.Printf("%-10s %3d of %3d stored, %d bytes\n", t.Name, t.Stored, t.Elements, t.Total())
	}
	back, err := esp.Decode(packed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(slices.Equal(back.Param("fc1.weight").Data, weights), sizes.Total() == len(packed))
	// Output:
	// fc1.weight 128 of 128 stored, 13 bytes
	// fc1.bias     0 of   8 stored, 4 bytes
	// fc2.weight  16 of  16 stored, 66 bytes
	// fc2.bias     0 of   2 stored, 4 bytes
	// true true
}
