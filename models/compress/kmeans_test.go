package compress_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/models/compress"
)

// near is the nearest centroid by looking at all, the lower of two.
func near(centroids []float32, v float32) int {
	best := 0
	for i, c := range centroids {
		if math.Abs(float64(v)-float64(c)) < math.Abs(float64(v)-float64(centroids[best])) {
			best = i
		}
	}
	return best
}

// distance is the sum of squared distances to the nearest centroid.
func distance(values, centroids []float32) float64 {
	sum := 0.0
	for _, v := range values {
		d := float64(v) - float64(centroids[near(centroids, v)])
		sum += d * d
	}
	return sum
}

// textbook is Lloyd's algorithm as it is told: look at all values and all
// centroids, round after round.
func textbook(values []float32, centroids []float64) []float64 {
	assigned := make([]int, len(values))
	for changed := true; changed; {
		changed = false
		for i, v := range values {
			best := 0
			for j, c := range centroids {
				if math.Abs(float64(v)-c) < math.Abs(float64(v)-centroids[best]) {
					best = j
				}
			}
			changed = changed || best != assigned[i]
			assigned[i] = best
		}
		for j := range centroids {
			sum, n := 0.0, 0
			for i, v := range values {
				if assigned[i] == j {
					sum += float64(v)
					n++
				}
			}
			if n > 0 {
				centroids[j] = sum / float64(n)
			}
		}
	}
	return centroids
}

func TestKMeansIsLloydsAlgorithm(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		values, k := drawn(r, 400, 1), 2+r.IntN(30)
		low, high := float64(slices.Min(values)), float64(slices.Max(values))
		start := make([]float64, k)
		for i := range start {
			start[i] = low + (high-low)*float64(i)/float64(k-1)
		}
		got, err := compress.KMeans(values, k, compress.InitLinear, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range textbook(values, start) {
			if math.Abs(float64(got[i])-want) > 1e-7 {
				t.Errorf("seed %d, %d clusters: centroid %d is %g, want %g", seed, k, i, got[i], want)
			}
		}
	}
}

// optimum is the least sum of squared distances with k clusters, by trying all
// ways to divide the sorted values.
func optimum(values []float32, k int) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	cost := func(from, to int) float64 {
		mean, sum := 0.0, 0.0
		for _, v := range sorted[from:to] {
			mean += float64(v) / float64(to-from)
		}
		for _, v := range sorted[from:to] {
			sum += (float64(v) - mean) * (float64(v) - mean)
		}
		return sum
	}
	best := make([]float64, n+1) // of the first values, with the clusters so far
	for i := range best {
		best[i] = cost(0, i)
	}
	for range k - 1 {
		for to := n; to > 0; to-- {
			for from := range to {
				best[to] = min(best[to], best[from]+cost(from, to))
			}
		}
	}
	return best[n]
}

// Whatever the start, every value is at its nearest centroid, every centroid in
// the middle of its values, and nothing is better than the best.
func TestEveryStartEndsInALocalMinimum(t *testing.T) {
	t.Parallel()
	for _, init := range compress.Inits() {
		for seed := range uint64(12) {
			r := rand.New(rand.NewPCG(seed, 2))
			values, k := drawn(r, 60, 1), 1+r.IntN(8)
			centroids, err := compress.KMeans(values, k, init, seed)
			if err != nil {
				t.Fatal(err)
			}
			if len(centroids) != k || !slices.IsSorted(centroids) {
				t.Fatalf("%s: %v, want %d centroids in order", init, centroids, k)
			}
			sums, members := make([]float64, k), make([]int, k)
			for _, v := range values {
				i := near(centroids, v)
				sums[i] += float64(v)
				members[i]++
			}
			for i, n := range members {
				if n > 0 && math.Abs(sums[i]/float64(n)-float64(centroids[i])) > 1e-7 {
					t.Errorf("%s: centroid %d is %g, the mean of its values %g", init, i, centroids[i], sums[i]/float64(n))
				}
			}
			got, least := distance(values, centroids), optimum(values, k)
			if got < least*(1-1e-6) {
				t.Errorf("%s: %d clusters reach %g, the optimum is %g", init, k, got, least)
			}
			if (k == 1 || init == compress.InitOptimal) && got > least*(1+1e-6) {
				t.Errorf("%s: %d clusters reach %g, the optimum is %g", init, k, got, least)
			}
		}
	}
}

// Of too many values for the optimum their histogram's is no worse than what the
// other starts find; with more clusters than it has bins the start is linear.
func TestOptimalStartOfManyValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ n, k int }{"a histogram": {100_000, 255}, "too many clusters": {10_000, 5000}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values, of := drawn(rand.New(rand.NewPCG(1, 3)), c.n, 1), map[string]float64{}
			for _, init := range []string{compress.InitOptimal, compress.InitLinear, compress.InitDensity} {
				centroids, err := compress.KMeans(values, c.k, init, 0)
				if err != nil || len(centroids) != c.k {
					t.Fatalf("%s: %d centroids, %v", init, len(centroids), err)
				}
				of[init] = distance(values, centroids)
			}
			if c.k > 1000 {
				if of[compress.InitOptimal] != of[compress.InitLinear] {
					t.Errorf("distances %v: want those of linear", of)
				}
			} else if least := min(of[compress.InitLinear], of[compress.InitDensity]); of[compress.InitOptimal] >= least {
				t.Errorf("distances %v: want the optimum's below the others", of)
			}
		})
	}
}

func TestKMeansOfKnownValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values []float32
		k      int
		init   string
		want   []float32
	}{
		"no values":                        {nil, 4, compress.InitLinear, []float32{}},
		"one value":                        {[]float32{2}, 4, compress.InitLinear, []float32{2}},
		"fewer values than clusters":       {[]float32{3, 1, 3, 1, -2}, 4, compress.InitDensity, []float32{-2, 1, 3}},
		"as many as clusters":              {[]float32{0.1, 0.2, 0.1}, 2, compress.InitRandom, []float32{0.1, 0.2}},
		"one cluster":                      {[]float32{1, 2, 6}, 1, compress.InitLinear, []float32{3}},
		"two heaps":                        {[]float32{-1.5, -1, -0.5, 4, 5}, 2, compress.InitLinear, []float32{-1, 4.5}},
		"an empty cluster stays":           {[]float32{0, 1, 2, 98, 99}, 4, compress.InitLinear, []float32{1, 33, 66, 98.5}},
		"negative zero is zero":            {[]float32{float32(math.Copysign(0, -1)), 0, 1}, 5, compress.InitLinear, []float32{0, 1}},
		"of two equally near, the lower":   {[]float32{0, 1, 2}, 2, compress.InitLinear, []float32{0.5, 2}},
		"the best, not the nearest":        {[]float32{0, 1, 3, 98, 99}, 3, compress.InitOptimal, []float32{0.5, 3, 98.5}},
		"density, where most of them are":  {[]float32{1, 1, 1, 1, 2, 9}, 2, compress.InitDensity, []float32{1.2, 9}},
		"density, a step for every weight": {[]float32{1, 2, 3, 10, 11, 12}, 2, compress.InitDensity, []float32{2, 11}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := compress.KMeans(test.values, test.k, test.init, 1)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("KMeans(%v, %d, %s) = %v, %v, want %v", test.values, test.k, test.init, got, err, test.want)
			}
		})
	}
}

func TestKMeansKnowsNoOrder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	values := drawn(r, 3000, 1)
	for _, init := range compress.Inits() {
		want, err := compress.KMeans(values, 31, init, 7)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := slices.Clone(values)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got, _ := compress.KMeans(shuffled, 31, init, 7); !slices.Equal(got, want) {
			t.Errorf("%s: shuffled, the centroids differ", init)
		}
	}
	a, _ := compress.KMeans(values, 31, compress.InitRandom, 7)
	if b, _ := compress.KMeans(values, 31, compress.InitRandom, 8); slices.Equal(a, b) {
		t.Error("another seed draws the same centroids")
	}
}

// Linear initialisation is what keeps large weights: their centroids are nearer
// than with one that follows the density (section 3.2 of the paper).
func TestLinearInitialisationKeepsLargeWeights(t *testing.T) {
	t.Parallel()
	values := drawn(rand.New(rand.NewPCG(6, 6)), 20000, 1)
	largest := slices.Max(values)
	off := make(map[string]float64)
	for _, init := range []string{compress.InitLinear, compress.InitDensity} {
		centroids, err := compress.KMeans(values, 15, init, 0)
		if err != nil {
			t.Fatal(err)
		}
		off[init] = float64(largest - centroids[len(centroids)-1])
	}
	if off[compress.InitLinear] >= off[compress.InitDensity] {
		t.Errorf("the largest weight is off by %v", off)
	}
}

func TestKMeansRefusesWhatItCannotDivide(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values []float32
		k      int
		init   string
		want   string
	}{
		"no clusters":  {[]float32{1}, 0, compress.InitLinear, "0 clusters: there is at least 1"},
		"no start":     {[]float32{1}, 1, "forgy", `init "forgy": it is one of ["density" "linear" "optimal" "random"]`},
		"not a number": {[]float32{1, float32(math.NaN())}, 1, compress.InitLinear, "value 1 is NaN: only finite ones can be divided into clusters"},
		"infinity":     {[]float32{float32(math.Inf(1))}, 1, compress.InitLinear, "value 0 is +Inf: only finite ones can be divided into clusters"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := compress.KMeans(test.values, test.k, test.init, 0); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}
