package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"espalier/cmd/espalier/live"
	"espalier/models/report"
	"espalier/workers/runs"
	"espalier/workflows"
	"espalier/workflows/search"
)

// mostFront is how many points of a front are printed; JSON has them all.
const mostFront = 20

// finishSweep prints a finished sweep's result, or answers why there is none.
func (a *app) finishSweep(ctx context.Context, c *runs.Client, id string) error {
	result, err := c.Sweep(ctx, id)
	if err != nil {
		return ended(id, err)
	}
	if a.json {
		err = a.printJSON(result)
	} else {
		fmt.Fprintf(a.out, "\n%s\n\n", id)
		printSwept(a.out, result)
	}
	if err == nil && result.Ended == 0 && result.Failures > 0 {
		return runFailedError{fmt.Errorf("sweep %s: all %d trials that were begun failed", id, result.Failures)}
	}
	return err
}

// printSwept prints a line a trial, then the front.
func printSwept(out io.Writer, r *workflows.SweepResult) {
	paths := varied(r.Trials)
	header := []string{">trial"}
	for _, path := range paths {
		header = append(header, report.Short(path, paths))
	}
	header = append(header, "state", ">pass")
	for _, o := range r.Objectives {
		header = append(header, ">"+strings.ReplaceAll(o, "_", " "))
	}
	t := newTable(out, append(header, "checkpoint", "")...)
	for _, trial := range r.Trials {
		row := table.Row{trial.Trial}
		for _, path := range paths {
			row = append(row, valueAt(trial.Values, path))
		}
		row = append(row, trial.State, trial.Pass)
		if trial.Last == nil {
			t.AppendRow(row)
			continue
		}
		row = append(row, reached(workflows.Reached(*trial.Last, r.Objectives), r.Objectives)...)
		mark := ""
		if slices.ContainsFunc(r.Front, func(p workflows.SweepPoint) bool { return p.Trial == trial.Trial && p.Pass == trial.Last.Pass }) {
			mark = "on the front"
		}
		t.AppendRow(append(row, trial.Last.Checkpoint.Short(), mark))
	}
	t.Render()
	if r.LeftOut > 0 {
		fmt.Fprintf(out, "and %s more trials; each has a line of its own in: espalier status %s-NUMBER\n", humanize.Comma(int64(r.LeftOut)), r.Run)
	}
	for _, trial := range r.Trials {
		if trial.Why != "" {
			fmt.Fprintf(out, "trial %d %s: %s\n", trial.Trial, trial.State, trial.Why)
		}
	}
	if r.Over != "" {
		fmt.Fprintln(out, "no more trials were begun:", r.Over)
	}
	printFront(out, r)
}

// printFront prints what no other trial and pass beats.
func printFront(out io.Writer, r *workflows.SweepResult) {
	if len(r.Front) == 0 {
		return
	}
	fmt.Fprint(out, "\nfront of all passes, the best first:\n\n")
	header := []string{">trial", ">pass"}
	for _, o := range r.Objectives {
		header = append(header, ">"+strings.ReplaceAll(o, "_", " "))
	}
	t := newTable(out, append(header, "values")...)
	for _, p := range r.Front[:min(len(r.Front), mostFront)] {
		row := append(table.Row{p.Trial, p.Pass}, reached(p.Values, r.Objectives)...)
		t.AppendRow(append(row, workflows.Settings(search.Trial{Values: p.Settings})))
	}
	t.Render()
	if more := len(r.Front) - mostFront; more > 0 {
		fmt.Fprintf(out, "and %d more, in: espalier status %s --json\n", more, r.Run)
	}
}

// varied are the paths that trials set, in the order in which they first come.
func varied(trials []workflows.SweptTrial) []string {
	var paths []string
	for _, t := range trials {
		for _, v := range t.Values {
			if !slices.Contains(paths, v.Path) {
				paths = append(paths, v.Path)
			}
		}
	}
	return paths
}

func valueAt(values []search.Setting, path string) string {
	for _, v := range values {
		if v.Path == path {
			return v.Value
		}
	}
	return "-"
}

// reached writes values of objectives.
func reached(values []float64, objectives []string) table.Row {
	var row table.Row
	for i, o := range objectives {
		row = append(row, live.Objective(o, values[i]))
	}
	return row
}
