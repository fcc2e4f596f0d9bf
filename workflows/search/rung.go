package search

import (
	"slices"
	"sort"
)

// maxRung bounds what is remembered of a rung. Up to so many trials it is all
// of them; beyond, those about the line between going on and staying.
const maxRung = 2048

// Rung is where trials are compared: those that got to a pass.
type Rung struct {
	Pass    int     `json:"pass"`
	Reached int     `json:"reached"`         // trials that got here or ended before
	Ahead   int     `json:"ahead,omitempty"` // the best of them, which went on and are forgotten
	Rest    []Entry `json:"rest,omitempty"`  // the next best, best first
}

// Entry is a trial at a rung.
type Entry struct {
	Trial int     `json:"t"`
	Value float64 `json:"v"`
	On    bool    `json:"on,omitempty"` // it went on
}

// rungs are those below the last pass.
func (a *ASHA) rungs(passes int) []Rung {
	var all []Rung
	for pass := a.First; pass < passes; pass *= a.Eta {
		all = append(all, Rung{Pass: pass})
	}
	return all
}

// enter adds a trial that got to the rung, behind those that are as good.
func (r *Rung) enter(trial int, value float64, maximize bool) {
	at := sort.Search(len(r.Rest), func(i int) bool { return better(value, r.Rest[i].Value, maximize) })
	r.Rest = slices.Insert(r.Rest, at, Entry{Trial: trial, Value: value})
	r.Reached++
}

// promote is the best trial that has not gone on yet of the best 1/eta of the
// rung, and whether there is one. It now has gone on.
func (r *Rung) promote(eta int) (int, bool) {
	line := min(max(r.Reached/eta-r.Ahead, 0), len(r.Rest))
	for i, e := range r.Rest[:line] {
		if !e.On {
			r.Rest[i].On = true
			return e.Trial, true
		}
	}
	return 0, false
}

// forget shortens a rung that is too long, at the end that is farther from the
// line.
func (r *Rung) forget(eta int) {
	for len(r.Rest) > maxRung {
		if r.Rest[0].On && r.Reached/eta-r.Ahead > maxRung/2 {
			r.Rest, r.Ahead = slices.Delete(r.Rest, 0, 1), r.Ahead+1
			continue
		}
		r.Rest = r.Rest[:len(r.Rest)-1]
	}
}

// better says whether a is strictly better than b.
func better(a, b float64, maximize bool) bool {
	if maximize {
		return a > b
	}
	return a < b
}
