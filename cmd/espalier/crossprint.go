package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"espalier/models/engine"
)

func (x *crossovers) print(out io.Writer) {
	fmt.Fprintf(out, "machine    %s, %d threads, %s\n\n", x.Engine.CPU, x.Engine.Threads, x.Engine.BLAS)
	t := newTable(out, "layer", ">batch", ">sparse wins from", ">shared wins from")
	for _, l := range x.Layers {
		t.AppendRow(table.Row{l.Name, l.Batch, l.wins(l.SparseFrom), l.wins(l.SharedFrom)})
	}
	t.Render()
	fmt.Fprintln(out)
	t = newTable(out, "layer", ">batch", ">zeros", ">dense", ">sparse", ">quartiles", ">shared", ">MACs", ">sparse", ">shared")
	for _, l := range x.Layers {
		for _, p := range l.Points {
			t.AppendRow(table.Row{
				l.Name, l.Batch, fmt.Sprintf("%g %%", 100*p.Zeros), took(p.Dense.Median), took(p.Sparse.Median), took(p.Sparse.Low) + " to " + took(p.Sparse.High), took(p.Shared.Median),
				factor(1 / (1 - p.Zeros)), factor(p.Speedup(engine.Sparse)), factor(p.Speedup(engine.Shared)),
			})
		}
	}
	t.Render()
}

// wins writes 81 %, and - where the form did not win.
func (l crossedLayer) wins(from *float64) string {
	switch {
	case from == nil:
		return "-"
	case *from == l.Points[0].Zeros:
		return fmt.Sprintf("%.0f %% or less", 100**from)
	default:
		return fmt.Sprintf("%.0f %%", 100**from)
	}
}
