package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"espalier/config"
	"espalier/models/prune"
	"espalier/models/prune/sensitivity"
	"espalier/models/report"
	"espalier/workers/runs"
	"espalier/workflows"
)

func sensitivityCommand(a *app) *cobra.Command {
	var percents []float64
	var files scanFiles
	command := &cobra.Command{
		Use: "sensitivity SPEC", Short: "Measure how a network bears the pruning of each layer alone",
		Long: `Trains the network of a spec as espalier run does, by the same steps, so that
either finds what the other has trained. Then it prunes one layer at a time, by
the spec's method and by each share in turn, and measures the accuracy without
any training: on the samples that data.validation holds out or, without any, on
the test samples. What the spec says of passes, targets and fine-tuning does not
count.

A layer whose accuracy stays bears pruning. The file of --output drives the
targets of a run: schedule: {target: {sensitivity: {file: FILE, drop: 1%}}}.

The same scan is found again, as a run is; ^C stops it, and the same command
goes on.`,
		Example: "  espalier sensitivity examples/quickstart.yaml --svg sensitivity.svg --output sensitivity.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			shares, err := sharesOf(percents)
			if err != nil {
				return err
			}
			spec, err := loadSpecBy(config.LoadScan, args[0])
			if err != nil {
				return err
			}
			if _, _, err := workflows.NewSensitivity(spec, shares); err != nil {
				return usageError{err}
			}
			return a.work(cmd, job{
				spec: spec,
				submit: func(ctx context.Context, c *runs.Client) (string, error) {
					return c.SubmitSensitivity(ctx, spec, shares)
				},
				finish: func(ctx context.Context, c *runs.Client, v *runs.View) error {
					return a.finishScan(ctx, c, v.ID, files)
				},
			})
		},
	}
	command.Flags().Float64SliceVar(&percents, "shares", []float64{10, 20, 30, 40, 50, 60, 70, 80, 90}, "shares of a layer that go, in percent")
	command.Flags().StringVar(&files.svg, "svg", "", "also draw the curves into this file")
	command.Flags().StringVar(&files.output, "output", "", "also write the curves into this file, as JSON")
	a.addProgress(command)
	return command
}

// sharesOf sorts what the flag says.
func sharesOf(percents []float64) ([]float64, error) {
	var shares []float64
	for _, p := range percents {
		share := math.Round(1e6*p) / 1e8 // the number that is meant, whatever p / 100 is
		if !(share > 0 && share < 1) {   // written so that NaN fails too
			return nil, usageError{fmt.Errorf("--shares %g: above 0 and below 100 percent is allowed", p)}
		}
		shares = append(shares, share)
	}
	if len(shares) == 0 {
		return nil, usageError{errors.New("--shares: want one at least, in percent")}
	}
	slices.Sort(shares)
	return slices.Compact(shares), nil
}

// scanFiles are where a scan goes beside the terminal, empty for nowhere.
type scanFiles struct{ svg, output string }

// finishScan prints a finished scan, or answers why there is none.
func (a *app) finishScan(ctx context.Context, c *runs.Client, id string, files scanFiles) error {
	result, err := c.Sensitivity(ctx, id)
	if err != nil {
		return ended(id, err)
	}
	if files.svg != "" {
		err := writeTo(files.svg, func(w io.Writer) error { return report.Sensitivity(w, &result.Report) })
		if err != nil {
			return err
		}
	}
	if files.output != "" {
		if err := writeTo(files.output, func(w io.Writer) error { return writeJSON(w, result) }); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(result)
	}
	fmt.Fprintf(a.out, "\n%s\n\n", id)
	printSensitivity(a.out, &result.Report)
	return nil
}

// writeTo makes a file, and leaves none that is not whole.
func writeTo(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return cause(err, "write "+path)
	}
	if err = errors.Join(write(file), file.Close()); err != nil {
		return errors.Join(cause(err, "write "+path), os.Remove(path))
	}
	return nil
}

// printSensitivity prints the curves, a line for each layer, and what is not in
// them.
func printSensitivity(out io.Writer, r *sensitivity.Report) {
	things := "weights"
	if r.Granularity == prune.GranularityChannel {
		things = "channels"
	}
	var asked []float64
	for _, c := range r.Layers {
		for _, p := range c.Points {
			asked = append(asked, p.Share)
		}
	}
	slices.Sort(asked)
	asked = slices.Compact(asked)
	header := []string{"layer", ">" + things}
	for _, share := range asked {
		header = append(header, ">-"+percentOf(share))
	}
	t := newTable(out, header...)
	var notes []string
	for _, c := range r.Layers {
		if note := leftOut(c); note != "" {
			notes = append(notes, note)
		}
		if len(c.Points) == 0 {
			continue
		}
		row := table.Row{c.Layer, humanize.Comma(int64(c.Size))}
		for _, share := range asked {
			cell := ""
			if at := slices.IndexFunc(c.Points, func(p sensitivity.Point) bool { return p.Share == share }); at >= 0 {
				cell = percent(c.Points[at].Accuracy)
			}
			row = append(row, cell)
		}
		t.AppendRow(row)
	}
	t.Render()
	fmt.Fprintf(out, "\nwith all %s %s, on %s %s samples\n", things, percent(r.Accuracy), humanize.Comma(int64(r.Samples)), r.Split)
	for _, note := range notes {
		fmt.Fprintln(out, note)
	}
}

// leftOut says why a layer, or some of its shares, are not in the table.
func leftOut(c sensitivity.Curve) string {
	if len(c.LeftOut) == 0 {
		return ""
	}
	first := c.LeftOut[0]
	if first.Share == 0 {
		return fmt.Sprintf("not measured: %s (%s)", c.Layer, first.Why)
	}
	var shares []string
	for _, l := range c.LeftOut {
		shares = append(shares, percentOf(l.Share))
	}
	return fmt.Sprintf("not measured: %s at %s: %s", c.Layer, strings.Join(shares, ", "), strings.TrimPrefix(first.Why, "layer "+c.Layer+": "))
}

// percentOf writes a share that was asked for, as short as it is.
func percentOf(share float64) string { return fmt.Sprintf("%.8g %%", 100*share) }
