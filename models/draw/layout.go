package draw

import (
	"math"
	"slices"
)

// The layout is written here because the libraries there are do not fit a
// command line: Graphviz as WebAssembly is compiled when any command starts,
// dagre in JavaScript takes seconds for a few hundred nodes, and gonum pulls
// graphs into shape by forces. None of them goes on in strips.

// strip is one of the parts, side by side, of a picture.
type strip struct {
	nodes []*node // by row, within it by column
	lines []line
	rows  int
}

// line is what one node reads of another. It leaves the source's row, runs down
// a lane and enters the target; the lane only counts if rows lie between.
type line struct {
	from, to *node
	lane     int
}

// layOut gives every node a strip, a row and a column.
func layOut(nodes []*node) []strip {
	rank := make([]int, len(nodes))
	last := 0
	for i, n := range nodes {
		for _, input := range n.inputs {
			rank[i] = max(rank[i], rank[input]+1)
		}
		last = max(last, rank[i])
	}
	cuts := chooseCuts(nodes, rank, last)
	var strips []strip
	for i, first := range cuts {
		end := last + 1
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		strips = append(strips, newStrip(nodes, rank, first, end))
	}
	return strips
}

// aspect is the width of the picture that is aimed at, in heights, and
// typicalWidth that of a strip.
const (
	aspect       = 1.5
	typicalWidth = 260
	shortest     = 12 // rows that are never cut
)

// chooseCuts are the ranks at which strips begin, 0 first.
func chooseCuts(nodes []*node, rank []int, last int) []int {
	cuts := []int{0}
	strips := math.Round(math.Sqrt(float64((last+1)*pitch) * aspect / typicalWidth))
	rows := max(shortest, int(math.Ceil(float64(last+1)/max(strips, 1))))
	quality := cutQuality(nodes, rank, last)
	for start := 0; start+rows <= last; {
		best := 0
		for cut := start + rows/2; cut <= last && (cut <= start+rows || best == 0); cut++ {
			if quality[cut] > 0 && (best == 0 || quality[cut] >= quality[best]) {
				best = cut
			}
		}
		if best == 0 || last+1-best < rows/4 {
			break // what is left is short, or holds together to the end
		}
		cuts = append(cuts, best)
		start = best
	}
	return cuts
}

// cutQuality says of each rank how well a strip could begin there: 2 if a
// single tensor crosses and a block begins, 1 if a single one crosses, else 0.
func cutQuality(nodes []*node, rank []int, last int) []int {
	reach := make([]int, len(nodes)) // the last rank that reads the node
	for i, n := range nodes {
		for _, input := range n.inputs {
			reach[input] = max(reach[input], rank[i])
		}
	}
	crossing, source := make([]int, last+2), make([]int, last+2)
	for i := range nodes {
		for r := rank[i] + 1; r <= reach[i]; r++ {
			crossing[r]++
			source[r] = i
		}
	}
	quality := make([]int, last+2)
	for i, n := range nodes {
		if r := rank[i]; crossing[r] == 1 {
			quality[r] = 1
			if from := nodes[source[r]]; n.block != from.block {
				quality[r] = 2
			}
		}
	}
	return quality
}

// newStrip lays out the nodes of the ranks from first, up to end.
func newStrip(nodes []*node, rank []int, first, end int) strip {
	s := strip{}
	shown := map[int]*node{}
	offset := first
	if first > 0 {
		offset-- // a row for the ghost
	}
	var inside []int
	for i := range nodes {
		if rank[i] >= first && rank[i] < end {
			inside = append(inside, i)
		}
	}
	slices.SortStableFunc(inside, func(a, b int) int { return rank[a] - rank[b] })
	taken := grid{}
	for _, i := range inside {
		n := nodes[i]
		for _, input := range n.inputs {
			if shown[input] == nil {
				ghost := *nodes[input]
				ghost.ghost, ghost.inputs, ghost.row, ghost.column = true, nil, 0, 0
				taken[place{0, 0}] = true
				shown[input] = &ghost
				s.nodes = append(s.nodes, &ghost)
			}
		}
		n.row = rank[i] - offset
		if len(n.inputs) > 0 {
			n.column = shown[n.inputs[0]].column
		}
		for taken[place{n.row, n.column}] {
			n.column++
		}
		taken[place{n.row, n.column}] = true
		shown[i] = n
		s.nodes = append(s.nodes, n)
		s.rows = max(s.rows, n.row+1)
	}
	for _, i := range inside {
		for _, input := range nodes[i].inputs {
			s.lines = append(s.lines, taken.connect(shown[input], nodes[i]))
		}
	}
	return s
}

// grid says which places of a strip hold a box or a line.
type grid map[place]bool

type place struct{ row, column int }

// connect finds the lane of a line: the column of its source or of its target
// if it is free all the way, else the next free one at the right.
func (g grid) connect(from, to *node) line {
	free := func(column int) bool {
		for row := from.row + 1; row < to.row; row++ {
			if g[place{row, column}] {
				return false
			}
		}
		return true
	}
	lane := from.column
	if !free(lane) {
		lane = to.column
	}
	for !free(lane) {
		lane++
	}
	for row := from.row + 1; row < to.row; row++ {
		g[place{row, lane}] = true
	}
	return line{from, to, lane}
}
