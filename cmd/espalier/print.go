package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"espalier/workers/runs"
	"espalier/workflows"
)

func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// newTable is the look of every table: no frame, headers as written, numbers to the right.
func newTable(out io.Writer, header ...string) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	row := make(table.Row, len(header))
	for i, h := range header {
		row[i] = h
	}
	t.AppendHeader(row)
	return t
}

// printRows prints a run's passes.
func printRows(out io.Writer, rows []workflows.Row) {
	t := newTable(out, "pass", "sparsity", "weights left", "of", "accuracy", "95 % interval", "dense", "sparse (CSR)", "checkpoint", "")
	for _, r := range rows {
		name, mark := fmt.Sprint(r.Pass), ""
		if r.Pass == 0 {
			name = "dense"
		}
		if !r.Kept {
			mark = "not kept"
		}
		t.AppendRow(table.Row{
			name, percent(r.Sparsity), humanize.Comma(r.NonZero), humanize.Comma(r.Weights), percent(r.Accuracy),
			fmt.Sprintf("%s to %s", percent(r.AccuracyLow), percent(r.AccuracyHigh)),
			humanize.Bytes(uint64(r.DenseBytes)), humanize.Bytes(uint64(r.SparseBytes)), r.Checkpoint.Short(), mark,
		})
	}
	var columns []table.ColumnConfig
	for i := 2; i <= 8; i++ {
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	t.Render()
}

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

// printViews prints runs, one a line.
func printViews(out io.Writer, views []runs.View) {
	t := newTable(out, "run", "state", "pass", "sparsity", "accuracy", "started")
	for _, v := range views {
		s := v.Summary
		t.AppendRow(table.Row{v.ID, v.State, fmt.Sprintf("%d/%d", s.Pass, s.Passes), percent(s.Sparsity), percent(s.Accuracy), v.Started.Local().Format(time.DateTime)})
	}
	t.Render()
}

// line says in one line what a run is doing.
func line(v *runs.View) string {
	s := fmt.Sprintf("%s %s", v.ID, v.State)
	step := v.Step
	if step == nil {
		return s
	}
	s += fmt.Sprintf(" | %s", step.Activity)
	if p := step.Progress; p != nil && !step.Waiting {
		s += fmt.Sprintf(" pass %d/%d", p.Pass, v.Summary.Passes)
		switch {
		case p.Epochs > 0:
			s += fmt.Sprintf(" | epoch %d/%d, %d %% | loss %.4f | accuracy %.2f %% | %s images/s", min(p.Cursor.Epoch+1, p.Epochs), p.Epochs,
				int(epochShare(p.Cursor.Batch, p.Batches)), p.Loss, 100*p.Accuracy, humanize.SIWithDigits(p.Rate, 1, ""))
			if !p.SavedAt.IsZero() {
				s += fmt.Sprintf(" | saved %s ago", time.Since(p.SavedAt).Round(time.Second))
			}
		default:
			s += " | " + p.Phase
		}
	}
	if step.Waiting {
		s += " | waiting for a worker"
	}
	if step.Attempt > 1 {
		s += fmt.Sprintf(" | attempt %d", step.Attempt)
		if step.LastFailure != "" {
			s += ": " + step.LastFailure
		}
	}
	return s
}

func epochShare(batch, batches int) float64 {
	if batches == 0 {
		return 0
	}
	return 100 * float64(batch) / float64(batches)
}
