package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// maxRepeats bounds the repeats of one choice of values.
const maxRepeats = 1000

// count checks a spec and is how many choices of values it has, without
// repeats and whatever its limits.
func (s *Spec) count(space *space) (int, error) {
	switch s.Kind {
	case Grid:
		return countGrid(space)
	case List:
		if len(s.List) == 0 || len(s.Params) > 0 {
			return 0, errors.New("search list wants a list of trials and no parameters")
		}
		return len(s.List), nil
	case Random, Sobol:
		if s.Trials < 1 || s.Trials > math.MaxUint32 {
			return 0, fmt.Errorf("search %s of %d trials; want a number from 1 to %d", s.Kind, s.Trials, uint32(math.MaxUint32))
		}
		if s.Kind == Sobol && len(s.Params) > MaxSobol {
			return 0, fmt.Errorf("search sobol of %d parameters; want %d at most", len(s.Params), MaxSobol)
		}
		return s.Trials, nil
	default:
		return 0, fmt.Errorf("search %q is not known; want %s, %s, %s or %s", s.Kind, Grid, Random, Sobol, List)
	}
}

// check says what is wrong beside the parameters.
func (s *Spec) check() error {
	a, m := s.ASHA, s.Median
	switch {
	case len(s.Objectives) == 0:
		return errors.New("there is no objective")
	case s.Concurrency < 1:
		return fmt.Errorf("concurrency %d is not above 0", s.Concurrency)
	case len(s.Repeat.Values) > maxRepeats:
		return fmt.Errorf("%d repeats; want %d at most", len(s.Repeat.Values), maxRepeats)
	case a != nil && (a.Eta < 2 || a.First < 1):
		return fmt.Errorf("asha with eta %d from pass %d; want an eta of 2 at least and a pass of 1 at least", a.Eta, a.First)
	case a != nil && len(a.rungs(s.Passes)) == 0:
		return fmt.Errorf("asha from pass %d of %d; want a pass before the last", a.First, s.Passes)
	case a != nil && m != nil:
		return errors.New("asha and median are given together, and both stop trials; want one of the two")
	case a != nil && len(s.Repeat.Values) > 1:
		return errors.New("asha compares trials, not means over repeats; want one of the two")
	case m != nil && (m.Trials < 0 || m.From < 0):
		return fmt.Errorf("median of %d trials from pass %d; want neither below 0", m.Trials, m.From)
	}
	for i, v := range s.Repeat.Values {
		if slices.Contains(s.Repeat.Values[:i], v) {
			return fmt.Errorf("%s %s is repeated twice; want it once", s.Repeat.Path, v)
		}
	}
	for _, p := range s.Params {
		if p.Path == s.Repeat.Path {
			return fmt.Errorf("parameter %s is what repeats differ in; want one of the two", p.Path)
		}
	}
	return nil
}
