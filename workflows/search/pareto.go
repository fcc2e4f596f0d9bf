package search

import (
	"cmp"
	"math"
	"slices"
)

// maxFront bounds the front that a state remembers; [Front] has no bound.
const maxFront = 256

// Point is what a choice of values reached at a pass.
type Point struct {
	Trial  int       `json:"trial"` // the first of its repeats
	Pass   int       `json:"pass"`
	Values []float64 `json:"values"` // of the objectives; the mean of the repeats
	// Deviations are the standard deviations of the repeats, with one less than
	// their number as the divisor.
	Deviations []float64 `json:"deviations,omitempty"`
}

// Front are the points that no other one dominates, in their order. Of points
// with the same values the first is taken.
func Front(points []Point, objectives []Objective) []Point {
	var front []Point
	for _, p := range points {
		front, _ = extend(front, p, objectives)
	}
	return front
}

// extend adds a point to a front and says whether it belongs there.
func extend(front []Point, p Point, objectives []Objective) ([]Point, bool) {
	if slices.ContainsFunc(front, func(q Point) bool {
		return slices.Equal(q.Values, p.Values) || dominates(q, p, objectives)
	}) {
		return front, false
	}
	front = slices.DeleteFunc(front, func(q Point) bool { return dominates(p, q, objectives) })
	return append(front, p), true
}

// dominates says whether p is nowhere worse than q and somewhere better.
func dominates(p, q Point, objectives []Objective) bool {
	some := false
	for i, o := range objectives {
		if better(q.Values[i], p.Values[i], o.Maximize) {
			return false
		}
		some = some || better(p.Values[i], q.Values[i], o.Maximize)
	}
	return some
}

// thin takes the point out of a front whose neighbours are nearest, by the
// crowding distance of Deb et al. 2002, "A fast and elitist multiobjective
// genetic algorithm: NSGA-II". The ends of each objective stay.
func thin(front []Point, objectives int) []Point {
	distance := make([]float64, len(front))
	order := make([]int, len(front))
	for o := range objectives {
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(front[a].Values[o], front[b].Values[o]) })
		first, last := order[0], order[len(order)-1]
		distance[first], distance[last] = math.Inf(1), math.Inf(1)
		span := front[last].Values[o] - front[first].Values[o]
		for k := 1; k < len(order)-1 && span > 0; k++ {
			distance[order[k]] += (front[order[k+1]].Values[o] - front[order[k-1]].Values[o]) / span
		}
	}
	crowded := 0
	for i, d := range distance {
		if d < distance[crowded] {
			crowded = i
		}
	}
	return slices.Delete(front, crowded, crowded+1)
}
