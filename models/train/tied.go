package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"espalier/models"
	"espalier/models/engine"
)

// Tie makes the weights of a parameter share values throughout a training
// (Han, Mao and Dally 2016, "Deep compression", section 3.3). The optimizer
// then moves the shared values, the centroids, and not the weights: a centroid
// has one momentum or one pair of moments, and its gradient is the sum of those
// of its weights. Weights without a centroid are 0 and stay so.
type Tie struct {
	Param string // its name: "fc1.weight"
	// Codes has the number of each weight's centroid, row-major, counted from 1
	// without gaps; 0 stands for no centroid.
	Codes []int32
}

// Ties ties the equal weights of every layer of net but the excluded ones, and
// with biases the other trained parameters too. The centroids of a parameter
// are its values other than 0, ascending.
func Ties(net *models.Network, exclude []string, biases bool) []Tie {
	return TiesAmongFree(net, exclude, biases, func(*models.Param) int { return math.MaxInt })
}

// TiesAmongFree is Ties of a network of which only some weights share values:
// at most so many of a parameter as most says, those that most of its weights
// have. Any other weight is a centroid of its own, also one that happens to
// equal another.
func TiesAmongFree(net *models.Network, exclude []string, biases bool, most func(p *models.Param) int) []Tie {
	var ties []Tie
	for _, p := range net.Params {
		if p.Role != models.RoleWeight && !(biases && p.Role.Trained()) || slices.Contains(exclude, p.Node) {
			continue
		}
		tie := Tie{Param: p.Name, Codes: make([]int32, len(p.Data))}
		centroids := shared(p.Data, most(p))
		own := int32(len(centroids))
		for i, v := range p.Data {
			if k, found := slices.BinarySearch(centroids, v); found {
				tie.Codes[i] = int32(k + 1)
			} else if v != 0 {
				own++
				tie.Codes[i] = own
			}
		}
		ties = append(ties, tie)
	}
	return ties
}

// shared are the different values other than 0, ascending, or those of them that
// are there most often: of equals, the lower ones.
func shared(values []float32, most int) []float32 {
	sorted := slices.DeleteFunc(slices.Clone(values), func(v float32) bool { return v == 0 })
	slices.Sort(sorted)
	distinct := slices.Compact(slices.Clone(sorted))
	if len(distinct) <= most {
		return distinct
	}
	times := make(map[float32]int, len(distinct))
	for _, v := range sorted {
		times[v]++
	}
	slices.SortStableFunc(distinct, func(a, b float32) int { return cmp.Compare(times[b], times[a]) })
	often := distinct[:most]
	slices.Sort(often)
	return often
}

// tie is a Tie at work: the session's parameter, and which of its weights
// belong to which centroid.
type tie struct {
	whole   engine.Param
	at      []int   // the weights that have a centroid
	of      []int32 // the centroid of each, from 0
	sums    []float64
	members []int // of each centroid
	mean    bool
}

// tieUp puts centroids in the place of the parameters that ties name.
func tieUp(params []trained, ties []Tie, mean bool) error {
	for _, t := range ties {
		i := slices.IndexFunc(params, func(p trained) bool { return p.Name == t.Param })
		if i < 0 {
			return fmt.Errorf("ties: the network has no trained parameter %q", t.Param)
		}
		p := &params[i]
		switch {
		case p.tie != nil:
			return fmt.Errorf("ties: parameter %q is named twice", t.Param)
		case p.lambda > 0:
			return fmt.Errorf("ties: parameter %s has proximal steps, which leave no shared values", t.Param)
		}
		if err := p.tieUp(t, mean); err != nil {
			return fmt.Errorf("ties: parameter %s: %w", t.Param, err)
		}
	}
	return nil
}

func (p *trained) tieUp(from Tie, mean bool) error {
	if len(from.Codes) != len(p.Value) {
		return fmt.Errorf("%d codes for %d weights", len(from.Codes), len(p.Value))
	}
	t := &tie{whole: p.Param, mean: mean}
	k := int32(0)
	if len(from.Codes) > 0 {
		k = slices.Max(from.Codes)
	}
	if int(k) > len(from.Codes) {
		return fmt.Errorf("code %d is more than there are weights: %d", k, len(from.Codes))
	}
	centroids := make([]float32, k)
	t.members, t.sums = make([]int, k), make([]float64, k)
	for i, code := range from.Codes {
		w := p.Value[i]
		switch {
		case code < 0:
			return fmt.Errorf("code %d of weight %d is negative", code, i)
		case code == 0 && w != 0:
			return fmt.Errorf("weight %d is %g and has no centroid, want 0", i, w)
		case code == 0:
			continue
		case t.members[code-1] == 0:
			centroids[code-1] = w
		case math.Float32bits(centroids[code-1]) != math.Float32bits(w):
			return fmt.Errorf("weight %d is %g, the weights of code %d before it are %g", i, w, code, centroids[code-1])
		}
		t.members[code-1]++
		t.at, t.of = append(t.at, i), append(t.of, code-1)
	}
	if gap := slices.Index(t.members, 0); gap >= 0 {
		return fmt.Errorf("no weight has code %d, but one has %d", gap+1, k)
	}
	p.tie = t
	p.Value, p.Grad, p.Mask = centroids, make([]float32, k), nil
	return nil
}

// session is the parameter as the session has it: of a tied one, the weights.
func (p *trained) session() engine.Param {
	if p.tie != nil {
		return p.tie.whole
	}
	return p.Param
}

// gather makes the gradients of the centroids from those of the weights, which
// it adds in the order of the weights (equation 3 of the paper), or their mean.
func (p *trained) gather() {
	if p.tie == nil {
		return
	}
	t := p.tie
	clear(t.sums)
	for i, at := range t.at {
		t.sums[t.of[i]] += float64(t.whole.Grad[at])
	}
	for k, sum := range t.sums {
		if t.mean {
			sum /= float64(t.members[k])
		}
		p.Grad[k] = float32(sum)
	}
}

// scatter gives the weights the values of their centroids.
func (p *trained) scatter() {
	if p.tie == nil {
		return
	}
	for i, at := range p.tie.at {
		p.tie.whole.Value[at] = p.Value[p.tie.of[i]]
	}
}

// agree gives the averages of all weights of a centroid that of the first.
// They are equal but for the rounding of the kernel's last elements.
func (p *trained) agree(average []float32) {
	if p.tie == nil {
		return
	}
	first := make([]int, len(p.tie.members))
	for i, at := range slices.Backward(p.tie.at) {
		first[p.tie.of[i]] = at
	}
	for i, at := range p.tie.at {
		average[at] = average[first[p.tie.of[i]]]
	}
}
