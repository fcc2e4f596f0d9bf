package gorgonia

// The size of a chunk weighs two streams against each other: the samples'
// values, which stay in the second-level cache from task to task where a chunk
// is small, and the weights, which every chunk reads again.
const (
	// cached is how many float32 elements may be at hand: half of a second-level
	// cache of 512 KB, for the layers have workspaces of their own.
	cached = 1 << 16
	// reuse is by how much a chunk's values should outweigh weights that do not
	// stay in the cache.
	reuse = 4
)

// chunkSize is the number of samples of a chunk, given for each sample the most
// elements at hand at one time and all that the tasks go through, and the
// elements of the weights, which each chunk goes through.
func chunkSize(most, all, weights int) int {
	c := max(1, cached/max(1, most))
	if weights <= cached || weights/c <= all {
		return c
	}
	return max(c, reuse*weights/max(1, all))
}

// contrast is by what factor the chunk sizes of two layers must differ to
// separate them by a barrier.
const contrast = 8

// light are weights that do not matter to the size of a chunk.
const light = cached / 4

// divide splits stages where the size of the chunks should change: the images
// of deep layers are small and their weights large.
func divide(stages [][]*step) [][]*step {
	var divided [][]*step
	for _, stage := range stages {
		divided = append(divided, divideStage(stage)...)
	}
	return divided
}

func divideStage(stage []*step) [][]*step {
	var first, middle, last []*step
	for _, s := range stage {
		switch s.when {
		case eachPart:
			first = append(first, s)
		case chunks:
			middle = append(middle, s)
		default:
			last = append(last, s)
		}
	}
	var parts [][]*step
	begin, size := 0, 0
	for i, s := range middle {
		if s.weights < light {
			continue
		}
		c := chunkSize(atHand(s), atHand(s), s.weights)
		if size > 0 && (c >= contrast*size || size >= contrast*c) {
			parts = append(parts, middle[begin:i:i])
			begin, size = i, c
		}
		if size == 0 || c < size {
			size = c
		}
	}
	parts = append(parts, middle[begin:])
	parts[0] = append(first, parts[0]...)
	parts[len(parts)-1] = append(parts[len(parts)-1], last...)
	return parts
}

// atHand is how many elements of each sample a step touches.
func atHand(s *step) int {
	n := 0
	for _, v := range append(s.reads[:len(s.reads):len(s.reads)], s.writes) {
		if v.kind == perSample {
			n += v.width
		}
	}
	return n
}

// chunkOf is the chunk size of a stage whose values have their rooms.
func chunkOf(stage []*step, rooms []*room, batch int) int {
	weights, most, all := 0, 0, 0
	for k, s := range stage {
		if s.when != chunks {
			continue
		}
		weights += s.weights
		here := 0
		for _, r := range rooms {
			if r.first <= k && k <= r.last {
				here += r.size
			}
		}
		for _, v := range append(s.reads[:len(s.reads):len(s.reads)], s.writes) {
			if v.kind == perSample && !v.local() {
				here += v.width
			}
		}
		most, all = max(most, here), all+atHand(s)
	}
	return min(batch, chunkSize(most, all, weights))
}
