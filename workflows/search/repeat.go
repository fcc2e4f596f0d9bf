package search

import (
	"slices"

	"gonum.org/v1/gonum/stat"
)

// maxGroups bounds the groups that wait for the rest of their repeats.
const maxGroups = 1000

// Group is what the repeats of one choice of values have reached at a pass, as
// long as some are missing.
type Group struct {
	First  int         `json:"first"` // trial
	Pass   int         `json:"pass"`
	Values [][]float64 `json:"values"` // of each repeat; null is missing
}

// gather takes what a trial reached to the front, once its repeats are there.
func (s *State) gather(live *Live) {
	repeats := s.Spec.repeats()
	if repeats == 1 {
		s.improve(Point{Trial: live.Trial, Pass: live.Pass, Values: live.Values})
		return
	}
	first := live.Trial - live.Trial%repeats
	i := slices.IndexFunc(s.Groups, func(g Group) bool { return g.First == first && g.Pass == live.Pass })
	if i < 0 {
		i = len(s.Groups)
		s.Groups = append(s.Groups, Group{First: first, Pass: live.Pass, Values: make([][]float64, repeats)})
	}
	g := s.Groups[i]
	g.Values[live.Trial%repeats] = live.Values
	if slices.ContainsFunc(g.Values, func(v []float64) bool { return v == nil }) {
		return
	}
	s.Groups = slices.Delete(s.Groups, i, i+1)
	p := Point{Trial: first, Pass: live.Pass}
	p.Values, p.Deviations = Aggregate(g.Values)
	s.improve(p)
}

// Aggregate is the mean of each objective over repeats and its standard
// deviation, with one less than their number as the divisor; of a single repeat
// it is 0.
func Aggregate(repeats [][]float64) (means, deviations []float64) {
	if len(repeats) == 0 {
		return nil, nil
	}
	column := make([]float64, len(repeats))
	for o := range repeats[0] {
		for i, values := range repeats {
			column[i] = values[o]
		}
		mean, deviation := column[0], 0.0
		if len(column) > 1 {
			mean, deviation = stat.MeanStdDev(column, nil)
		}
		means, deviations = append(means, mean), append(deviations, deviation)
	}
	return means, deviations
}

// improve adds a point to the front, if it belongs there.
func (s *State) improve(p Point) {
	front, belongs := extend(s.Front, p, s.Spec.Objectives)
	if s.Front = front; belongs {
		s.InVain = 0
	}
	if len(s.Front) > maxFront {
		s.Front = thin(s.Front, len(s.Spec.Objectives))
	}
}

// drop forgets the groups that nobody adds to any more: all their trials were
// made, and none is under way or to be tried again.
func (s *State) drop() {
	repeats := s.Spec.repeats()
	s.Groups = slices.DeleteFunc(s.Groups, func(g Group) bool {
		mine := func(trial int) bool { return trial-trial%repeats == g.First }
		return s.Made >= g.First+repeats &&
			!slices.ContainsFunc(s.Live, func(l Live) bool { return mine(l.Trial) }) &&
			!slices.ContainsFunc(slices.Concat(s.Again, s.Failed), func(t Try) bool { return mine(t.Trial) })
	})
	s.Groups = s.Groups[max(len(s.Groups)-maxGroups, 0):]
}
