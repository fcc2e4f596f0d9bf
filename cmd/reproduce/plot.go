package main

// plot is accuracy over MACs left, of the cells of grid lines.
type plot struct {
	file, title string
	lines       []gridLine
}

func (p *plot) drawn(b *book) bool { return false }

func (p *plot) write(folder string, b *book) error { return nil }
