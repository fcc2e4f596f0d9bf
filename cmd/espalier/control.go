package main

import (
	"context"
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"espalier/workers/runs"
	"espalier/workflows"
)

func pauseCommand(a *app) *cobra.Command {
	return controlCommand(a, "pause", "Stop a run, or a sweep with its trials, at the next checkpoint until it is resumed",
		func(ctx context.Context, c *runs.Client, id string, by workflows.Control) error {
			return c.Pause(ctx, id, by)
		})
}

func resumeCommand(a *app) *cobra.Command {
	return controlCommand(a, "resume", "Let a paused run or sweep go on",
		func(ctx context.Context, c *runs.Client, id string, by workflows.Control) error {
			return c.Resume(ctx, id, by)
		})
}

func cancelCommand(a *app) *cobra.Command {
	return controlCommand(a, "cancel", "End a run or a sweep; its finished steps and checkpoints stay",
		func(ctx context.Context, c *runs.Client, id string, _ workflows.Control) error {
			return c.Cancel(ctx, id)
		})
}

type control func(ctx context.Context, c *runs.Client, id string, by workflows.Control) error

func controlCommand(a *app, verb, short string, do control) *cobra.Command {
	var note string
	command := &cobra.Command{
		Use: verb + " RUN", Short: short,
		Example:           "  espalier " + verb + " quickstart-1a2b3c4d5e6f",
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.close()
			if err := do(cmd.Context(), c.runs, args[0], workflows.Control{Who: whoami(), Note: note}); err != nil {
				return err
			}
			return a.say(map[string]string{"run": args[0], "asked": verb}, "%s: %s asked\n", args[0], verb)
		},
	}
	if verb != "cancel" {
		command.Example += " --note maintenance"
		command.Flags().StringVar(&note, "note", "", "why, kept with the run")
	}
	return command
}

// whoami names the person for the run's events.
func whoami() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

// say prints v as JSON for scripts, or the text for people.
func (a *app) say(v any, format string, args ...any) error {
	if a.json {
		return a.printJSON(v)
	}
	_, err := fmt.Fprintf(a.out, format, args...)
	return err
}
