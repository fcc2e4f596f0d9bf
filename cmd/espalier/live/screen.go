package live

import (
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Screen keeps lines in place at the end of a terminal.
type Screen struct {
	out    io.Writer
	size   func() (width, height int)
	widths []int // of the lines that stand there
}

// NewScreen draws on out, whose size is asked for before each drawing.
func NewScreen(out io.Writer, size func() (width, height int)) *Screen {
	return &Screen{out: out, size: size}
}

// Draw puts the lines of a frame in the place of those before. In one write, so
// that nothing flickers.
func (s *Screen) Draw(frame func(width, height int) []string) {
	width, height := s.size()
	s.replace(width, height, frame(width, height))
}

// Say writes a line that stays, above the frame.
func (s *Screen) Say(text string) {
	s.Clear()
	// A terminal that cannot be written to has nobody to tell so.
	_, _ = io.WriteString(s.out, text+"\n")
}

// Clear takes the frame away.
func (s *Screen) Clear() {
	if len(s.widths) > 0 {
		width, height := s.size()
		s.replace(width, height, nil)
	}
}

func (s *Screen) replace(width, height int, lines []string) {
	var b strings.Builder
	b.WriteString("\r")
	if up := min(s.stands(width), height-1); up > 0 {
		b.WriteString(ansi.CursorUp(up))
	}
	s.widths = s.widths[:0]
	for _, line := range lines {
		b.WriteString(line + ansi.EraseLineRight + "\r\n")
		s.widths = append(s.widths, ansi.StringWidth(line))
	}
	b.WriteString(ansi.EraseScreenBelow)
	_, _ = io.WriteString(s.out, b.String())
}

// stands is how many rows the frame takes. A terminal that became narrower has
// broken its lines.
func (s *Screen) stands(width int) int {
	rows := 0
	for _, w := range s.widths {
		rows += max(1, (w+width-1)/max(1, width))
	}
	return rows
}
