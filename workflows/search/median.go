package search

import "slices"

const (
	// maxPast is how many of the last ended trials a median is of, at most.
	maxPast = 99
	// maxAverages bounds the numbers that are remembered of them all.
	maxAverages = 20_000
)

// pastTrials is how many ended trials are remembered.
func pastTrials(passes int) int { return max(min(maxPast, maxAverages/(passes+1)), 1) }

// Averages are those of the first objective up to each pass of a trial, from
// the dense network on.
type Averages []float64

// after adds the value of a pass. Passes that were not reported count like it.
func (a Averages) after(pass int, value float64) Averages {
	for n := len(a); n <= pass; n++ {
		average := value
		if n > 0 {
			average = (a[n-1]*float64(n) + value) / float64(n+1)
		}
		a = append(a, average)
	}
	return a
}

// behind says whether the average of a trial is worse than the median of those
// of ended trials that got as far.
func (m *Median) behind(own Averages, ended []Averages, maximize bool) bool {
	pass := len(own) - 1
	if pass < m.From {
		return false
	}
	var others []float64
	for _, a := range ended {
		if len(a) > pass {
			others = append(others, a[pass])
		}
	}
	if len(others) < max(m.Trials, 1) {
		return false
	}
	slices.Sort(others)
	n := len(others)
	median := (others[(n-1)/2] + others[n/2]) / 2
	return better(median, own[pass], maximize)
}
