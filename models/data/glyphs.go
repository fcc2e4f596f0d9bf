package data

import (
	"fmt"
	"math"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/gofont/gosmallcapsitalic"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// The fonts are outlines of integers, and everything from there to the pixels
// is integer arithmetic (square roots and divisions apart, which IEEE 754
// rounds alike everywhere), so that all machines draw the same digits.

const (
	field      = 64 // side of a glyph's field, in field pixels
	glyphEM    = 56 // field pixels to the em; a digit is then about 40 tall
	unit       = 64 // outline units to the field pixel (26.6 fixed point)
	flat       = 8  // chords to a curve
	reach      = 12 // distances are cut off there, in field pixels
	distanceOf = 16 // distance units to the field pixel
	faces      = 12 // fonts
	digits     = 10 // classes
	glyphCount = faces * digits
)

// glyph is a digit's distance field: at each field pixel the distance to the
// outline, positive inside. Thresholding it at other levels than 0 makes the
// strokes thicker or thinner.
type glyph [field * field]int16

func fonts() [faces][]byte {
	return [faces][]byte{
		goregular.TTF, goitalic.TTF, gomedium.TTF, gomediumitalic.TTF, gobold.TTF, gobolditalic.TTF,
		gomono.TTF, gomonoitalic.TTF, gomonobold.TTF, gomonobolditalic.TTF, gosmallcaps.TTF, gosmallcapsitalic.TTF,
	}
}

// drawGlyph renders digit d of a font, centred in its field.
func drawGlyph(font *sfnt.Font, d int) (*glyph, error) {
	var buf sfnt.Buffer
	index, err := font.GlyphIndex(&buf, rune('0'+d))
	if err != nil {
		return nil, fmt.Errorf("glyph of %d: %w", d, err)
	}
	segments, err := font.LoadGlyph(&buf, index, fixed.I(glyphEM), nil)
	if err != nil {
		return nil, fmt.Errorf("glyph of %d: %w", d, err)
	}
	edges := outline(segments)
	centre(edges)
	return distances(fill(edges)), nil
}

// edge is a chord of an outline, in outline units.
type edge struct{ ax, ay, bx, by int }

// outline flattens the segments of a TrueType glyph: lines and quadratic
// curves only.
func outline(segments sfnt.Segments) []edge {
	var edges []edge
	var x, y, startX, startY int
	to := func(nx, ny int) {
		edges = append(edges, edge{x, y, nx, ny})
		x, y = nx, ny
	}
	for _, s := range segments {
		p, q := s.Args[0], s.Args[1]
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			to(startX, startY) // closes the contour before
			x, y = int(p.X), int(p.Y)
			startX, startY = x, y
		case sfnt.SegmentOpLineTo:
			to(int(p.X), int(p.Y))
		case sfnt.SegmentOpQuadTo:
			ax, ay := x, y
			for i := 1; i <= flat; i++ {
				to(bezier(i, ax, int(p.X), int(q.X)), bezier(i, ay, int(p.Y), int(q.Y)))
			}
		}
	}
	to(startX, startY)
	return edges
}

func bezier(i, a, b, c int) int {
	j := flat - i
	return (j*j*a + 2*i*j*b + i*i*c) / (flat * flat)
}

// centre moves the middle of the outline's box to the middle of the field.
func centre(edges []edge) {
	loX, loY, hiX, hiY := math.MaxInt, math.MaxInt, math.MinInt, math.MinInt
	for _, e := range edges[1:] { // the first is the empty contour before the first
		loX, hiX = min(loX, e.ax, e.bx), max(hiX, e.ax, e.bx)
		loY, hiY = min(loY, e.ay, e.by), max(hiY, e.ay, e.by)
	}
	dx, dy := (field*unit-loX-hiX)/2, (field*unit-loY-hiY)/2
	for i := range edges {
		edges[i].ax, edges[i].bx = edges[i].ax+dx, edges[i].bx+dx
		edges[i].ay, edges[i].by = edges[i].ay+dy, edges[i].by+dy
	}
}

// fill marks the field pixels whose centre is inside, by the non-zero winding
// rule: each edge adds its direction to all pixels right of it.
func fill(edges []edge) *[field * field]bool {
	var winding [field][field + 1]int
	for _, e := range edges {
		direction := 1
		if e.ay > e.by {
			e.ax, e.ay, e.bx, e.by = e.bx, e.by, e.ax, e.ay
			direction = -1
		}
		for row := range field {
			y := row*unit + unit/2
			if y < e.ay || y >= e.by {
				continue
			}
			x := e.ax + (y-e.ay)*(e.bx-e.ax)/(e.by-e.ay)
			first := (x + unit/2) / unit // first pixel whose centre is at x or right of it
			winding[row][max(0, min(first, field))] += direction
		}
	}
	var inside [field * field]bool
	for row := range field {
		sum := 0
		for col := range field {
			sum += winding[row][col]
			inside[row*field+col] = sum != 0
		}
	}
	return &inside
}

// distances turns a filled outline into a distance field, in two passes: along
// columns, then along rows over the squares of the first.
func distances(inside *[field * field]bool) *glyph {
	var g glyph
	for _, side := range []bool{true, false} {
		column := columns(inside, side)
		for i := range g {
			if inside[i] == side {
				continue
			}
			x, best := i%field, reach*reach
			for k := max(x-reach, 0); k <= min(x+reach, field-1); k++ {
				c := column[i-x+k]
				best = min(best, (x-k)*(x-k)+c*c)
			}
			d := int16(math.Sqrt(float64(best*distanceOf*distanceOf))) - distanceOf/2
			if side {
				d = -d // outside: the distance to the nearest inside
			}
			g[i] = d
		}
	}
	return &g
}

// columns holds for each pixel the distance to the nearest one of a side in
// the same column, at most reach.
func columns(inside *[field * field]bool, side bool) *[field * field]int {
	var column [field * field]int
	var above, below [field]int
	for x := range field {
		above[x], below[x] = reach, reach
	}
	step := func(i int, near *[field]int) {
		near[i%field] = min(near[i%field]+1, reach)
		if inside[i] == side {
			near[i%field] = 0
		}
	}
	for i := range column {
		step(i, &above)
		column[i] = above[i%field]
	}
	for i := len(column) - 1; i >= 0; i-- {
		step(i, &below)
		column[i] = min(column[i], below[i%field])
	}
	return &column
}
