package compress

import "math"

// maxSplits bounds the memory of optimal: so many numbers of four bytes.
const maxSplits = 1 << 24

// optimal is the centroids of the k clusters of sorted values with the least sum
// of squared distances. In one dimension clusters are ranges, and the best are
// found by dynamic programming (Wang and Song 2011, "Ckmeans.1d.dp"), here in
// k*n*log(n) steps. Of more values than maxSplits/k it is the best for their
// histogram, and nil if that has no more bins than there are clusters.
func optimal(sorted []float64, k int) []float64 {
	r := rangesOf(sorted, maxSplits/k)
	bins := len(r.ends) - 1
	if bins <= k {
		return nil
	}
	least, next := make([]float64, bins+1), make([]float64, bins+1)
	for j := range bins {
		least[j+1] = r.cost(0, j+1)
	}
	splits := make([][]int32, k)
	for q := 1; q < k; q++ {
		splits[q] = make([]int32, bins+1)
		r.divide(least, next, splits[q], q+1, bins, q, bins-1)
		least, next = next, least
	}
	centroids := make([]float64, k)
	for q, end := k-1, bins; q >= 0; q-- {
		from := 0
		if q > 0 {
			from = int(splits[q][end])
		}
		centroids[q] = r.mean(from, end)
		end = from
	}
	return centroids
}

// ranges has prefix sums of sorted values, bin by bin.
type ranges struct {
	origin        float64 // is taken off the values, or squares would cancel
	ends          []int   // values up to each bin's end, from 0
	sums, squares []float64
}

// rangesOf has a bin for each value, or of more than most, bins of equal widths
// without those that are empty.
func rangesOf(sorted []float64, most int) ranges {
	r := ranges{origin: sorted[len(sorted)/2], ends: []int{0}, sums: []float64{0}, squares: []float64{0}}
	low, width := sorted[0], (sorted[len(sorted)-1]-sorted[0])/float64(most)
	sum, square := 0.0, 0.0
	for i, v := range sorted {
		x := v - r.origin
		sum += x
		square += float64(x * x)
		last := i+1 == len(sorted)
		if last || len(sorted) <= most || int((v-low)/width) != int((sorted[i+1]-low)/width) {
			r.ends, r.sums, r.squares = append(r.ends, i+1), append(r.sums, sum), append(r.squares, square)
		}
	}
	return r
}

// cost is the sum of squared distances from the mean of a range of bins, which
// is not empty.
func (r ranges) cost(from, to int) float64 {
	n, sum := float64(r.ends[to]-r.ends[from]), r.sums[to]-r.sums[from]
	return max(0, r.squares[to]-r.squares[from]-float64(sum*sum)/n)
}

func (r ranges) mean(from, to int) float64 {
	return r.origin + (r.sums[to]-r.sums[from])/float64(r.ends[to]-r.ends[from])
}

// divide finds the least cost of the first bins, for each number of them from
// low to high, in one cluster more than least is of, and where the last cluster
// begins: between first and last, and the later the more bins there are.
func (r ranges) divide(least, next []float64, splits []int32, low, high, first, last int) {
	if low > high {
		return
	}
	middle := (low + high) / 2
	best, at := math.Inf(1), first
	for i := first; i <= min(last, middle-1); i++ {
		if cost := least[i] + r.cost(i, middle); cost < best {
			best, at = cost, i
		}
	}
	next[middle], splits[middle] = best, int32(at)
	r.divide(least, next, splits, low, middle-1, first, at)
	r.divide(least, next, splits, middle+1, high, at, last)
}
