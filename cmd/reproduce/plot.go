package main

import (
	"bytes"
	"path/filepath"

	"espalier/models/report"
)

// plot is accuracy over MACs left: a curve for each of some grid lines, which
// begins at the dense network.
type plot struct {
	file, title string
	lines       []gridLine
}

// chart has the curves of which there is something.
func (p *plot) chart(b *book) report.Chart {
	c := report.Chart{Title: p.title, X: "multiply-adds left, %", Y: "accuracy after fine-tuning, %", Lowest: 20}
	for _, l := range p.lines {
		curve := report.Line{Name: l.label}
		for _, cell := range l.cells {
			left, ok := b.mean(cell, macsShare)
			accuracy, too := b.mean(cell, finalAccuracy)
			if !ok || !too {
				continue
			}
			if len(curve.X) == 0 {
				dense, _ := b.mean(cell, denseAccuracy)
				curve.X, curve.Y = []float64{100}, []float64{dense}
			}
			curve.X, curve.Y = append(curve.X, left), append(curve.Y, accuracy)
		}
		if len(curve.X) > 0 {
			c.Lines = append(c.Lines, curve)
		}
	}
	return c
}

// drawn says whether there is anything to draw.
func (p *plot) drawn(b *book) bool { return len(p.chart(b).Lines) > 0 }

// write draws the plot into its file of a folder.
func (p *plot) write(folder string, b *book) error {
	if !p.drawn(b) {
		return nil
	}
	var svg bytes.Buffer
	if err := p.chart(b).Write(&svg); err != nil {
		return err
	}
	return keep(filepath.Join(folder, p.file), svg.Bytes())
}
