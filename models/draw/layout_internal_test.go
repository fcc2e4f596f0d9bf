package draw

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// graph is a random one: mostly a chain, with branches and skips.
func graph(r *rand.Rand, size int) []*node {
	nodes := []*node{{name: "n0"}}
	for i := 1; i < size; i++ {
		n := &node{name: fmt.Sprint("n", i), block: fmt.Sprint("block", i/7), inputs: []int{i - 1}}
		switch r.IntN(6) {
		case 0: // a branch
			n.inputs[0] = max(0, i-1-r.IntN(3))
		case 1, 2: // a meeting
			n.inputs = append(n.inputs, max(0, i-2-r.IntN(8)))
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// Every node is shown once, every tensor is a line, boxes and lines keep apart,
// and lines run down.
func TestLayoutKeepsThingsApart(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		nodes := graph(r, 1+r.IntN(150))
		want := 0
		for _, n := range nodes {
			want += len(n.inputs)
		}
		shown, lines := map[string]int{}, 0
		for _, s := range layOut(nodes) {
			taken := map[place]string{}
			for _, n := range s.nodes {
				if other := taken[place{n.row, n.column}]; other != "" {
					t.Fatalf("seed %d: %s stands on %s", seed, n.name, other)
				}
				taken[place{n.row, n.column}] = n.name
				if n.row < 0 || n.row >= s.rows {
					t.Fatalf("seed %d: %s is in row %d of %d", seed, n.name, n.row, s.rows)
				}
				if !n.ghost {
					shown[n.name]++
				}
			}
			lines += len(s.lines)
			for _, l := range s.lines {
				if l.from.row >= l.to.row {
					t.Fatalf("seed %d: the line from %s to %s runs up", seed, l.from.name, l.to.name)
				}
				for row := l.from.row + 1; row < l.to.row; row++ {
					at := place{row, l.lane}
					if taken[at] != "" {
						t.Fatalf("seed %d: the line from %s to %s crosses %s", seed, l.from.name, l.to.name, taken[at])
					}
					taken[at] = "the line from " + l.from.name
				}
			}
		}
		for _, n := range nodes {
			if shown[n.name] != 1 {
				t.Fatalf("seed %d: %s is shown %d times", seed, n.name, shown[n.name])
			}
		}
		if lines != want {
			t.Fatalf("seed %d: %d lines of %d", seed, lines, want)
		}
	}
}

// A strip is cut where one tensor crosses: it has one ghost, in its first row.
func TestStripsHangOnOneTensor(t *testing.T) {
	t.Parallel()
	most := 0
	for seed := range uint64(100) {
		strips := layOut(graph(rand.New(rand.NewPCG(seed, 2)), 200))
		most = max(most, len(strips))
		for i, s := range strips {
			ghosts := 0
			for _, n := range s.nodes {
				if n.ghost {
					ghosts++
					if n.row != 0 || n.column != 0 {
						t.Errorf("seed %d: the ghost %s is at %d, %d", seed, n.name, n.row, n.column)
					}
				}
			}
			if ghosts != min(i, 1) {
				t.Errorf("seed %d: strip %d has %d ghosts", seed, i, ghosts)
			}
		}
	}
	if most < 3 {
		t.Errorf("200 nodes make %d strips at most: nothing was tested", most)
	}
}

func TestBlockOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"conv1": "", "layer1.0.conv1": "layer1.0", "layer2.0.shortcut.pad": "layer2.0", "layer2.0.shortcut.0": "layer2.0",
		"trans1.bn1": "trans1", "features.conv": "", "/layer1/layer1.0/conv1/Conv": "/layer1/layer1.0/conv1", ".": "", "": "", "a..b": "",
	} {
		if got := blockOf(name); got != want {
			t.Errorf("blockOf(%q) = %q, want %q", name, got, want)
		}
	}
}
