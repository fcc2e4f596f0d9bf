package report

// document is a report before it has a form: sections of blocks. What stands
// in it is text, escaped by whoever writes it.
type document struct {
	title    string
	sections []section
}

type section struct {
	level  int // 2 or 3
	title  string
	blocks []block
}

// block is exactly one of its members.
type block struct {
	text   string
	list   []string
	table  *grid
	code   *code
	figure *figure
}

// grid is a table.
type grid struct {
	columns []heading
	rows    [][]cell
}

// heading is the head of a table's column; numbers stand to the right.
type heading struct {
	title string
	right bool
}

// cell is text, or code as commands and digests are.
type cell struct {
	text string
	code bool
}

type code struct{ language, text string }

// figure is a chart; without a form for charts its table alone is told.
type figure struct {
	svg     []byte
	caption string
}

func (s *section) say(text string)        { s.blocks = append(s.blocks, block{text: text}) }
func (s *section) list(entries ...string) { s.blocks = append(s.blocks, block{list: entries}) }
func (s *section) code(language, text string) {
	s.blocks = append(s.blocks, block{code: &code{language, text}})
}
func (s *section) draw(svg []byte, caption string) {
	s.blocks = append(s.blocks, block{figure: &figure{svg, caption}})
}
func (s *section) tabulate(g *grid) { s.blocks = append(s.blocks, block{table: g}) }
func (g *grid) row(cells ...cell)   { g.rows = append(g.rows, cells) }

// heads makes columns; a title that begins with ">" is of numbers.
func heads(titles ...string) *grid {
	g := &grid{}
	for _, title := range titles {
		g.head(title)
	}
	return g
}

func (g *grid) head(title string) {
	right := title != "" && title[0] == '>'
	if right {
		title = title[1:]
	}
	g.columns = append(g.columns, heading{title, right})
}

// plain makes cells of texts.
func plain(texts ...string) []cell {
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i] = cell{text: text}
	}
	return cells
}

// digest is the beginning of a digest, enough to find it by.
func digest(d string) cell {
	if d == "" {
		return cell{text: unknown}
	}
	return cell{text: d[:min(12, len(d))], code: true}
}
