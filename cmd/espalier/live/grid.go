package live

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// column is one of a grid; those of the highest rank go first where there is no
// room for all.
type column struct {
	head  string
	right bool
	rank  int
}

// row has a cell for each column; a note stands in the place of those from
// column spans on.
type row struct {
	cells []string
	note  string
}

// grid lays rows out below a line of heads, in at most width columns. Columns
// that are empty are left out.
func (s Style) grid(width int, columns []column, rows []row) []string {
	shown, widths := layout(width, columns, rows)
	var heads []string
	for _, c := range columns {
		heads = append(heads, c.head)
	}
	lines := []string{s.paint(quiet, Cut(pick(heads, columns, shown, widths), width))}
	for _, r := range rows {
		if r.note == "" {
			lines = append(lines, Cut(pick(r.cells, columns, shown, widths), width))
			continue
		}
		var before []int
		for _, i := range shown {
			if i < spans {
				before = append(before, i)
			}
		}
		start := Cut(pick(r.cells, columns, before, widths), width)
		if room := width - ansi.StringWidth(start) - len(gap); room > 0 {
			start += gap + s.paint(waiting, Cut(r.note, room))
		}
		lines = append(lines, start)
	}
	return lines
}

// layout chooses the columns that there is room for, and how wide each is.
func layout(width int, columns []column, rows []row) (shown, widths []int) {
	widths = make([]int, len(columns))
	room := width + len(gap)
	for i, c := range columns {
		for _, r := range rows {
			if r.note == "" || i < spans {
				widths[i] = max(widths[i], ansi.StringWidth(clean(r.cells[i])))
			}
		}
		if widths[i] == 0 {
			continue
		}
		widths[i] = max(widths[i], ansi.StringWidth(c.head))
		room -= widths[i] + len(gap)
		shown = append(shown, i)
	}
	for room < 0 && len(shown) > 1 {
		worst := 0
		for at, i := range shown {
			if columns[i].rank > columns[shown[worst]].rank {
				worst = at
			}
		}
		room += widths[shown[worst]] + len(gap)
		shown = append(shown[:worst], shown[worst+1:]...)
	}
	return shown, widths
}

// pick is a line of the cells that are shown, without blanks at its end.
func pick(cells []string, columns []column, shown, widths []int) string {
	var line strings.Builder
	for at, i := range shown {
		if at > 0 {
			line.WriteString(gap)
		}
		text := clean(cells[i])
		blank := strings.Repeat(" ", max(0, widths[i]-ansi.StringWidth(text)))
		if columns[i].right {
			text, blank = blank, text
		}
		line.WriteString(text + blank)
	}
	return strings.TrimRight(line.String(), " ")
}
