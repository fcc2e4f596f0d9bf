package report

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"regexp"
)

//go:embed page.html
var page string

// HTML writes the study as one page that needs nothing else: no network, no
// script, no font. It follows the reader's light or dark scheme, and prints.
// It fails where w does, and on a chart that cannot be drawn.
func (s *Study) HTML(w io.Writer) error {
	d, err := s.document()
	if err != nil {
		return err
	}
	t, err := template.New("page").Parse(page)
	if err != nil {
		return fmt.Errorf("the page of reports: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, paged(d)); err != nil {
		return fmt.Errorf("the page of %s: %w", s.Title, err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

// The document as the template wants it.
type (
	pageOf struct {
		Title    string
		Sections []pageSection
	}
	pageSection struct {
		Level  int
		Title  string
		Blocks []pageBlock
	}
	pageBlock struct {
		Text   string
		List   []string
		Table  *pageTable
		Code   string
		Figure *pageFigure
	}
	pageTable struct {
		Heads []pageCell
		Rows  [][]pageCell
	}
	pageCell struct {
		Title, Text string
		Right, Code bool
	}
	pageFigure struct {
		SVG     template.HTML
		Caption string
	}
)

func paged(d *document) pageOf {
	p := pageOf{Title: d.title}
	for _, s := range d.sections {
		to := pageSection{Level: s.level, Title: s.title}
		for _, b := range s.blocks {
			to.Blocks = append(to.Blocks, pagedBlock(b))
		}
		p.Sections = append(p.Sections, to)
	}
	return p
}

func pagedBlock(b block) pageBlock {
	to := pageBlock{Text: b.text, List: b.list}
	switch {
	case b.code != nil:
		to.Code = b.code.text
	case b.figure != nil:
		// The chart is ours, and its texts were escaped when it was drawn.
		to.Figure = &pageFigure{SVG: template.HTML(inline(b.figure.svg)), Caption: b.figure.caption}
	case b.table != nil:
		to.Table = &pageTable{}
		for _, c := range b.table.columns {
			to.Table.Heads = append(to.Table.Heads, pageCell{Title: c.title, Right: c.right})
		}
		for _, row := range b.table.rows {
			var cells []pageCell
			for i, c := range row {
				cells = append(cells, pageCell{Text: c.text, Code: c.code, Right: b.table.columns[i].right})
			}
			to.Table.Rows = append(to.Table.Rows, cells)
		}
	}
	return to
}

var (
	beforeSVG = regexp.MustCompile(`(?s)^.*?<svg`)
	black     = regexp.MustCompile(`(fill|stroke):#000000`)
	grey      = regexp.MustCompile(`stroke:#E1E1E1`)
	white     = regexp.MustCompile(`fill:#FFFFFF`)
)

// inline makes a chart a part of a page: without a head, and with axes and
// texts in the page's own colour on its own ground.
func inline(svg []byte) []byte {
	svg = beforeSVG.ReplaceAll(svg, []byte(`<svg role="img"`))
	svg = black.ReplaceAll(svg, []byte("$1:currentColor"))
	svg = white.ReplaceAll(svg, []byte("fill:none"))
	svg = grey.ReplaceAll(svg, []byte("stroke:currentColor;stroke-opacity:0.15"))
	return bytes.ReplaceAll(svg, []byte("<text "), []byte(`<text fill="currentColor" `))
}
