package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"espalier/models"
	"espalier/models/draw"
	"espalier/models/measure"
)

func (b *benchmark) print(out io.Writer) {
	fmt.Fprintf(out, "machine    %s, %d threads, %s\n\n", b.Engine.CPU, b.Engine.Threads, b.Engine.BLAS)
	b.printSizes(out)
	fmt.Fprintln(out)
	b.printSpeeds(out)
	b.printForms(out)
	for i := range b.Layers {
		fmt.Fprintln(out)
		if len(b.Checkpoints) == 1 {
			b.Layers[i].printAlone(out, b.Checkpoints[0])
		} else {
			b.Layers[i].print(out)
		}
	}
}

func (b *benchmark) printSizes(out io.Writer) {
	t := newTable(out, "checkpoint", "network", ">parameters", ">non-zero weights", ">MACs", ">as float32", ">file")
	for i, c := range b.Checkpoints {
		if i > 0 && c.Form != "" && c.Digest == b.Checkpoints[i-1].Digest {
			continue // another form of it
		}
		t.AppendRow(table.Row{
			c.Name, c.Network, humanize.Comma(c.Total.Params), humanize.Comma(c.Total.NonZeroWeights), humanize.Comma(c.Total.MACs),
			humanize.Bytes(uint64(c.Total.Bytes)), humanize.Bytes(uint64(c.Size)),
		})
	}
	t.Render()
}

func (b *benchmark) printSpeeds(out io.Writer) {
	t := newTable(out, ">batch", "checkpoint", ">median", ">quartiles", ">images/s", ">MACs", ">measured", ">reached")
	for k := range b.Checkpoints[0].Speeds {
		for _, c := range b.Checkpoints {
			s := c.Speeds[k]
			t.AppendRow(table.Row{
				s.Batch, c.label(), took(s.Median), took(s.Low) + " to " + took(s.High), humanize.SIWithDigits(s.Images, 1, ""),
				factor(s.Speedup.Theoretical), factor(s.Speedup.Measured), portion(s.Reached),
			})
		}
	}
	t.Render()
}

// printForms says what became of layers that do not fit a form.
func (b *benchmark) printForms(out io.Writer) {
	for i, c := range b.Checkpoints {
		if c.Form == "" {
			continue
		}
		if i == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s: %s\n", c.label(), c.Runs)
	}
}

// print shows the layers beside those of the first checkpoint.
func (l *benchmarkLayers) print(out io.Writer) {
	fmt.Fprintf(out, "%s by layer, batch %d\n", l.Name, l.Batch)
	t := newTable(out, "layer", "operation", "dense", "smaller", ">dense", ">smaller", ">MACs", ">measured", ">lost", "why")
	for _, pair := range l.Layers {
		lost := ""
		if pair.Lost != 0 {
			lost = took(pair.Lost)
		}
		t.AppendRow(table.Row{
			pair.Name, operation(pair), channels(pair.Dense), channels(pair.Small), layerTook(pair.Dense), layerTook(pair.Small),
			factor(pair.Theoretical), factor(pair.Measured), lost, strings.Join(pair.Why, "; "),
		})
	}
	t.AppendRow(table.Row{"outside of layers", "", "", "", took(l.Outside.Dense), took(l.Outside.Small)})
	t.Render()
}

// printAlone shows the layers of the only checkpoint.
func (l *benchmarkLayers) printAlone(out io.Writer, c benchmarked) {
	fmt.Fprintf(out, "%s by layer, batch %d\n", l.Name, l.Batch)
	whole := l.Outside.Dense
	for _, pair := range l.Layers {
		whole += pair.Dense.Median
	}
	share := func(d time.Duration) string { return percent(d.Seconds() / whole.Seconds()) }
	t := newTable(out, "layer", "operation", "channels", ">MACs", ">share", ">time", ">share")
	for _, pair := range l.Layers {
		d := pair.Dense
		t.AppendRow(table.Row{pair.Name, operation(pair), channels(d), humanize.Comma(d.MACs), shareOf(d.MACs, c.Total.MACs), layerTook(d), share(d.Median)})
	}
	t.AppendRow(table.Row{"outside of layers", "", "", "", "", took(l.Outside.Dense), share(l.Outside.Dense)})
	t.Render()
}

func operation(pair measure.LayerSpeedup) string {
	l := pair.Dense
	if l == nil {
		l = pair.Small
	}
	return draw.Operation(models.Node{Op: l.Op, Attrs: l.Attrs})
}

// channels writes 16 to 32.
func channels(l *measure.LayerLatency) string {
	if l == nil {
		return "-"
	}
	return fmt.Sprintf("%d to %d", l.In[0], l.Out[0])
}

func layerTook(l *measure.LayerLatency) string {
	if l == nil {
		return "-"
	}
	return took(l.Median)
}

// took writes 1.23ms: three digits.
func took(d time.Duration) string {
	unit := time.Nanosecond
	for limit := time.Microsecond; d.Abs() >= limit; limit *= 10 {
		unit = limit / 100
	}
	return d.Round(max(unit, 1)).String()
}

// factor writes 2.31x, and nothing for what cannot be told.
func factor(f float64) string {
	if f == 0 {
		return ""
	}
	return fmt.Sprintf("%.2fx", f)
}

func portion(share float64) string {
	if share == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}
