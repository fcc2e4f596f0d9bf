package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

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

type control func(ctx context.Context, c *runs.Client, id string, by workflows.Control) error

func controlCommand(a *app, verb, short string, do control) *cobra.Command {
	var by person
	command := &cobra.Command{
		Use: verb + " RUN", Short: short,
		Example: "  espalier " + verb + " quickstart-1a2b3c4d5e6f --note maintenance",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), args[0], verb, func(ctx context.Context, c *connection) (string, error) {
				return args[0], do(ctx, c.runs, args[0], by.control())
			})
		},
	}
	by.flags(command)
	return command
}

// person is who asks for something, and why.
type person struct{ who, note string }

func (p *person) flags(command *cobra.Command) {
	command.Flags().StringVar(&p.who, "as", "", "who asks, kept with the run (default the user and this machine)")
	command.Flags().StringVar(&p.note, "note", "", "why, kept with the run")
}

func (p *person) control() workflows.Control {
	who := p.who
	if who == "" {
		who = whoami()
	}
	return workflows.Control{Who: who, Note: p.note}
}

// control connects, asks for something and says what came of it. What is so
// already is no error.
func (a *app) control(ctx context.Context, id, verb string, ask func(context.Context, *connection) (string, error)) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	of, err := ask(ctx, c)
	if of == "" {
		of = id
	}
	var mistake runs.MistakeError
	switch {
	case errors.As(err, &mistake):
		return usageError{err}
	case errors.Is(err, runs.ErrNothing):
		return a.say(map[string]any{"run": of, "asked": verb, "changed": false, "why": err.Error()}, "%s: %v\n", of, err)
	case err != nil:
		return err
	}
	return a.say(map[string]any{"run": of, "asked": verb, "changed": true}, "%s: %s asked\n", of, verb)
}

// whoami names the person for what is kept with runs, as user@host.
func whoami() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// say prints v as JSON for scripts, or the text for people.
func (a *app) say(v any, format string, args ...any) error {
	if a.json {
		return a.printJSON(v)
	}
	_, err := fmt.Fprintf(a.out, format, args...)
	return err
}

func retryCommand(a *app) *cobra.Command {
	var by person
	var trials []int
	command := &cobra.Command{
		Use: "retry RUN", Short: "Let what failed or was cancelled go on: a run from its finished steps, a sweep with its failed trials",
		Example: "  espalier retry quickstart-1a2b3c4d5e6f\n  espalier retry sweep-digits-918f3c8a0ed1 --trial 3,5",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), args[0], "retry", func(ctx context.Context, c *connection) (string, error) {
				return c.runs.Retry(ctx, args[0], by.control(), trials...)
			})
		},
	}
	by.flags(command)
	command.Flags().IntSliceVar(&trials, "trial", nil, "numbers of trials of a sweep; all that failed when left out")
	return command
}

func changeCommand(a *app) *cobra.Command {
	var by person
	var concurrency, priority int
	command := &cobra.Command{
		Use: "change RUN", Short: "Change the concurrency or the priority of a sweep under way, or the priority of a run",
		Example: "  espalier change sweep-digits-918f3c8a0ed1 --concurrency 8 --priority 2",
		RunE: func(cmd *cobra.Command, args []string) error {
			ask := workflows.ChangeAsk{Control: by.control(), Priority: priority}
			if cmd.Flags().Changed("concurrency") {
				ask.Concurrency = &concurrency
				if err := runs.CheckConcurrency(concurrency); err != nil {
					return usageError{fmt.Errorf("--%w", err)}
				}
			}
			if cmd.Flags().Changed("priority") {
				if err := runs.CheckPriority(priority); err != nil {
					return usageError{fmt.Errorf("--%w", err)}
				}
			}
			if ask.Said() == "" {
				return usageError{errors.New("nothing to change; want --concurrency or --priority")}
			}
			return a.control(cmd.Context(), args[0], "change", func(ctx context.Context, c *connection) (string, error) {
				return args[0], c.runs.Change(ctx, args[0], ask)
			})
		},
	}
	by.flags(command)
	command.Flags().IntVar(&concurrency, "concurrency", 0, "how many trials run at a time")
	command.Flags().IntVar(&priority, "priority", 0, "which steps workers take first: 1 before 2, and 5 last")
	return command
}

func tagCommand(a *app) *cobra.Command {
	var by person
	var remove bool
	command := &cobra.Command{
		Use: "tag RUN WORD [WORD...]", Short: "Give a run or a sweep tags, by which list finds it",
		Example: "  espalier tag quickstart-1a2b3c4d5e6f baseline paper\n  espalier tag quickstart-1a2b3c4d5e6f paper --remove",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := runs.CheckTags(args[1:]); err != nil {
				return usageError{err}
			}
			return a.control(cmd.Context(), args[0], "tag", func(ctx context.Context, c *connection) (string, error) {
				return args[0], c.runs.Tag(ctx, args[0], !remove, args[1:], by.control())
			})
		},
	}
	by.flags(command)
	command.Flags().BoolVar(&remove, "remove", false, "take the tags away")
	return command
}

func noteCommand(a *app) *cobra.Command {
	var by person
	command := &cobra.Command{
		Use: "note RUN WORD [WORD...]", Short: "Write a note about a run or a sweep, which status shows",
		Example: `  espalier note quickstart-1a2b3c4d5e6f "loss jumps in pass 2, compare with cosine"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.TrimSpace(strings.Join(args[1:], " "))
			if err := runs.CheckNote(text); err != nil {
				return usageError{err}
			}
			return a.control(cmd.Context(), args[0], "note", func(ctx context.Context, c *connection) (string, error) {
				return args[0], c.runs.Note(ctx, args[0], text, by.control())
			})
		},
	}
	command.Flags().StringVar(&by.who, "as", "", "who writes, kept with the run (default the user and this machine)")
	return command
}
