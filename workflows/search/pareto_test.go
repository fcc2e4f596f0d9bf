package search_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/workflows/search"
)

// A point is on the front if no other point is at least as good everywhere and
// better somewhere, and none before it has the same values.
func TestTheFrontIsWhatNobodyDominates(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		objectives := make([]search.Objective, 1+r.IntN(3))
		for i := range objectives {
			objectives[i].Maximize = r.IntN(2) == 0
		}
		points := make([]search.Point, r.IntN(40))
		for i := range points {
			points[i].Trial = i
			for range objectives {
				points[i].Values = append(points[i].Values, float64(r.IntN(6)))
			}
		}
		var want []search.Point
		for i, p := range points {
			beaten := slices.ContainsFunc(points, func(q search.Point) bool { return beats(q.Values, p.Values, objectives) })
			twin := slices.ContainsFunc(points[:i], func(q search.Point) bool { return slices.Equal(q.Values, p.Values) })
			if !beaten && !twin {
				want = append(want, p)
			}
		}
		if diff := cmp.Diff(want, search.Front(points, objectives)); diff != "" {
			t.Fatalf("seed %d: front (-want +got):\n%s", seed, diff)
		}
	}
}

func beats(q, p []float64, objectives []search.Objective) bool {
	some := false
	for i, o := range objectives {
		gain := q[i] - p[i]
		if !o.Maximize {
			gain = -gain
		}
		if gain < 0 {
			return false
		}
		some = some || gain > 0
	}
	return some
}

// A state keeps 256 points of a longer front, its ends among them.
func TestALongFrontIsThinned(t *testing.T) {
	t.Parallel()
	spec := base(search.Random)
	spec.Params, spec.Trials = space(), 400
	spec.Objectives = append(spec.Objectives, search.Objective{Name: "bytes"})
	spec.Passes = 0
	p := play(t, spec, 1, false)
	p.value = func(trial, _ int) []float64 { return []float64{float64(trial), float64(trial)} }
	p.run()
	var trials []int
	for _, q := range p.s.Front {
		trials = append(trials, q.Trial)
	}
	if len(trials) != 256 || !slices.Contains(trials, 0) || !slices.Contains(trials, 399) {
		t.Errorf("the front has %d points, %v; want 256 with 0 and 399", len(trials), trials)
	}
}
