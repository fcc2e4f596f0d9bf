package gorgonia

import (
	"fmt"
	"math"

	"espalier/models"
)

// maxValues is how many values a batch may have at one place: 8 GiB, and as far
// as the int32 tables of packages conv and gemm reach.
const maxValues = math.MaxInt32

// check refuses a network that no memory would hold and what the engine cannot
// compute.
func check(net *models.Network, shapes map[string]models.Shape, batch int) error {
	for _, node := range net.Nodes {
		shape := shapes[node.Name]
		var err error
		switch {
		case shape.Size() > maxValues/batch:
			err = fmt.Errorf("%d values for each of %d samples, want at most %d in all", shape.Size(), batch, maxValues)
		case node.Op == models.OpConv2D:
			err = checkPadding(node.Attrs.Defaults(), shapes[node.Inputs[0]])
		}
		if err != nil {
			return fmt.Errorf("network %s: node %s: %w", net.Name, node.Name, err)
		}
	}
	return nil
}

// checkPadding refuses an image that is too large with the zeros around it:
// those of the layer or, in the gradient of its result, those that the filters
// reach.
func checkPadding(a models.Attrs, image models.Shape) error {
	forward, backward := float64(image[0]), float64(a.Out)
	var padded [2]int
	for d := range padded {
		padded[d] = image[1+d] + a.Pad[d] + a.Pad[d+2]
		forward *= float64(padded[d])
		backward *= float64(2 * (padded[d]/a.Stride[d] + 1))
	}
	if max(forward, backward) > maxValues {
		return fmt.Errorf("image of %d x %d pixels with its padding, %d channels and %d filters, want at most %d values", padded[0], padded[1], image[0], a.Out, maxValues)
	}
	return nil
}
