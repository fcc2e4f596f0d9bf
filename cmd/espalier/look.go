package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"espalier/cmd/espalier/live"
	"espalier/workers/runs"
	"espalier/workflows"
)

func listCommand(a *app) *cobra.Command {
	var limit int
	var tag string
	command := &cobra.Command{
		Use: "list", Short: "List runs and sweeps, newest first",
		Example: "  espalier list --limit 10\n  espalier list --tag baseline",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return usageError{fmt.Errorf("--limit %d: at least 1 is allowed", limit)}
			}
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.close()
			views, err := list(cmd.Context(), c.runs, tag, limit)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(views)
			}
			if len(views) == 0 && tag != "" {
				fmt.Fprintln(a.out, "no run has the tag", tag)
				return nil
			}
			if len(views) == 0 {
				fmt.Fprintln(a.out, "no runs yet; begin one with: espalier run SPEC")
				return nil
			}
			printViews(a.out, views)
			return nil
		},
	}
	command.Flags().IntVar(&limit, "limit", 50, "how many at most")
	command.Flags().StringVar(&tag, "tag", "", "only those with this tag, trials too")
	return command
}

// list are runs with what persons did to them, those with a tag if there is one.
func list(ctx context.Context, c *runs.Client, tag string, limit int) ([]runs.View, error) {
	if tag != "" {
		return c.Tagged(ctx, tag, limit)
	}
	views, err := c.List(ctx, limit)
	if err != nil {
		return nil, err
	}
	return views, c.AnnotateAll(ctx, views)
}

func statusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status RUN", Short: "Show what a run or a sweep has reached and what it is doing",
		Example: "  espalier status quickstart-1a2b3c4d5e6f --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.close()
			v, err := c.runs.Status(cmd.Context(), args[0], patience)
			if errors.Is(err, runs.ErrNotFound) {
				if e, gone, logErr := c.runs.Discarded(cmd.Context(), args[0]); logErr == nil && gone {
					err = fmt.Errorf("%w; %s discarded it at %s", err, e.Who, e.When.Local().Format(time.DateTime))
				}
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(v)
			}
			a.printView(v, a.stuck(cmd.Context(), c, v))
			if v.State == workflows.StateFailed {
				if _, err := c.runs.Result(cmd.Context(), v.ID); err != nil {
					fmt.Fprintln(a.out, "reason:", runs.Reason(err))
				}
			}
			return nil
		},
	}
}

// patience is how long a server and a worker may take to tell of a sweep before
// what the worker wrote down is shown.
const patience = 60 * time.Millisecond

// awayAfter is the age of what was written down from which on it is said that no
// worker answers.
const awayAfter = 10 * time.Second

// printView prints a run; stuck is why no worker takes its step, if that is so.
func (a *app) printView(v *runs.View, stuck string) {
	fmt.Fprintln(a.out, live.Line(live.Look{View: v, Now: time.Now()}, nil))
	switch {
	case v.State == workflows.StatePaused:
		fmt.Fprintf(a.out, "go on with: espalier resume %s\n", v.ID)
	case stuck != "":
		fmt.Fprintln(a.out, stuck)
	case time.Since(v.AsOf) > awayAfter && !v.AsOf.IsZero() && v.State == workflows.StateRunning:
		fmt.Fprintln(a.out, "no worker answers, this is what the last one wrote down; start one with: espalier worker")
	case v.Step != nil && v.Step.Waiting && v.Step.Queue != "":
		fmt.Fprintf(a.out, "the workers of queue %[1]s are busy; start another with: espalier worker --queue %[1]s\n", v.Step.Queue)
	}
	printLog(a.out, v)
	if v.Sweep != nil {
		printEvents(a.out, mended(v, v.Sweep.Events))
		printSwept(a.out, v.Sweep)
		return
	}
	if v.Reached == nil {
		if v.State == workflows.StateRunning {
			fmt.Fprintln(a.out, "no worker answers for the rows; start one with: espalier worker")
		}
		return
	}
	printEvents(a.out, mended(v, v.Reached.Events))
	if v.Reached.Stopped != "" {
		fmt.Fprintln(a.out, "stopped:", v.Reached.Stopped)
	}
	if len(v.Reached.Rows) > 0 {
		printRows(a.out, v.Reached.Rows)
	}
}

// printLog prints a run's tags and what persons did to it.
func printLog(out io.Writer, v *runs.View) {
	if len(v.Tags) > 0 {
		fmt.Fprintln(out, "tags:", strings.Join(v.Tags, ", "))
	}
	for _, e := range v.Log {
		words := slices.DeleteFunc([]string{e.When.Local().Format(time.DateTime), e.Who, e.What, strings.Join(e.Tags, ", "), e.Note},
			func(s string) bool { return s == "" })
		fmt.Fprintln(out, strings.Join(words, " "))
	}
}

// mended leaves out of a run's own events what persons did, where its logbook
// tells that.
func mended(v *runs.View, events []workflows.Event) []workflows.Event {
	if len(v.Log) == 0 {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), func(e workflows.Event) bool {
		return e.Who != "" && !strings.Contains(e.What, "refused")
	})
}

// printEvents prints what persons did, and what was mended.
func printEvents(out io.Writer, events []workflows.Event) {
	for _, e := range events {
		fmt.Fprintln(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.When.Local().Format(time.DateTime), e.Who, e.What)))
	}
}

func watchCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "watch RUN", Short: "Follow a run or a sweep until it ends; ^C leaves it running",
		Example: "  espalier watch quickstart-1a2b3c4d5e6f",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.close()
			err = a.follow(cmd.Context(), c, args[0], a.finish)
			if errors.Is(err, errServersGone) {
				return fmt.Errorf("%w; the run goes on when they are started again, with: espalier server", err)
			}
			if cmd.Context().Err() != nil {
				fmt.Fprintf(a.errs, "no longer watching; %s goes on as long as workers serve its queue\ncome back with: %s\n", args[0], typedAs(a.args))
				return errors.Join(errQuiet, errInterrupted)
			}
			return err
		},
	}
	a.addProgress(command)
	return command
}
