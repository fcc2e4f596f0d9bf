package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"espalier/config"
	"espalier/workflows"
)

func extendCommand(a *app) *cobra.Command {
	var by person
	var passes, trials int
	var set []string
	command := &cobra.Command{
		Use: "extend RUN", Short: "Begin a run that goes on where another one ends, with more passes, or give a sweep more trials",
		Long: `Begins a run with the spec of another one and more passes. The passes that there
are stay what they are, so their steps are found finished and not done again.
The others go on to a target by which each takes the same share of what is
left, on average, as those before; --set prune.schedule.target.sparsity=98%
gives another one. The run that is extended stays as it is.

A sweep of search random, sobol or asha, under way or ended, goes on with more
trials by --trials.`,
		Example: "  espalier extend quickstart-1a2b3c4d5e6f --passes 9\n  espalier extend random-5d0c8b1e7f42 --trials 600",
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := settingsOf(set)
			switch sweep := cmd.Flags().Changed("trials"); {
			case err != nil:
				return err
			case sweep == cmd.Flags().Changed("passes"):
				return usageError{errors.New("want --passes of a run, or --trials of a sweep")}
			case sweep && len(set) > 0:
				return usageError{errors.New("--set is for runs; the trials of a sweep vary what its spec says")}
			case sweep && trials < 1 || !sweep && passes < 1:
				return usageError{errors.New("--passes and --trials are at least 1")}
			case sweep:
				return a.control(cmd.Context(), args[0], "extend", func(ctx context.Context, c *connection) (string, error) {
					ask := workflows.ChangeAsk{Control: by.control()}
					ask.Trials = &trials
					return args[0], c.runs.Change(ctx, args[0], ask)
				})
			}
			return a.control(cmd.Context(), args[0], "extend", func(ctx context.Context, c *connection) (string, error) {
				return c.runs.Extend(ctx, args[0], passes, settings, by.control())
			})
		},
	}
	by.flags(command)
	command.Flags().IntVar(&passes, "passes", 0, "how many passes there are then, with those that there were")
	command.Flags().IntVar(&trials, "trials", 0, "how many choices of values a sweep makes then, with those that there were")
	command.Flags().StringArrayVar(&set, "set", nil, "a setting of the new run, PATH=VALUE; again for more")
	return command
}

func forkCommand(a *app) *cobra.Command {
	var by person
	var from string
	var set []string
	command := &cobra.Command{
		Use: "fork RUN", Short: "Begin a run with a checkpoint of another one and changed settings",
		Long: `Begins a run with the network that another one had after a pass, or with any
checkpoint, and with its spec, in which --set changes settings. What is left of
the passes and of the way to their targets is done; passes that are set are all
the new run's own. The network is not trained before. The run that is forked
stays as it is. The checkpoint, the run that it is of and the settings are kept
with the new run.`,
		Example: "  espalier fork quickstart-1a2b3c4d5e6f --from 2 --set prune.schedule.target.sparsity=97% --set prune.finetune.epochs=8",
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := settingsOf(set)
			if err != nil {
				return err
			}
			if from == "" {
				return usageError{errors.New("--from is missing; want a pass, 0 for the dense network, or a checkpoint")}
			}
			return a.control(cmd.Context(), args[0], "fork", func(ctx context.Context, c *connection) (string, error) {
				return c.runs.Fork(ctx, args[0], from, settings, by.control())
			})
		},
	}
	by.flags(command)
	command.Flags().StringVar(&from, "from", "", "a pass, 0 for the dense network, or a checkpoint's digest")
	command.Flags().StringArrayVar(&set, "set", nil, "a setting to change, PATH=VALUE; again for more")
	return command
}

func settingsOf(texts []string) ([]config.Setting, error) {
	var settings []config.Setting
	for _, text := range texts {
		s, err := config.ParseSetting(text)
		if err != nil {
			return nil, usageError{err}
		}
		settings = append(settings, s)
	}
	return settings, nil
}
