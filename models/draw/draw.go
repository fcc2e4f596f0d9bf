// Package draw makes pictures of networks.
//
// [SVG] draws the graph from top to bottom: a box for each node with its name,
// operation, output shape and parameters, a line for each tensor that one node
// reads of another. A network is nearly a chain, and the picture keeps that:
// nodes stand in rows by their distance from the input, in the column of what
// they read first; a branch takes a column of its own, and a tensor that skips
// rows runs down a free lane beside them, so that no line crosses a box.
//
// Nodes whose names begin alike, as layer1.0.conv1 and layer1.0.bn1 do, are a
// block and have a frame. A network of many rows goes on in strips side by
// side, cut where a single tensor holds it together; the node that makes this
// tensor is shown again, dashed, at the head of the next strip.
//
// [Beside] draws a network and what became of it side by side: bars show how
// much of each layer stayed, and nodes that are gone are dashed.
//
// Equal networks give equal bytes. Only the graph, the shapes and which weights
// are zero are looked at, never their values.
package draw

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"

	"espalier/models"
	"espalier/models/measure"
)

// Distances in pixels.
const (
	margin     = 16
	header     = 34 // of the picture, for its title
	boxHeight  = 36
	rowGap     = 24
	pitch      = boxHeight + rowGap
	columnGap  = 18
	laneWidth  = 6
	stripGap   = 36
	frameSpace = 9  // between a block's boxes and its frame
	frameLabel = 14 // room for the block's name, at its left
)

// SVG writes the picture of the network. It fails on a network that is not
// valid, and where w does.
func SVG(w io.Writer, net *models.Network) error {
	layers, err := measure.Layers(net)
	if err != nil {
		return err
	}
	p := &picture{Style: style}
	p.Title = p.add(net, layers, describe(net, layers), margin)
	return p.write(w, net.Name)
}

// write sizes the picture and writes it.
func (p *picture) write(w io.Writer, name string) error {
	p.size(p.right+margin, p.bottom+margin)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", " ")
	if err := encoder.Encode(p); err != nil {
		return fmt.Errorf("network %s: drawing: %w", name, err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add draws a network whose left edge is there, and answers with its title.
func (p *picture) add(net *models.Network, layers []measure.Layer, nodes []*node, x float64) (title string) {
	var total measure.Amounts
	for _, l := range layers {
		total.Params += l.Params
		total.MACs += l.MACs
	}
	title = fmt.Sprintf("%s: %s parameters, %s multiply-adds", net.Name, humanize.Comma(total.Params), humanize.Comma(total.MACs))
	left, height := x, 0.0
	for _, s := range layOut(nodes) {
		width := s.draw(p, x, margin+header)
		x += width + stripGap
		height = max(height, float64(s.rows*pitch))
	}
	p.right = max(p.right, x-stripGap, left+textWidth(title, 14))
	p.bottom = max(p.bottom, height-rowGap+margin+header)
	p.Items = append(p.Items, text{X: left, Y: margin + 14, Class: "title", Text: title})
	return title
}
