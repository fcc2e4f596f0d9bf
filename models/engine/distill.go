package engine

import (
	"fmt"
	"math"
)

// Distillation lets a network learn from the logits of another, its teacher,
// besides the labels (Hinton et al. 2015, section 2). The loss of a sample is
//
//	(1-Weight) * cross-entropy(labels) + Weight * Temperature^2 * KL(p, q)
//
// where p are the teacher's and q the network's own probabilities, the softmax
// of logits / Temperature, and KL is the sum of p*log(p/q): less than the
// cross-entropy with p by the entropy of p, so that it is 0 where the two agree.
// Its gradients are the same. Label smoothing is of the labels' part alone. The
// zero value is none.
type Distillation struct {
	Weight      float64 // the teacher's share, in [0, 1]; 0 is no distillation
	Temperature float64 // above 0; the higher, the more the small logits count
}

// On says whether there is a teacher.
func (d Distillation) On() bool { return d.Weight != 0 }

// Validate names the first value that is not allowed.
func (d Distillation) Validate() error {
	if !(d.Weight >= 0 && d.Weight <= 1) {
		return fmt.Errorf("distillation: weight %g is not in [0, 1]", d.Weight)
	}
	if d.On() && !(d.Temperature > 0 && d.Temperature <= math.MaxFloat32) {
		return fmt.Errorf("distillation: temperature %g is not a positive number", d.Temperature)
	}
	return nil
}
