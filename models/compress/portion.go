package compress

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

// QuantizePortion is a step of incremental quantization (Zhou et al. 2017,
// "Incremental network quantization", section 2.2). Of each tensor that
// [Quantize] shares among centroids it changes a share of the weights that are
// not zero, portion, and leaves the others free, so that training them makes up
// for what was changed. Those nearest to their centroids are changed first, of
// equals the first; the paper takes the largest first. Centroids are those of
// all weights of the tensor and keep all their bits: o.Keep is for the last step,
// which is Quantize.
//
// It fails as Quantize does, and on a portion outside of (0, 1].
func QuantizePortion(net *models.Network, o Options, portion float64) (*models.Network, error) {
	if !(portion > 0 && portion <= 1) {
		return nil, fmt.Errorf("portion %g is not in (0, 1]", portion)
	}
	o.Keep = 0
	quantized, _, err := Quantize(net, o)
	if err != nil {
		return nil, err
	}
	for i, p := range quantized.Params {
		if _, ok := o.bits(p); ok {
			free(p.Data, net.Params[i].Data, portion)
		}
	}
	return quantized, nil
}

// free gives all but a portion of the weights their own values back.
func free(quantized, own []float32, portion float64) {
	var stored []int
	for i, v := range own {
		if isStored(v) {
			stored = append(stored, i)
		}
	}
	moved := func(i int) float64 { return math.Abs(float64(quantized[i]) - float64(own[i])) }
	slices.SortStableFunc(stored, func(a, b int) int { return cmp.Compare(moved(a), moved(b)) })
	for _, i := range stored[int(math.Round(portion*float64(len(stored)))):] {
		quantized[i] = own[i]
	}
}
