package report

import (
	"math"
	"strings"
)

// group is a choice of values with all its seeds.
type group struct {
	settings []Setting
	trials   []*Trial // with a network that was kept
	failed   int      // without one
}

// groups puts trials together that differ in nothing but the seed, in the order
// of the first of each.
func groups(trials []Trial) []*group {
	var all []*group
	at := map[string]*group{}
	for i := range trials {
		t := &trials[i]
		key := ""
		for _, s := range t.Settings {
			key += s.Path + "\x00" + s.Value + "\x00"
		}
		g := at[key]
		if g == nil {
			g = &group{settings: t.Settings}
			at[key], all = g, append(all, g)
		}
		if t.Last() == nil {
			g.failed++
		} else {
			g.trials = append(g.trials, t)
		}
	}
	return all
}

// spread is the mean and the sample deviation, with one less than their number
// as the divisor, of those values that are known.
type spread struct {
	mean, deviation float64
	n               int
}

// over is the spread of a value over the last networks of all seeds.
func (g *group) over(value func(*Trial) (float64, bool)) spread {
	var all []float64
	for _, t := range g.trials {
		if v, known := value(t); known {
			all = append(all, v)
		}
	}
	s := spread{n: len(all)}
	for _, v := range all {
		s.mean += v / float64(len(all))
	}
	for _, v := range all {
		s.deviation += (v - s.mean) * (v - s.mean)
	}
	if s.n > 1 {
		s.deviation = math.Sqrt(s.deviation / float64(s.n-1))
	}
	return s
}

// write writes the mean with its deviation, if there is more than one value.
func (s spread) write(one func(float64) string) string {
	switch s.n {
	case 0:
		return unknown
	case 1:
		return one(s.mean)
	}
	return one(s.mean) + " ± " + one(s.deviation)
}

// last makes a value of a pass one of a trial, by its last network.
func last(value func(*Pass) float64) func(*Trial) (float64, bool) {
	return func(t *Trial) (float64, bool) {
		v := value(t.Last())
		return v, v > 0
	}
}

// dense makes a value of a pass one of a trial, by its dense network.
func dense(value func(*Pass) float64) func(*Trial) (float64, bool) {
	return func(t *Trial) (float64, bool) {
		if t.First() == nil {
			return 0, false
		}
		v := value(t.First())
		return v, v > 0
	}
}

// varied are the paths that trials set, in the order in which they first come.
func varied(trials []Trial) []string {
	var paths []string
	seen := map[string]bool{}
	for i := range trials {
		for _, s := range trials[i].Settings {
			if !seen[s.Path] {
				seen[s.Path], paths = true, append(paths, s.Path)
			}
		}
	}
	return paths
}

// Short is the last key of a path, or the path where others end alike.
func Short(path string, paths []string) string {
	end := path[strings.LastIndex(path, ".")+1:]
	for _, other := range paths {
		if other != path && strings.HasSuffix("."+other, "."+end) {
			return path
		}
	}
	return end
}

func valueAt(settings []Setting, path string) string {
	for _, s := range settings {
		if s.Path == path {
			return s.Value
		}
	}
	return unknown
}
