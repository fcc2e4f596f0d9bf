package prune

import (
	"fmt"
	"math"

	"espalier/models"
)

// A criterion scores every element of a parameter: the smaller, the sooner the
// element goes. Scores are finite; those of masked elements mean nothing.
type criterion func(p *models.Param) []float32

// magnitude is |w|.
func magnitude(p *models.Param) []float32 {
	scores := make([]float32, len(p.Data))
	for i, w := range p.Data {
		scores[i] = float32(math.Abs(float64(w)))
	}
	return scores
}

// checkFinite refuses parameters that no criterion could rank.
func checkFinite(net *models.Network) error {
	for _, p := range net.Params {
		for i, v := range p.Data {
			if !finite(v) {
				return fmt.Errorf("%s: element %d is %g; training has diverged, a smaller learning rate may help", p.Name, i, v)
			}
		}
	}
	return nil
}

func finite(v float32) bool { return math.Abs(float64(v)) <= math.MaxFloat32 }
