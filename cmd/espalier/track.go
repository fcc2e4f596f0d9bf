package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/workers/mlflow"
)

// track writes what was reached into a tracking server of MLflow.
func (a *app) track(c *cobra.Command, id string, f resultsFlags) error {
	if !c.Flags().Changed("mlflow") {
		return usageError{errors.New("--experiment wants --mlflow")}
	}
	for _, file := range []string{"format", "out", "force"} {
		if c.Flags().Changed(file) {
			return misused(c, fmt.Errorf("--%s and --mlflow exclude each other", file))
		}
	}
	if err := mlflow.CheckURL(f.mlflow); err != nil {
		return usageError{fmt.Errorf("--mlflow: %w", err)}
	}
	if err := a.env.MLflow.Check(); err != nil {
		return usageError{err}
	}
	source, done, err := a.sources(c)
	if err != nil {
		return err
	}
	defer done()
	name, all, err := source.Tracked(c.Context(), version, id)
	if err != nil {
		return err
	}
	to := &mlflow.Client{URL: f.mlflow, Auth: a.env.MLflow}
	e, err := to.Export(c.Context(), cmp.Or(f.experiment, name), all)
	if err != nil {
		return err
	}
	return a.say(e, "wrote %s runs (%s new) with %s new points into %s: %s\n",
		humanize.Comma(int64(e.Runs)), humanize.Comma(int64(e.Created)), humanize.Comma(int64(e.Points)), e.Experiment, e.URL)
}
