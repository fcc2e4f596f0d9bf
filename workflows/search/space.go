package search

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

const (
	// maxGrid is the largest grid, far beyond what can be run.
	maxGrid = 1 << 40
	// maxCombinations bounds the combinations of values that conditions look
	// at, which are walked through to find a trial of a grid.
	maxCombinations = 10_000
)

// space is the parameters, so ordered that each comes after those that its
// conditions name.
type space struct {
	params   []Param
	order    []int // of params; those that conditions name come first
	deciding int   // how many those are
	when     [][]test
}

// test is a condition on a parameter by its index.
type test struct {
	param  int
	values []string
}

// newSpace orders the parameters and refuses those that cannot be.
func newSpace(params []Param) (*space, error) {
	s := &space{params: params, when: make([][]test, len(params))}
	named := make([]bool, len(params))
	for i, p := range params {
		if s.find(p.Path) != i {
			return nil, fmt.Errorf("parameter %s is there twice; want it once", p.Path)
		}
		if err := p.check(); err != nil {
			return nil, err
		}
		for _, c := range p.When {
			j := s.find(c.Path)
			if j < 0 {
				return nil, fmt.Errorf("parameter %s: its condition names %s, which is no parameter", p.Path, c.Path)
			}
			named[j] = true
			s.when[i] = append(s.when[i], test{j, c.Values})
		}
	}
	for _, deciding := range []bool{true, false} {
		if err := s.place(named, deciding); err != nil {
			return nil, err
		}
		if deciding {
			s.deciding = len(s.order)
		}
	}
	return s, nil
}

func (s *space) find(path string) int {
	return slices.IndexFunc(s.params, func(p Param) bool { return p.Path == path })
}

// place appends to the order the parameters that are named, or those that are
// not, each as soon as those that it depends on are there.
func (s *space) place(named []bool, which bool) error {
	for {
		left, placed := -1, false
		for i := range s.params {
			if named[i] != which || slices.Contains(s.order, i) {
				continue
			}
			if slices.ContainsFunc(s.when[i], func(t test) bool { return !slices.Contains(s.order, t.param) }) {
				left = i
				continue
			}
			s.order, placed = append(s.order, i), true
		}
		if left < 0 {
			return nil
		}
		if !placed {
			return fmt.Errorf("parameter %s: its conditions lead back to it", s.params[left].Path)
		}
	}
}

// check says what is wrong with a parameter by itself.
func (p Param) check() error {
	switch r := p.Range; {
	case r == nil && len(p.Values) == 0:
		return fmt.Errorf("parameter %s has no values", p.Path)
	case r == nil:
		for i, v := range p.Values {
			if slices.Contains(p.Values[:i], v) {
				return fmt.Errorf("parameter %s has the value %s twice; want it once", p.Path, v)
			}
		}
		return nil
	case len(p.Values) > 0:
		return fmt.Errorf("parameter %s has both values and a range; want one of the two", p.Path)
	case !(r.Low < r.High) || math.IsInf(r.Low, 0) || math.IsInf(r.High, 0):
		return fmt.Errorf("parameter %s: its range goes from %g to %g; want a lower end below the upper", p.Path, r.Low, r.High)
	case r.Log && r.Low <= 0:
		return fmt.Errorf("parameter %s: its logarithmic range begins at %g; want it above 0", p.Path, r.Low)
	case !(r.Step >= 0 && r.Step <= r.High-r.Low):
		return fmt.Errorf("parameter %s: a step of %g from %g to %g; want one above 0 that fits", p.Path, r.Step, r.Low, r.High)
	}
	return nil
}

// size is how many values there are; 0 for a range without steps.
func (p Param) size() int {
	switch {
	case p.Range == nil:
		return len(p.Values)
	case p.Range.Step == 0:
		return 0
	default:
		// The last step may miss the upper end by a rounding.
		return int(min(math.Floor((p.Range.High-p.Range.Low)/p.Range.Step+1e-9)+1, maxGrid+1))
	}
}

// value is that with index i of those that there are.
func (p Param) value(i int) string {
	if p.Range == nil {
		return p.Values[i]
	}
	return p.Range.level(i)
}

// level is the number i steps above the lower end, without the rounding errors
// of sums in binary.
func (r *Range) level(i int) string {
	x, err := strconv.ParseFloat(strconv.FormatFloat(r.Low+float64(i)*r.Step, 'g', 12, 64), 64)
	if err != nil {
		return number(r.Low) // no number formats as what does not parse
	}
	return number(x)
}

// number is the shortest text that reads as x, with an exponent only where it
// saves many digits.
func number(x float64) string {
	if a := math.Abs(x); x == 0 || a >= 1e-5 && a < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// active says whether the conditions of parameter i hold; chosen has the index
// of each parameter's value, or -1.
func (s *space) active(i int, chosen []string) bool {
	for _, t := range s.when[i] {
		if !slices.Contains(t.values, chosen[t.param]) {
			return false
		}
	}
	return true
}

// settings are the values that were chosen; nothing stands for a parameter
// whose conditions do not hold.
func (s *space) settings(chosen []string) []Setting {
	var all []Setting
	for i, v := range chosen {
		if v != "" {
			all = append(all, Setting{s.params[i].Path, v})
		}
	}
	return all
}
