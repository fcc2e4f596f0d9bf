package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"espalier/workers/runs"
)

func cancelCommand(a *app) *cobra.Command {
	var by person
	var discard bool
	command := &cobra.Command{
		Use: "cancel RUN", Short: "End a run or a sweep; its finished steps and checkpoints stay",
		Long: `Ends a run or a sweep after its step has saved a checkpoint. What was finished
stays in the store: retry, or submitting the spec again, goes on from there.

With --discard the run, or the sweep with its trials, ends at once and is
forgotten, whether or not it had ended: its record is dropped, and steps and
checkpoints that nothing else refers to are left for garbage collection. Only
the logbook stays, which says who discarded it.`,
		Example: "  espalier cancel quickstart-1a2b3c4d5e6f --note maintenance\n  espalier cancel quickstart-1a2b3c4d5e6f --discard",
		RunE: func(cmd *cobra.Command, args []string) error {
			verb := "cancel"
			if discard {
				verb = "discard"
			}
			return a.control(cmd.Context(), args[0], verb, func(ctx context.Context, c *connection) (string, error) {
				if !discard {
					return args[0], c.runs.Cancel(ctx, args[0], by.control())
				}
				store, err := c.openStore(ctx)
				if err != nil {
					return "", err
				}
				err = c.runs.Discard(ctx, args[0], by.control())
				if err != nil && !errors.Is(err, runs.ErrNothing) {
					return "", err
				}
				return args[0], errors.Join(err, runs.DropRecords(ctx, store, args[0]))
			})
		},
	}
	by.flags(command)
	command.Flags().BoolVar(&discard, "discard", false, "forget the run and drop its record")
	return command
}
