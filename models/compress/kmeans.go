package compress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// Where k-means starts (section 3.2 of the paper).
const (
	InitLinear  = "linear"  // centroids evenly from the smallest value to the largest: keeps the few large weights apart
	InitDensity = "density" // centroids at even steps of the distribution: follows where most weights are
	InitRandom  = "random"  // centroids at randomly chosen values, after Forgy
	InitOptimal = "optimal" // not the paper's: where no other centroids are nearer to all values
)

// Inits lists the initialisations, sorted.
func Inits() []string { return []string{InitDensity, InitLinear, InitOptimal, InitRandom} }

// maxRounds bounds k-means. In one dimension it ends long before: every round
// but the last makes the squared distances smaller.
const maxRounds = 10_000

// KMeans divides values into k clusters and returns the centroids, ascending: a
// local minimum of the squared distance from each value to its cluster's mean,
// by Lloyd's rounds from init, and the global one from InitOptimal. A cluster that is left empty keeps its centroid.
// Where there are no more than k different values they are the centroids. The
// order of the values does not matter, and the seed only for InitRandom.
//
// It fails on k below 1, on an init that is none of [Inits], and on a value
// that is not finite.
func KMeans(values []float32, k int, init string, seed uint64) ([]float32, error) {
	if k < 1 {
		return nil, fmt.Errorf("%d clusters: there is at least 1", k)
	}
	if !slices.Contains(Inits(), init) {
		return nil, fmt.Errorf("init %q: it is one of %q", init, Inits())
	}
	sorted := make([]float64, len(values))
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("value %d is %g: only finite ones can be divided into clusters", i, v)
		}
		sorted[i] = float64(v) + 0 // -0 becomes +0, so that sorting is the same for every order
	}
	slices.Sort(sorted)
	centroids := slices.Compact(slices.Clone(sorted))
	if len(centroids) > k {
		centroids = start(sorted, k, init, seed)
		lloyd(sorted, centroids)
	}
	rounded := make([]float32, len(centroids))
	for i, c := range centroids {
		rounded[i] = float32(c)
	}
	return rounded, nil
}

// start is k centroids for more than k sorted values.
func start(sorted []float64, k int, init string, seed uint64) []float64 {
	if init == InitOptimal {
		if best := optimal(sorted, k); best != nil {
			return best
		}
	}
	centroids := make([]float64, k)
	n, low, high := len(sorted), sorted[0], sorted[len(sorted)-1]
	switch {
	case init == InitRandom:
		for i, at := range rand.New(rand.NewPCG(seed, uint64(n))).Perm(n)[:k] {
			centroids[i] = sorted[at]
		}
		slices.Sort(centroids)
	case init == InitDensity:
		for i := range centroids {
			centroids[i] = sorted[(2*i+1)*n/(2*k)] // the middle of each of k equal parts
		}
	case k == 1:
		centroids[0] = low // one round makes it the mean
	default:
		for i := range centroids {
			centroids[i] = low + (high-low)*float64(i)/float64(k-1)
		}
	}
	return centroids
}

// lloyd moves ascending centroids until no value changes its cluster. Clusters
// of sorted values are ranges, so a round takes k searches and k differences of
// prefix sums.
func lloyd(sorted, centroids []float64) {
	sums := make([]float64, len(sorted)+1)
	for i, v := range sorted {
		sums[i+1] = sums[i] + v
	}
	ends := make([]int, len(centroids)) // of each cluster's range
	for range maxRounds {
		changed := false
		low := 0
		for i := range ends {
			end := len(sorted)
			if i+1 < len(centroids) {
				end = low + sort.Search(len(sorted)-low, func(j int) bool { return sorted[low+j] > middle(centroids[i], centroids[i+1]) })
			}
			changed = changed || end != ends[i]
			ends[i], low = end, end
		}
		if !changed {
			return
		}
		low = 0
		for i, end := range ends {
			if end > low {
				mean := (sums[end] - sums[low]) / float64(end-low)
				// Rounding must not carry a mean out of its cluster.
				centroids[i] = min(max(mean, sorted[low]), sorted[end-1])
			}
			low = end
		}
	}
}

// middle is the largest value that belongs to the lower of two centroids: of
// two that are equally near, the lower is taken.
func middle(a, b float64) float64 { return a + (b-a)/2 }

// nearest finds the nearest of ascending centroids for many values.
type nearest struct{ middles []float64 }

func newNearest(centroids []float32) nearest {
	middles := make([]float64, max(len(centroids), 1)-1)
	for i := range middles {
		middles[i] = middle(float64(centroids[i]), float64(centroids[i+1]))
	}
	return nearest{middles}
}

// of is the number of the nearest centroid; of several that are equally near,
// the first.
func (n nearest) of(v float32) int { return sort.SearchFloat64s(n.middles, float64(v)) }
