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
// Equal networks give equal bytes. Only the graph and the shapes are looked at,
// never the weights.
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
	p := newPicture(net, layers)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", " ")
	if err := encoder.Encode(p); err != nil {
		return fmt.Errorf("network %s: drawing: %w", net.Name, err)
	}
	_, err = io.WriteString(w, "\n")
	return err
}

func newPicture(net *models.Network, layers []measure.Layer) *picture {
	nodes := describe(net, layers)
	var total measure.Amounts
	for _, l := range layers {
		total.Params += l.Params
		total.MACs += l.MACs
	}
	title := fmt.Sprintf("%s: %s parameters, %s multiply-adds", net.Name, humanize.Comma(total.Params), humanize.Comma(total.MACs))
	p := &picture{Style: style, Title: title}
	x, height := float64(margin), 0.0
	for _, s := range layOut(nodes) {
		width := s.draw(p, x, margin+header)
		x += width + stripGap
		height = max(height, float64(s.rows*pitch))
	}
	p.size(max(x-stripGap, margin+textWidth(title, 14))+margin, height-rowGap+2*margin+header)
	p.Items = append(p.Items, text{X: margin, Y: margin + 14, Class: "title", Text: title})
	return p
}
