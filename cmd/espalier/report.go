package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models/report"
)

// The formats of reports.
const (
	formatHTML     = "html"
	formatMarkdown = "markdown"
	formatCard     = "card"
)

var reportFormats = []string{formatHTML, formatMarkdown, formatCard}

// reported is a report that was written.
type reported struct {
	File   string `json:"file,omitempty"`
	Format string `json:"format"`
	Parts  int    `json:"parts"`  // runs and sweeps
	Trials int    `json:"trials"` // that are told of
	Size   int    `json:"size"`
	Text   string `json:"text,omitempty"` // where there is no file
}

func reportCommand(a *app) *cobra.Command {
	var f resultsFlags
	c := &cobra.Command{
		Use: "report ID [ID...]", Short: "Write a report of runs and sweeps, or a model card",
		Long: `Writes what runs, trials and sweeps did and reached: settings, data with their
digest, machines and versions, means with sample deviations over seeds, the front
as a chart, size by stage and layer, theoretical speed beside what was measured,
trials that stopped or failed and why, every pass, and for every row the command
that does it again.

html is one page that needs no network and no script, follows a light or dark
scheme, and prints. markdown is the same without the chart. card is a model card
in the layout of Hugging Face, of one run, or of the best trial of a sweep.
What has ended is read from the store, without a server. The same results make
the same bytes.

Without --format the end of --out says which, .html or .md; what is printed is
markdown.`,
		Example: "  espalier report sweep-digits-918f3c8a0ed1 --out digits.html\n  espalier report quickstart-1a2b3c4d5e6f --format card -o README.md",
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.completeReport(len(args)); err != nil {
				return err
			}
			source, done, err := a.sources(c)
			if err != nil {
				return err
			}
			defer done()
			study, err := source.Study(c.Context(), version, args...)
			if err != nil {
				return err
			}
			return a.writeReport(study, f)
		},
	}
	c.Flags().StringVar(&f.format, "format", "", strings.Join(reportFormats, ", "))
	c.Flags().StringVarP(&f.out, "out", "o", "", "the file to write; without it the report is printed")
	c.Flags().BoolVar(&f.force, "force", false, "write over a file that is there")
	return c
}

// completeReport chooses the format.
func (f *resultsFlags) completeReport(ids int) error {
	if f.format == "" {
		switch strings.ToLower(filepath.Ext(f.out)) {
		case ".html", ".htm":
			f.format = formatHTML
		case "", ".md":
			f.format = formatMarkdown
		}
		if f.format == "" || f.out != "" && filepath.Ext(f.out) == "" {
			return usageError{fmt.Errorf("--out %s: its end says no format; end it in .html or .md, or say --format", f.out)}
		}
	}
	if !slices.Contains(reportFormats, f.format) {
		return usageError{fmt.Errorf("--format %q: %s are allowed", f.format, strings.Join(reportFormats, ", "))}
	}
	if f.format == formatCard && ids > 1 {
		return usageError{fmt.Errorf("--format card: a model card is of one run or sweep, and %d are named", ids)}
	}
	if f.out == "" {
		return nil
	}
	return refuseOld(f.out, f.force)
}

func (a *app) writeReport(study *report.Study, f resultsFlags) error {
	layOut := map[string]func(io.Writer) error{formatHTML: study.HTML, formatMarkdown: study.Markdown, formatCard: study.Card}[f.format]
	var text bytes.Buffer
	if err := layOut(&text); err != nil {
		return err
	}
	r := reported{File: f.out, Format: f.format, Parts: len(study.Parts), Size: text.Len()}
	for _, p := range study.Parts {
		r.Trials += len(p.Trials)
	}
	if f.out == "" {
		r.Text = text.String()
		return a.say(r, "%s", r.Text)
	}
	if err := replaceFile(f.out, text.Bytes(), f.force); err != nil {
		return err
	}
	return a.say(r, "wrote %s: %s as %s, %s\n", filepath.Clean(f.out), trialsOf(r.Trials), f.format, humanize.Bytes(uint64(r.Size)))
}

func trialsOf(n int) string {
	if n == 1 {
		return "1 trial"
	}
	return humanize.Comma(int64(n)) + " trials"
}
