package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"espalier/workers/telemetry"
)

// addMetrics lets a command that works serve metrics.
func (a *app) addMetrics(c *cobra.Command) {
	c.Flags().StringVar(&a.metrics, "metrics", "", "serve metrics for Prometheus at this port of this machine, or at this address, as 0.0.0.0:9464")
}

// beginTelling counts and traces what the command does from here on, if that is
// asked for.
func (a *app) beginTelling(cmd *cobra.Command) error {
	if a.metrics != "" {
		if err := telemetry.CheckAddress(a.metrics); err != nil {
			return usageError{fmt.Errorf("--metrics %w", err)}
		}
	}
	err := a.telemetry.Begin(cmd.Context(), telemetry.Options{
		Version: version, Identity: a.identity, Metrics: a.metrics != "", Traces: a.env.Traces,
		Free: func() (uint64, error) { return freeFor(a.home) },
	})
	if err != nil {
		return usageError{err}
	}
	ctx, ended := a.telemetry.Command(cmd.Context(), cmd.CommandPath())
	cmd.SetContext(ctx)
	a.ended = ended
	return nil
}

// serveMetrics serves them, if that is asked for, and says where.
func (a *app) serveMetrics() error {
	if a.metrics == "" {
		return nil
	}
	at, err := a.telemetry.Serve(a.metrics)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.errs, "metrics at %s\n", at)
	return nil
}

// endTelling sends what is left to tell.
func (a *app) endTelling(err error) {
	if a.ended != nil {
		a.ended(err)
		a.telemetry.Close()
	}
}
