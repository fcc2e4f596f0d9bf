// Package report makes charts of what was measured, as SVG, and lays out whole
// reports.
//
// [Chart] is lines over two axes in percent, and [Sensitivity] the one of a
// scan. They are complete in themselves: titles, units and a legend beside the
// axes, with room for the layers of a deep network.
//
// A [Study] is runs and sweeps in plain values, and becomes one HTML page,
// Markdown or a model card. It is first made a document of sections and tables,
// which each form then writes and escapes in its own way.
//
// Equal values give equal bytes. Nothing here reads a store.
package report

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"espalier/models/prune/sensitivity"
)

// Sizes of a chart, in points.
const (
	axesWidth  = 560
	height     = 420
	textSize   = 11
	rowHeight  = 15
	sampleLine = 28 // of a line in the legend
	gap        = 12
)

// colours are told apart by most eyes (Okabe and Ito 2008); after the last one
// the lines are dashed and the colours begin again.
var colours = []color.RGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{230, 159, 0, 255}, {86, 180, 233, 255}, {0, 0, 0, 255}, {136, 136, 136, 255},
}

var dashes = [][]vg.Length{nil, {6, 3}, {2, 2}, {9, 3, 2, 3}, {14, 4}}

var markers = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}}

// Chart is lines over two axes in percent.
type Chart struct {
	Title  string
	X, Y   string  // what is on the axes, with its unit
	Lowest float64 // where the X axis begins; it ends at 100
	Lines  []Line
}

// Line is a curve of a chart.
type Line struct {
	Name string
	X, Y []float64 // in percent, of equal length
}

// Sensitivity draws the accuracy against the share that was removed, a line for
// each layer that was measured, from the whole network on. It fails where w does.
func Sensitivity(w io.Writer, r *sensitivity.Report) error {
	c := Chart{
		Title: fmt.Sprintf("%s by %s: one layer alone loses a share, without training", r.Network, r.Method),
		X:     what(r) + " removed of the layer, %",
		Y:     fmt.Sprintf("accuracy on %d %s samples, %%", r.Samples, r.Split),
	}
	for _, curve := range r.Layers {
		if len(curve.Points) == 0 {
			continue
		}
		line := Line{Name: curve.Layer, X: []float64{0}, Y: []float64{100 * r.Accuracy}}
		for _, at := range curve.Points {
			line.X, line.Y = append(line.X, 100*curve.Removed(at)), append(line.Y, 100*at.Accuracy)
		}
		c.Lines = append(c.Lines, line)
	}
	return c.Write(w)
}

// Write draws the chart; the Y axis is as long as its values need. It
// fails where w does, and on a line without points.
func (c Chart) Write(w io.Writer) error {
	p := newPlot(c.Title)
	p.X.Label.Text, p.Y.Label.Text = c.X, c.Y
	p.X.Min, p.X.Max = c.Lowest, 100
	lowest, highest := 100.0, 0.0
	var entries []entry
	for i, l := range c.Lines {
		if len(l.X) == 0 || len(l.X) != len(l.Y) {
			return fmt.Errorf("curve of %s: %d and %d values; want as many of both, and at least one", l.Name, len(l.X), len(l.Y))
		}
		var points plotter.XYs
		for k, x := range l.X {
			points = append(points, plotter.XY{X: x, Y: l.Y[k]})
			lowest, highest = min(lowest, l.Y[k]), max(highest, l.Y[k])
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("curve of %s: %w", l.Name, err)
		}
		dress(line, marks, i)
		p.Add(line, marks)
		entries = append(entries, entry{l.Name, line, marks})
	}
	p.Y.Min, p.Y.Max = around(lowest, highest)
	p.X.Tick.Marker, p.Y.Tick.Marker = percents(p.X.Min, p.X.Max), percents(p.Y.Min, p.Y.Max)
	return write(w, p, entries)
}

// around are round numbers below and above, so that the lines fill the axis.
func around(lowest, highest float64) (from, to float64) {
	step := 10.0
	switch {
	case highest-lowest < 8:
		step = 2
	case highest-lowest < 20:
		step = 5
	}
	return max(0, step*math.Floor(lowest/step-1e-9)), min(100, step*math.Ceil(highest/step+1e-9))
}

// percents are ten marks of an axis at most, at round numbers.
func percents(from, to float64) plot.ConstantTicks {
	step := 10.0
	for _, finer := range []float64{5, 2, 1} {
		if (to-from)/finer <= 10 {
			step = finer
		}
	}
	var marks plot.ConstantTicks
	for at := from; at <= to; at += step {
		marks = append(marks, plot.Tick{Value: at, Label: fmt.Sprint(at)})
	}
	return marks
}

// what is removed, as a word.
func what(r *sensitivity.Report) string {
	if r.Granularity == "channel" {
		return "channels"
	}
	return "weights"
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	for _, style := range []*draw.TextStyle{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle,
	} {
		style.Font.Variant, style.Font.Size = "Sans", textSize
	}
	p.Title.Padding = gap
	p.X.Padding, p.Y.Padding = 0, 0
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{225}, color.Gray{225}
	p.Add(grid)
	return p
}

// dress makes the n-th line look like no other.
func dress(line *plotter.Line, marks *plotter.Scatter, n int) {
	line.Color, line.Width = colours[n%len(colours)], 1.3
	line.Dashes = dashes[n/len(colours)%len(dashes)]
	marks.Color, marks.Radius, marks.Shape = line.Color, 2.2, markers[n%len(markers)]
}

// entry is a line of the legend.
type entry struct {
	name  string
	line  *plotter.Line
	marks *plotter.Scatter
}

// write draws the axes and, at their right, the legend.
func write(w io.Writer, p *plot.Plot, entries []entry) error {
	columns, width := legend(p.Legend, entries)
	canvas := vgsvg.New(width, height)
	paint(canvas, p, columns)
	var text bytes.Buffer
	if _, err := canvas.WriteTo(&text); err != nil {
		return err
	}
	// The font need not be where the chart is looked at.
	_, err := w.Write(bytes.ReplaceAll(text.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")))
	return err
}

// column is part of the legend, and where it stands.
type column struct {
	plot.Legend
	at vg.Length
}

// legend is in as many columns as it needs; width is that of the whole chart.
func legend(style plot.Legend, entries []entry) (columns []column, width vg.Length) {
	width = axesWidth
	style.Top, style.Left, style.ThumbnailWidth = true, true, sampleLine
	style.Padding = max(0, rowHeight-style.TextStyle.Height("x"))
	for part := range slices.Chunk(entries, (height-2*gap)/rowHeight) {
		c := column{style, width + gap}
		widest := vg.Length(0)
		for _, e := range part {
			c.Add(e.name, e.line, e.marks)
			// The fonts that stand in for Liberation Sans are up to a sixth wider.
			widest = max(widest, 1.2*c.TextStyle.Width(e.name))
		}
		columns, width = append(columns, c), width+sampleLine+widest+2*gap
	}
	return columns, width + gap
}

func paint(canvas vg.CanvasSizer, p *plot.Plot, columns []column) {
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	p.Draw(draw.Crop(all, gap, axesWidth-all.Max.X, gap, -gap))
	for _, c := range columns {
		c.Draw(draw.Crop(all, c.at, 0, gap, -2*gap))
	}
}
