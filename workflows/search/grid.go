package search

import "fmt"

// countGrid is how many trials the grid of a space has.
func countGrid(s *space) (int, error) {
	for _, p := range s.params {
		if p.size() == 0 {
			return 0, fmt.Errorf("parameter %s: a grid wants values or a range with a step", p.Path)
		}
	}
	count, combinations := 0, 0
	s.combine(0, make([]string, len(s.params)), func(chosen []string) bool {
		count += s.product(chosen)
		combinations++
		return count <= maxGrid && combinations <= maxCombinations
	})
	switch {
	case combinations > maxCombinations:
		return 0, fmt.Errorf("the conditions depend on more than %d combinations of values", maxCombinations)
	case count > maxGrid:
		return 0, fmt.Errorf("the grid has more than %d trials", maxGrid)
	}
	return count, nil
}

// gridAt is trial i of the grid. The parameters that conditions name vary
// slowest, then the first of the others; the last varies fastest.
func gridAt(s *space, i int) []Setting {
	var found []Setting
	s.combine(0, make([]string, len(s.params)), func(chosen []string) bool {
		size := s.product(chosen)
		if i >= size {
			i -= size
			return true
		}
		for k := len(s.order) - 1; k >= s.deciding; k-- {
			if p := s.order[k]; s.active(p, chosen) {
				n := s.params[p].size()
				chosen[p] = s.params[p].value(i % n)
				i /= n
			}
		}
		found = s.settings(chosen)
		return false
	})
	return found
}

// combine visits every combination of values of the parameters that conditions
// name, from place k of the order on, until visit answers no.
func (s *space) combine(k int, chosen []string, visit func(chosen []string) bool) bool {
	if k == s.deciding {
		return visit(chosen)
	}
	p := s.order[k]
	if !s.active(p, chosen) {
		chosen[p] = ""
		return s.combine(k+1, chosen, visit)
	}
	for i := range s.params[p].size() {
		chosen[p] = s.params[p].value(i)
		if !s.combine(k+1, chosen, visit) {
			return false
		}
	}
	chosen[p] = ""
	return true
}

// product is how many trials there are with the values of the deciding
// parameters, more than maxGrid if there are too many to count.
func (s *space) product(chosen []string) int {
	n := 1
	for _, p := range s.order[s.deciding:] {
		if s.active(p, chosen) {
			if n *= s.params[p].size(); n > maxGrid {
				return maxGrid + 1
			}
		}
	}
	return n
}
