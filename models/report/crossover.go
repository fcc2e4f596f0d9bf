package report

import (
	"errors"
	"fmt"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"espalier/models/engine"
	"espalier/models/measure"
)

// Crossover draws how many times as fast as dense a form is, against the share
// of zeros: a line for each layer and batch, on a logarithmic axis. Where a
// line passes 1 the form begins to win. It fails where w does, and where no
// line has a point.
func Crossover(w io.Writer, title string, form engine.Form, all []measure.Crossover) error {
	p := newPlot(title)
	p.X.Label.Text, p.Y.Label.Text = "weights that are zero, %", fmt.Sprintf("times as fast as dense: %s", form)
	lowest, low, high := 100.0, 1.0, 1.0
	var entries []entry
	for i, c := range all {
		var points plotter.XYs
		for _, at := range c.Points {
			if speed := at.Speedup(form); speed > 0 {
				points = append(points, plotter.XY{X: 100 * at.Zeros, Y: speed})
				lowest, low, high = min(lowest, 100*at.Zeros), min(low, speed), max(high, speed)
			}
		}
		if len(points) == 0 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("curve of %s: %w", c.Name, err)
		}
		dress(line, marks, i)
		p.Add(line, marks)
		entries = append(entries, entry{fmt.Sprintf("%s, batch %d", c.Name, c.Batch), line, marks})
	}
	if len(entries) == 0 {
		return errors.New("crossover: no layer was measured")
	}
	p.X.Min, p.X.Max = 10*math.Floor(lowest/10), 100
	p.Y.Scale = plot.LogScale{}
	p.Y.Min, p.Y.Max = math.Exp2(math.Floor(math.Log2(low))), math.Exp2(math.Ceil(math.Log2(high)))
	p.X.Tick.Marker, p.Y.Tick.Marker = percents(p.X.Min, p.X.Max), doublings(p.Y.Min, p.Y.Max)
	return write(w, p, entries)
}

// doublings are the marks 1/4, 1/2, 1, 2, 4 of an axis.
func doublings(from, to float64) plot.ConstantTicks {
	var marks plot.ConstantTicks
	for at := from; at <= to; at *= 2 {
		marks = append(marks, plot.Tick{Value: at, Label: fmt.Sprintf("%gx", at)})
	}
	return marks
}
