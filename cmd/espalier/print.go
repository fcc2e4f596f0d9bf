package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"espalier/workers/runs"
	"espalier/workflows"
)

func (a *app) printJSON(v any) error { return writeJSON(a.out, v) }

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// newTable is the look of every table: no frame, headers as written. A column
// of numbers has ">" before its header and stands to the right.
func newTable(out io.Writer, header ...string) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	t.SuppressTrailingSpaces()
	row := make(table.Row, len(header))
	var columns []table.ColumnConfig
	for i, h := range header {
		name, number := strings.CutPrefix(h, ">")
		row[i] = name
		if number {
			columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.SetColumnConfigs(columns)
	t.AppendHeader(row)
	return t
}

// printRows prints a run's passes; what was measured on data.extra_test has two
// columns more.
func printRows(out io.Writer, rows []workflows.Row) {
	if slices.ContainsFunc(rows, func(r workflows.Row) bool { return r.DenseBytes == 0 }) {
		printMeasured(out, rows)
		return
	}
	extra := slices.ContainsFunc(rows, func(r workflows.Row) bool { return r.ExtraHigh > 0 })
	accuracies := []string{">accuracy", ">95 % interval"}
	if extra {
		accuracies = append(accuracies, ">extra test", ">95 % interval")
	}
	pruned := slices.ContainsFunc(rows, func(r workflows.Row) bool { return r.Pruned > 0 })
	coded := slices.ContainsFunc(rows, func(r workflows.Row) bool { return r.HuffmanBytes > 0 })
	switch {
	case pruned && coded:
		accuracies = append([]string{">before tuning"}, accuracies...)
	case pruned:
		accuracies = append([]string{">just pruned"}, accuracies...)
	}
	smaller := slices.ContainsFunc(rows, func(r workflows.Row) bool { return r.MACs < rows[0].MACs })
	costs := []string{">dense", ">sparse (CSR)"}
	if smaller {
		costs = []string{">MACs", ">bytes"}
	}
	if coded {
		costs = append(costs, ">in codes", ">Huffman")
	}
	timed := slices.ContainsFunc(rows, func(r workflows.Row) bool { return r.Latency > 0 })
	if timed {
		costs = append(costs, ">time a sample")
	}
	t := newTable(out, slices.Concat([]string{"pass", ">sparsity", ">weights left", ">of"}, accuracies, costs, []string{"checkpoint", ""})...)
	for _, r := range rows {
		name, mark := fmt.Sprint(r.Pass), ""
		switch {
		case r.Pass == 0:
			name = "dense"
		case r.HuffmanBytes > 0:
			name = "quantized"
		}
		if !r.Kept {
			mark = "not kept"
		}
		row := table.Row{
			name, percent(r.Sparsity), humanize.Comma(r.NonZero), humanize.Comma(rows[0].Weights),
		}
		switch {
		case pruned && r.Pruned > 0:
			row = append(row, percent(r.Pruned))
		case pruned:
			row = append(row, "")
		}
		row = append(row, percent(r.Accuracy), interval(r.AccuracyLow, r.AccuracyHigh))
		if extra {
			row = append(row, percent(r.Extra), interval(r.ExtraLow, r.ExtraHigh))
		}
		if smaller {
			row = append(row, humanize.Comma(r.MACs), humanize.Bytes(uint64(r.DenseBytes)))
		} else {
			row = append(row, humanize.Bytes(uint64(r.DenseBytes)), humanize.Bytes(uint64(r.SparseBytes)))
		}
		switch {
		case r.HuffmanBytes > 0:
			row = append(row, humanize.Bytes(uint64(r.CodedBytes)), humanize.Bytes(uint64(r.HuffmanBytes)))
		case coded:
			row = append(row, "", "")
		}
		if timed {
			row = append(row, took(time.Duration(r.Latency*float64(time.Second))))
		}
		t.AppendRow(append(row, r.Checkpoint.Short(), mark))
	}
	t.Render()
}

func interval(low, high float64) string { return percent(low) + " to " + percent(high) }

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

// printViews prints runs, one a line.
func printViews(out io.Writer, views []runs.View) {
	header := []string{"run", "state", ">pass", ">sparsity", ">accuracy", "started"}
	tagged := slices.ContainsFunc(views, func(v runs.View) bool { return len(v.Tags) > 0 })
	if tagged {
		header = append(header, "tags")
	}
	t := newTable(out, header...)
	for _, v := range views {
		s := v.Summary
		sparsity, accuracy := "-", "-"
		if s.Final != "" { // of the last pass that is kept
			sparsity, accuracy = percent(s.Sparsity), percent(s.Accuracy)
		}
		passes := fmt.Sprintf("%d/%d", s.Pass, s.Passes)
		if v.Kind == runs.KindSweep {
			passes += " trials"
		}
		row := table.Row{v.ID, v.State, passes, sparsity, accuracy, v.Started.Local().Format(time.DateTime)}
		if tagged {
			row = append(row, strings.Join(v.Tags, ", "))
		}
		t.AppendRow(row)
	}
	t.Render()
}
