package report

import (
	"bytes"
	"io"
	"strings"
)

// Markdown writes the study as GitHub's Markdown, without charts: their points
// stand in tables. It fails where w does.
func (s *Study) Markdown(w io.Writer) error {
	d, err := s.document()
	if err != nil {
		return err
	}
	_, err = w.Write(d.markdown())
	return err
}

func (d *document) markdown() []byte {
	var out bytes.Buffer
	out.WriteString("# " + marked(d.title) + "\n")
	for _, s := range d.sections {
		out.WriteString("\n" + strings.Repeat("#", s.level) + " " + marked(s.title) + "\n")
		for _, b := range s.blocks {
			b.markdown(&out)
		}
	}
	return out.Bytes()
}

func (b block) markdown(out *bytes.Buffer) {
	switch {
	case b.text != "":
		out.WriteString("\n" + marked(b.text) + "\n")
	case b.list != nil:
		out.WriteString("\n")
		for _, entry := range b.list {
			out.WriteString("- " + marked(entry) + "\n")
		}
	case b.code != nil:
		fence := "```"
		for strings.Contains(b.code.text, fence) {
			fence += "`"
		}
		out.WriteString("\n" + fence + b.code.language + "\n" + strings.TrimRight(b.code.text, "\n") + "\n" + fence + "\n")
	case b.table != nil:
		b.table.markdown(out)
	}
}

func (g *grid) markdown(out *bytes.Buffer) {
	out.WriteString("\n|")
	for _, c := range g.columns {
		out.WriteString(" " + marked(c.title) + " |")
	}
	out.WriteString("\n|")
	for _, c := range g.columns {
		if c.right {
			out.WriteString(" ---: |")
		} else {
			out.WriteString(" --- |")
		}
	}
	out.WriteString("\n")
	for _, row := range g.rows {
		out.WriteString("|")
		for _, c := range row {
			out.WriteString(" " + c.markdown() + " |")
		}
		out.WriteString("\n")
	}
}

// markdown of a cell: a bar ends it even in code, unless it is escaped.
func (c cell) markdown() string {
	if !c.code {
		return marked(c.text)
	}
	fence := "`"
	for strings.Contains(c.text, fence) {
		fence += "`"
	}
	pad := ""
	if strings.HasPrefix(c.text, "`") || strings.HasSuffix(c.text, "`") {
		pad = " "
	}
	return fence + pad + strings.ReplaceAll(oneLine(c.text), "|", `\|`) + pad + fence
}

// special are the characters that begin something in Markdown.
const special = "\\`*_[]<>|~$&#"

// marked is text as Markdown shows it, in one line.
func marked(text string) string {
	var out strings.Builder
	for _, r := range oneLine(text) {
		if strings.ContainsRune(special, r) {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	if out.Len() > 1 && strings.HasPrefix(text, "- ") {
		return `\` + out.String()
	}
	return out.String()
}

// oneLine puts spaces in the place of lines' ends.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
