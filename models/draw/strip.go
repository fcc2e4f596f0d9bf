package draw

import (
	"fmt"
	"strings"
)

// columns are the left edges and widths of a strip's columns.
type columns struct{ left, width []float64 }

func (c columns) center(column int) float64 { return c.left[column] + c.width[column]/2 }

// columns are wide enough for their boxes; those of lines only are lanes.
func (s strip) columns(x float64) (columns, float64) {
	widths := []float64{}
	widen := func(column int, width float64) {
		for len(widths) <= column {
			widths = append(widths, laneWidth)
		}
		widths[column] = max(widths[column], width)
	}
	for _, n := range s.nodes {
		widen(n.column, n.width())
	}
	for _, l := range s.lines {
		widen(l.lane, laneWidth)
	}
	c := columns{width: widths}
	start := x
	for _, w := range widths {
		c.left = append(c.left, x)
		x += w + columnGap
	}
	return c, x - columnGap - start
}

func (n *node) width() float64 {
	return 2*8 + max(textWidth(n.label()+"  "+n.kind, 11.5), textWidth(n.detail, 11))
}

// label is the name in the box: the frame around a block says the rest.
func (n *node) label() string {
	if n.ghost {
		return n.name
	}
	return n.short
}

// draw adds the strip to the picture, its upper left corner there, and returns
// its width.
func (s strip) draw(p *picture, x, y float64) float64 {
	blocks := s.blocks()
	inset := 0.0
	if len(blocks) > 0 {
		inset = frameSpace + frameLabel
	}
	c, width := s.columns(x + inset)
	for _, b := range blocks {
		b.draw(p, c, y)
	}
	for _, l := range s.lines {
		p.Items = append(p.Items, l.draw(c, y), l.head(c, y))
	}
	for _, n := range s.nodes {
		p.Items = append(p.Items, n.draw(c, y))
	}
	if inset > 0 {
		width += frameSpace
	}
	return inset + width
}

func (n *node) draw(c columns, y float64) group {
	width := n.width()
	left, top := c.center(n.column)-width/2, y+float64(n.row*pitch)
	g := group{Class: n.class, Title: n.tip}
	if n.ghost {
		g.Class = "ghost"
	}
	g.Items = append(g.Items,
		rect{X: left, Y: top, Width: width, Height: boxHeight, Radius: 4, Class: "box"},
		text{X: left + 8, Y: top + 15, Spans: []span{{Class: "name", Text: n.label()}, {Class: "op", Text: "  " + n.kind}}},
		text{X: left + 8, Y: top + 29, Text: n.detail})
	if n.compared && !n.ghost {
		g.Items = append(g.Items, n.bar(left, top, width)...)
	}
	return g
}

// ends are where the line leaves its source and enters its target: in the
// middle, or towards the lane if that is another column.
func (l line) ends(c columns) (from, to float64) {
	from, to = c.center(l.from.column), c.center(l.to.column)
	lane := l.lane
	if l.to.row == l.from.row+1 {
		lane = l.from.column
	}
	if lane > l.from.column || l.to.column > l.from.column {
		from += l.from.width() / 4
	}
	if lane > l.to.column {
		to += l.to.width() / 4
	}
	return from, to
}

func (l line) draw(c columns, y float64) path {
	from, to := l.ends(c)
	top, bottom := y+float64(l.from.row*pitch+boxHeight), y+float64(l.to.row*pitch)
	d := &strings.Builder{}
	fmt.Fprintf(d, "M%g %g", from, top)
	bend := func(x1, y1, x2, y2 float64) {
		if x1 == x2 {
			fmt.Fprintf(d, " L%g %g", x2, y2)
			return
		}
		middle := (y1 + y2) / 2
		fmt.Fprintf(d, " C%g %g %g %g %g %g", x1, middle, x2, middle, x2, y2)
	}
	if l.to.row == l.from.row+1 {
		bend(from, top, to, bottom)
	} else {
		lane := l.across(c)
		bend(from, top, lane, top+rowGap)
		fmt.Fprintf(d, " L%g %g", lane, bottom-rowGap)
		bend(lane, bottom-rowGap, to, bottom)
	}
	return path{D: d.String(), Class: "line"}
}

// across is where the lane runs: straight on in its source's or target's
// column, at the left edge of another.
func (l line) across(c columns) float64 {
	if l.lane == l.from.column || l.lane == l.to.column {
		return c.center(l.lane)
	}
	return c.left[l.lane] + laneWidth/2
}

// head is the point of the arrow.
func (l line) head(c columns, y float64) path {
	_, x := l.ends(c)
	tip := y + float64(l.to.row*pitch)
	return path{D: fmt.Sprintf("M%g %g l-3.5 -7 h7 z", x, tip), Class: "head"}
}

// block is a frame around nodes of one strip.
type block struct {
	name                     string
	top, bottom, left, right int // rows and columns
	lane                     int // of a line that runs within, at the right of all boxes, or 0
}

// blocks are the frames of the strip, in the order of their first nodes.
// Lines that enter a block's last node from outside run within its frame.
func (s strip) blocks() []block {
	var found []block
	of := func(name string) *block {
		for i := range found {
			if found[i].name == name {
				return &found[i]
			}
		}
		return nil
	}
	for _, n := range s.nodes {
		if n.block == "" || n.ghost {
			continue
		}
		b := of(n.block)
		if b == nil {
			found = append(found, block{name: n.block, top: n.row, bottom: n.row, left: n.column, right: n.column})
			b = &found[len(found)-1]
		}
		b.bottom = max(b.bottom, n.row)
		b.left, b.right = min(b.left, n.column), max(b.right, n.column)
	}
	for _, l := range s.lines {
		if b := of(l.to.block); b != nil && l.to.row > l.from.row+1 && l.from.row >= b.top-1 {
			b.lane = max(b.lane, l.lane)
		}
	}
	return found
}

func (b block) draw(p *picture, c columns, y float64) {
	top := y + float64(b.top*pitch) - frameSpace
	height := float64((b.bottom-b.top)*pitch+boxHeight) + 2*frameSpace
	left := c.left[b.left] - frameSpace - frameLabel
	right := max(c.left[b.right]+c.width[b.right], c.left[b.lane]+laneWidth) + frameSpace
	middle := top + height/2
	p.Items = append(p.Items,
		rect{X: left, Y: top, Width: right - left, Height: height, Radius: 6, Class: "frame"},
		text{X: left + frameLabel - 3, Y: middle, Class: "block", Transform: fmt.Sprintf("rotate(-90 %g %g)", left+frameLabel-3, middle), Text: b.name})
}
