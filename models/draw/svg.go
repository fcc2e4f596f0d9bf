package draw

import (
	"encoding/xml"
	"fmt"
	"math"
	"unicode/utf8"
)

// picture is the root element; its items are drawn in their order.
type picture struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	Width   float64  `xml:"width,attr"`
	Height  float64  `xml:"height,attr"`
	ViewBox string   `xml:"viewBox,attr"`
	Title   string   `xml:"title"`
	Style   string   `xml:"style"`
	Items   []any

	right, bottom float64 // of what is drawn
}

func (p *picture) size(width, height float64) {
	p.Width, p.Height = math.Ceil(width), math.Ceil(height)
	p.ViewBox = fmt.Sprintf("0 0 %g %g", p.Width, p.Height)
}

type rect struct {
	XMLName xml.Name `xml:"rect"`
	X       float64  `xml:"x,attr"`
	Y       float64  `xml:"y,attr"`
	Width   float64  `xml:"width,attr"`
	Height  float64  `xml:"height,attr"`
	Radius  float64  `xml:"rx,attr"`
	Class   string   `xml:"class,attr"`
}

type text struct {
	XMLName   xml.Name `xml:"text"`
	X         float64  `xml:"x,attr"`
	Y         float64  `xml:"y,attr"`
	Class     string   `xml:"class,attr,omitempty"`
	Transform string   `xml:"transform,attr,omitempty"`
	Text      string   `xml:",chardata"`
	Spans     []span
}

type span struct {
	XMLName xml.Name `xml:"tspan"`
	Class   string   `xml:"class,attr"`
	Text    string   `xml:",chardata"`
}

type path struct {
	XMLName xml.Name `xml:"path"`
	D       string   `xml:"d,attr"`
	Class   string   `xml:"class,attr"`
}

// group is a box with its writing; a viewer shows the title when pointed at.
type group struct {
	XMLName xml.Name `xml:"g"`
	Class   string   `xml:"class,attr"`
	Title   string   `xml:"title"`
	Items   []any
}

// style is for light and dark grounds alike, and prints.
const style = `
text { font: 11px Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 14px; font-weight: bold }
.name { font-weight: bold }
.block { font-size: 10px; fill: #57606a; text-anchor: middle }
.ground { fill: #ffffff }
.frame { fill: #f3f4f6; stroke: #c4c9d0 }
.line { fill: none; stroke: #57606a; stroke-width: 1.3 }
.head { fill: #57606a }
.box { stroke: #57606a; fill: #ffffff }
.conv .box { fill: #cfe3fb; stroke: #3b72b0 }
.linear .box { fill: #d9d3f7; stroke: #6450b5 }
.norm .box { fill: #dff0d8; stroke: #5d9047 }
.activation .box { fill: #fdeccb; stroke: #b98a2c }
.pool .box { fill: #fbd9d3; stroke: #b7604f }
.join .box { fill: #d3eef0; stroke: #37868c }
.ghost .box { fill: #ffffff; stroke-dasharray: 4 3 }
.gone .box { fill: #ffffff; stroke-dasharray: 2 3; opacity: 0.6 }
.lost { fill: #e6e8eb }
.kept { fill: #1a7f37 }
`

// textWidth is about the width of the text; no font is at hand to measure it.
func textWidth(s string, fontSize float64) float64 {
	return 0.58 * fontSize * float64(utf8.RuneCountInString(s))
}
