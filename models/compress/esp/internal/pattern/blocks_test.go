package pattern_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress/esp/internal/arith"
	"espalier/models/compress/esp/internal/pattern"
)

// pruned is a file whose patterns BenchmarkBlocks writes.
var pruned = flag.String("checkpoint", "", "a pruned network for BenchmarkBlocks, in the place of drawn patterns")

// inBlocks is how many bytes a pattern takes as blocks of high x wide places:
// which of them hold entries, as a pattern of its own, and which places of those
// do, in adaptive coding by place and what lies before it in the block.
func inBlocks(m pattern.Matrix, high, wide int) int {
	rows, cols := (m.Rows()+high-1)/high, (m.Cols+wide-1)/wide
	held := make([][]bool, rows*cols)
	for r := range m.Rows() {
		for _, c := range m.Columns[m.Starts[r]:m.Starts[r+1]] {
			at := r/high*cols + int(c)/wide
			if held[at] == nil {
				held[at] = make([]bool, high*wide)
			}
			held[at][r%high*wide+int(c)%wide] = true
		}
	}
	blocks := pattern.Matrix{Cols: cols, Starts: []int32{0}}
	e, probs := arith.NewEncoder(), arith.NewProbs(4*high*wide)
	for r := range rows {
		for c := range cols {
			before := 0 // 1 for an entry just before, 2 for any in the block so far
			for i, entry := range held[r*cols+c] {
				if entry {
					e.Bit(&probs[4*i+before], 1)
					before = 3
				} else {
					e.Bit(&probs[4*i+before], 0)
					before &= 2
				}
			}
			if held[r*cols+c] != nil {
				blocks.Columns = append(blocks.Columns, int32(c))
			}
		}
		blocks.Starts = append(blocks.Starts, int32(len(blocks.Columns)))
	}
	return len(pattern.Encode(blocks, nil, 1, 1<<30)) + len(e.Bytes())
}

// patterns are those of a network's weights.
func patterns(b *testing.B, path string) map[string]pattern.Matrix {
	b.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	c, err := checkpoint.Decode(data)
	if err != nil {
		b.Fatal(err)
	}
	all := map[string]pattern.Matrix{}
	for _, p := range c.Network.Params {
		m := pattern.Matrix{Cols: p.Shape[1:].Size(), Starts: []int32{0}}
		for i, v := range p.Data {
			if v != 0 {
				m.Columns = append(m.Columns, int32(i%m.Cols))
			}
			if (i+1)%m.Cols == 0 {
				m.Starts = append(m.Starts, int32(len(m.Columns)))
			}
		}
		if p.Role == models.RoleWeight {
			all[p.Name] = m
		}
	}
	return all
}

// BenchmarkBlocks compares the bytes of patterns with those of formats of blocks.
func BenchmarkBlocks(b *testing.B) {
	var all map[string]pattern.Matrix
	if *pruned == "" {
		r := rand.New(rand.NewPCG(1, 1))
		all = map[string]pattern.Matrix{"even": drawn(r, 300, 700, 0.05, true), "uneven": drawn(r, 300, 700, 0.05, false)}
	} else {
		all = patterns(b, *pruned)
	}
	for name, m := range all {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(len(pattern.Encode(m, nil, 1, 1<<30))), "bytes")
			}
			for _, size := range [][2]int{{1, 4}, {4, 1}, {2, 2}, {4, 4}, {1, 9}, {1, 25}} {
				b.ReportMetric(float64(inBlocks(m, size[0], size[1])), fmt.Sprintf("%dx%d-bytes", size[0], size[1]))
			}
		})
	}
}
