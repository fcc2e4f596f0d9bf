// Package report makes charts of what was measured, as SVG.
//
// [Sensitivity] draws the curves of a scan. Equal reports give equal bytes, and
// the charts are complete in themselves: titles, units and a legend beside the
// axes, with room for the layers of a deep network.
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

// Sensitivity draws the accuracy against the share that was removed, a line for
// each layer that was measured, from the whole network on. It fails where w does.
func Sensitivity(w io.Writer, r *sensitivity.Report) error {
	p := newPlot(fmt.Sprintf("%s by %s: one layer alone loses a share, without training", r.Network, r.Method))
	p.X.Label.Text = what(r) + " removed of the layer, %"
	p.Y.Label.Text = fmt.Sprintf("accuracy on %d %s samples, %%", r.Samples, r.Split)
	p.X.Min, p.X.Max = 0, 100
	lowest, highest := r.Accuracy, r.Accuracy
	var entries []entry
	for _, c := range r.Layers {
		if len(c.Points) == 0 {
			continue
		}
		points := plotter.XYs{{X: 0, Y: 100 * r.Accuracy}}
		for _, at := range c.Points {
			points = append(points, plotter.XY{X: 100 * c.Removed(at), Y: 100 * at.Accuracy})
			lowest, highest = min(lowest, at.Accuracy), max(highest, at.Accuracy)
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("curve of %s: %w", c.Layer, err)
		}
		dress(line, marks, len(entries))
		p.Add(line, marks)
		entries = append(entries, entry{c.Layer, line, marks})
	}
	p.Y.Min, p.Y.Max = max(0, 10*math.Floor(10*lowest-1e-9)), min(100, 10*math.Ceil(10*highest+1e-9))
	p.X.Tick.Marker, p.Y.Tick.Marker = percents(p.X.Min, p.X.Max), percents(p.Y.Min, p.Y.Max)
	return write(w, p, entries)
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
			widest = max(widest, c.TextStyle.Width(e.name))
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
