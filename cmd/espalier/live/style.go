package live

import "github.com/charmbracelet/x/ansi"

// Style says how words stand out; the zero value has no colours.
type Style struct{ Colour bool }

// The words that stand out.
type tone int

const (
	plain tone = iota
	strong
	quiet
	good
	bad
	waiting
)

func (s Style) paint(t tone, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	var style ansi.Style
	switch t {
	case strong:
		style = style.Bold()
	case quiet:
		style = style.Faint()
	case good:
		style = style.ForegroundColor(ansi.Green)
	case bad:
		style = style.ForegroundColor(ansi.Red)
	case waiting:
		style = style.ForegroundColor(ansi.Yellow)
	default:
		return text
	}
	return style.Styled(text)
}

// part is a word of a line, with its rank: where there is no room for all, those
// of the highest rank go first.
type part struct {
	text string
	rank int
	tone tone
}

// fit is a line of at most width columns of the parts that are not empty; the
// last one that is left is cut.
func (s Style) fit(width int, all ...part) string {
	var parts []part
	room := width + len(gap)
	for _, p := range all {
		if p.text = clean(p.text); p.text != "" {
			parts = append(parts, p)
			room -= ansi.StringWidth(p.text) + len(gap)
		}
	}
	for room < 0 && len(parts) > 1 {
		worst := 0
		for i, p := range parts {
			if p.rank >= parts[worst].rank {
				worst = i
			}
		}
		room += ansi.StringWidth(parts[worst].text) + len(gap)
		parts = append(parts[:worst], parts[worst+1:]...)
	}
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = s.paint(p.tone, Cut(p.text, width))
	}
	return join(gap, words...)
}

const gap = "  "

// Cut shortens a text to so many columns; what control characters it has, as
// reasons of failures may, are left out.
func Cut(text string, width int) string {
	return ansi.Truncate(clean(text), max(0, width), ellipsis(width))
}

func ellipsis(width int) string { return "..."[:min(3, max(0, width-1))] }

func stateTone(state string) tone {
	switch state {
	case "done":
		return good
	case "failed", "cancelled":
		return bad
	case "paused":
		return waiting
	}
	return strong
}
