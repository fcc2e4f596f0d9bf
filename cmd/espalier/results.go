package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models/checkpoint"
	"espalier/workers/results"
	"espalier/workers/table"
)

// resultsFlags are those of the command.
type resultsFlags struct {
	format, out        string
	force              bool
	mlflow, experiment string
}

func resultsCommand(a *app) *cobra.Command {
	var f resultsFlags
	c := &cobra.Command{
		Use: "results RUN", Short: "Write what a run or a sweep has reached as CSV, JSON or Parquet",
		Long: `Writes a table with a row for each pass of a run, or of every trial of a sweep:
what a trial sets, one column a path, its seed and state, accuracy with its
95 % interval, sparsity, weights, multiply-adds, bytes in each form, and the
checkpoint with the step that made it. The end of a column's name is its unit;
shares are from 0 to 1. What has ended is read from the store, without a server.

--format is csv, json or parquet; without it the end of --out says which, and
what is printed is csv.

With --mlflow they are written into a tracking server of MLflow instead: trials
as runs below that of their sweep, with parameters, tags, and metrics by pass.
Only what the server lacks is written, so it may be repeated while a run goes on.
MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD, let it in.`,
		Example: "  espalier results sweep-digits-918f3c8a0ed1 --out digits.parquet\n  espalier results quickstart-1a2b3c4d5e6f --format json\n  espalier results sweep-digits-918f3c8a0ed1 --mlflow http://localhost:5000",
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("mlflow") || c.Flags().Changed("experiment") {
				return a.track(c, args[0], f)
			}
			if err := f.complete(a.json); err != nil {
				return err
			}
			source, done, err := a.sources(c)
			if err != nil {
				return err
			}
			defer done()
			r, err := source.Of(c.Context(), args[0])
			if err != nil {
				return err
			}
			return a.writeResults(r, f)
		},
	}
	c.Flags().StringVar(&f.format, "format", "", strings.Join(table.Formats(), ", "))
	c.Flags().StringVarP(&f.out, "out", "o", "", "the file to write; without it the table is printed")
	c.Flags().BoolVar(&f.force, "force", false, "write over a file that is there")
	c.Flags().StringVar(&f.mlflow, "mlflow", "", "the address of a tracking server to write into, as http://localhost:5000")
	c.Flags().StringVar(&f.experiment, "experiment", "", "MLflow's experiment; without it that of the spec's name")
	return c
}

// complete chooses the format.
func (f *resultsFlags) complete(json bool) error {
	word := f.format
	switch {
	case word != "":
	case f.out != "":
		if word = table.FormatOf(f.out); word == "" {
			return usageError{fmt.Errorf("--out %s: its end says no format; end it in .csv, .json or .parquet, or say --format", f.out)}
		}
	case json:
		word = table.JSON
	default:
		word = table.CSV
	}
	if table.FormatOf("."+word) == "" {
		return usageError{fmt.Errorf("--format %q: %s are allowed", word, strings.Join(table.Formats(), ", "))}
	}
	if word == table.Parquet && f.out == "" {
		return usageError{errors.New("parquet is no text; name the file with --out")}
	}
	f.format = word
	if f.out == "" {
		return nil
	}
	return refuseOld(f.out, f.force)
}

// sources are the store and, if one is configured or runs, a server.
func (a *app) sources(cmd *cobra.Command) (results.Source, func(), error) {
	ctx := cmd.Context()
	if c, err := a.connect(ctx); err == nil {
		store, err := c.openStore(ctx)
		if err != nil {
			c.close()
			return results.Source{}, nil, err
		}
		return results.Source{Repo: &checkpoint.Repo{Store: store}, Runs: c.runs}, c.close, nil
	} else if a.env.TemporalConfigured() && a.env.S3 == nil {
		return results.Source{}, nil, err
	}
	store, done, err := a.anyStore(ctx)
	return results.Source{Repo: &checkpoint.Repo{Store: store}}, done, err
}

// writeResults writes the table, row after row.
func (a *app) writeResults(r *results.Results, f resultsFlags) error {
	if f.out == "" {
		_, err := tabulate(a.out, r, f.format)
		return err
	}
	rows := 0
	err := replaceBy(f.out, f.force, func(w io.Writer) (err error) {
		rows, err = tabulate(w, r, f.format)
		return err
	})
	if err != nil {
		return err
	}
	answer := map[string]any{"file": f.out, "format": f.format, "rows": rows, "columns": len(r.Columns)}
	return a.say(answer, "wrote %s: %s rows of %d columns\n", filepath.Clean(f.out), humanize.Comma(int64(rows)), len(r.Columns))
}

// tabulate writes all rows and answers how many.
func tabulate(w io.Writer, r *results.Results, format string) (rows int, err error) {
	t, err := table.New(w, format, r.Columns)
	if err != nil {
		return 0, err
	}
	for row, err := range r.Rows {
		if err != nil {
			return rows, err
		}
		if err := t.Write(row); err != nil {
			return rows, err
		}
		rows++
	}
	return rows, t.Close()
}
