package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const preface = `# The papers' figures, reproduced

    make reproduce DATA=folder

runs every experiment below and writes this page; [examples/README.md](../examples/README.md) says what the folder holds. It may be interrupted in any way and goes on where it was. ` + "`ONLY=expression`" + ` picks experiments by name; ` + "`go run ./cmd/reproduce -help`" + ` tells the rest. No number of ours is written by hand: all are read from the results of ` + "`espalier run --json`" + `, which are kept in [reproduction.jsonl](reproduction.jsonl) too, so that every machine adds its own.

Ours are means over seeds 1, 2, ..., with the sample deviation where there are several, measured on the test set after the last epoch. Each experiment is one spec. No setting was chosen for its test accuracy, but those who wrote the specs had seen some test figures of trials, as the tables say. A reproduction is judged by the difference to our own dense network, since the papers' baselines differ. "Weights" are without biases, as the papers count them, and "parameters" with them; multiply-adds (MACs) are those of one sample.
`

// writePage writes the page and its plots.
func writePage(path string, b *book, chapters []chapter) error {
	var page strings.Builder
	page.WriteString(preface)
	for _, c := range chapters {
		fmt.Fprintf(&page, "\n## %s\n", c.title)
		for _, t := range c.tables {
			if err := t.write(&page, b); err != nil {
				return fmt.Errorf("table %s: %w", t.id, err)
			}
			if t.plot != nil {
				if err := t.plot.write(filepath.Dir(path), b); err != nil {
					return fmt.Errorf("table %s: %w", t.id, err)
				}
			}
		}
	}
	writeMissing(&page, b, experimentsOf(chapters))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return keep(path, []byte(page.String()))
}

func (t table) write(page *strings.Builder, b *book) error {
	fmt.Fprintf(page, "\n### %s\n\n%s\n", t.title, strings.TrimSpace(t.text))
	for _, l := range t.listings {
		page.WriteString("\n")
		l.write(page, b)
	}
	for _, g := range t.grids {
		page.WriteString("\n")
		g.write(page, b)
	}
	if len(t.claims) > 0 {
		rows := [][]string{}
		for _, c := range t.claims {
			rows = append(rows, []string{c.text, c.check(b)})
		}
		page.WriteString("\n")
		markdown(page, []string{"claim", "holds here"}, rows)
	}
	if len(t.benches) > 0 {
		page.WriteString("\n")
		writeBenches(page, b, t.benches)
	}
	if t.plot != nil && t.plot.drawn(b) {
		fmt.Fprintf(page, "\n![%s](%s)\n", t.plot.title, t.plot.file)
	}
	return t.writeSpec(page)
}

// writeSpec shows one spec and the command for the table.
func (t table) writeSpec(page *strings.Builder) error {
	at := max(0, slices.IndexFunc(t.experiments, func(e experiment) bool { return e.id == t.shown }))
	if len(t.experiments) == 0 {
		return nil
	}
	e := t.experiments[at]
	spec, err := e.write(specData{Seed: 1, Data: "DATA"}, symbolic)
	if err != nil {
		return err
	}
	number := "1 experiment"
	if n := len(t.experiments); n > 1 {
		number = fmt.Sprintf("%d experiments", n)
	}
	fmt.Fprintf(page, "\n<details><summary>%s: <code>make reproduce DATA=folder ONLY='%s'</code></summary>\n\nThe spec of `%s`:\n\n```yaml\n%s```\n\n</details>\n",
		number, t.only(), e.id, strings.Replace(spec, durable, "", 1))
	return nil
}

// only is an expression that picks the table's experiments.
func (t table) only() string { return "^" + t.id + "-" }

func (l listing) write(page *strings.Builder, b *book) {
	heads, judged := []string{""}, slices.ContainsFunc(l.lines, func(l line) bool { return len(l.goals) > 0 })
	papers := slices.ContainsFunc(l.lines, func(l line) bool { return l.paper != "" })
	if papers {
		heads = append(heads, "the paper")
	}
	for _, c := range l.columns {
		heads = append(heads, c.head)
	}
	if judged {
		heads = append(heads, "asked", "reached")
	}
	heads = append(heads, "seeds")
	var rows [][]string
	for _, line := range l.lines {
		cells := []string{line.label}
		if papers {
			cells = append(cells, line.paper)
		}
		for _, c := range l.columns {
			cells = append(cells, b.cell(line.at(), c.of, c.as))
		}
		if judged {
			asked, reached := line.judge(b)
			cells = append(cells, asked, reached)
		}
		rows = append(rows, append(cells, fmt.Sprint(len(b.runs(line.of)))))
	}
	markdown(page, heads, rows)
}

func (g grid) write(page *strings.Builder, b *book) {
	if g.title != "" {
		fmt.Fprintf(page, "%s\n\n", g.title)
	}
	var rows [][]string
	for _, l := range g.lines {
		cells := []string{l.label}
		for _, c := range l.cells {
			cells = append(cells, b.cell(c, g.of, g.as))
		}
		rows = append(rows, cells)
	}
	markdown(page, g.heads, rows)
}

// writeMissing says what there is none of.
func writeMissing(page *strings.Builder, b *book, experiments []experiment) {
	var rows [][]string
	made, planned, rounded := 0, 0, 0
	for _, e := range experiments {
		n, of := len(b.runs(e.id)), len(b.planned(e))
		for _, r := range b.runs(e.id) {
			if r.rounded {
				rounded++
			}
		}
		made, planned = made+n, planned+of
		if n < of {
			rows = append(rows, []string{"`" + e.id + "`", fmt.Sprintf("%d of %d", n, of)})
		}
	}
	fmt.Fprintf(page, "\n## What is there\n\n%d of %d runs.", made, planned)
	if rounded > 0 {
		fmt.Fprintf(page, " Of %d of them the record has the numbers as an earlier page showed them, rounded; its machine is gone.", rounded)
	}
	if len(rows) == 0 {
		page.WriteString("\n")
		return
	}
	page.WriteString(" Missing are:\n\n")
	markdown(page, []string{"experiment", "seeds"}, rows)
}

// markdown writes a table; columns after the first stand to the right if their
// cells begin with digits or signs.
func markdown(page *strings.Builder, heads []string, rows [][]string) {
	align := make([]string, len(heads))
	for i := range heads {
		align[i] = "---"
		if i > 0 && slices.ContainsFunc(rows, func(r []string) bool {
			return i < len(r) && r[i] != "" && strings.ContainsAny(r[i][:1], "+-0123456789")
		}) {
			align[i] = "---:"
		}
	}
	for _, cells := range slices.Concat([][]string{heads, align}, rows) {
		page.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
}
