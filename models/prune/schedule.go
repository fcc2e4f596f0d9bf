package prune

import (
	"fmt"
	"math"
	"strings"
)

// Shapes lists the courses that sparsity can take over the passes, sorted:
//
//   - cubic: fast at first, when there is much to spare, then ever slower:
//     s(t) = target + (start - target) (1 - t)^3 (Zhu and Gupta 2017, eq. 1);
//   - geometric: each pass keeps the same share of what the one before left, as
//     the lottery-ticket papers prune;
//   - linear: each pass removes the same number of weights.
func Shapes() []string { return []string{"cubic", "geometric", "linear"} }

// At is the sparsity after a pass, 1 to passes, of a course that begins at
// start, in [0, 1), and ends at target, in (0, 1) and not below start. The last
// pass gives target exactly; the others are rounded to nine decimals, so that
// every machine gets the same bits.
func At(shape string, pass, passes int, start, target float64) (float64, error) {
	if pass < 1 || pass > passes {
		return 0, fmt.Errorf("pass %d of %d: passes count from 1 to the last", pass, passes)
	}
	if !between0and1(target) {
		return 0, fmt.Errorf("target sparsity %g is not between 0 and 1", target)
	}
	if !(start >= 0 && start <= target) { // written so that NaN fails too
		return 0, fmt.Errorf("start sparsity %g is not between 0 and the target %g", start, target)
	}
	t := float64(pass) / float64(passes)
	var sparsity float64
	switch shape {
	case "linear":
		sparsity = start + (target-start)*t
	case "cubic":
		sparsity = target + (start-target)*math.Pow(1-t, 3)
	case "geometric":
		sparsity = 1 - (1-start)*math.Pow((1-target)/(1-start), t)
	default:
		return 0, fmt.Errorf("shape %q is not known; allowed are %s", shape, strings.Join(Shapes(), ", "))
	}
	if pass == passes {
		return target, nil
	}
	return min(max(math.Round(sparsity*1e9)/1e9, start), target), nil
}
