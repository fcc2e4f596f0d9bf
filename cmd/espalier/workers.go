package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers"
	"espalier/workers/runs"
)

func workersCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "workers", Short: "List the live workers and what they have",
		Long: `Lists the workers that have said within the last 20 seconds that they live: the
queues that they serve, how many steps each takes at a time, their cores, memory
and GPUs, and the trainers that they allow.`,
		Example: "  espalier workers --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.close()
			live, err := a.live(cmd.Context(), c)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(live)
			}
			if len(live) == 0 {
				fmt.Fprintln(a.out, "no workers are live; start one with: espalier worker")
				return nil
			}
			t := newTable(a.out, "worker", "serves", ">cores", ">memory", "GPUs", "trainers", "version", ">up")
			for _, r := range live {
				t.AppendRow(workerRow(r))
			}
			t.Render()
			return nil
		},
	}
}

func workerRow(r workers.Record) []any {
	var gpus []string
	for _, g := range r.Has.GPUs {
		name := g.Name
		if name == "" {
			name = g.UUID
		}
		if g.Memory > 0 {
			name += fmt.Sprintf(" %.0f GiB", g.Memory)
		}
		gpus = append(gpus, name)
	}
	name := r.Version
	if r.Deployment != "" {
		name = r.Deployment
	}
	_, served, _ := strings.Cut(served(r.Queues), " ")
	return []any{
		r.Identity, served, r.Has.Cores, fmt.Sprintf("%.0f GiB", r.Has.Memory), strings.Join(gpus, ", "),
		strings.Join(r.Has.Trainers, ", "), name, strings.TrimSpace(humanize.RelTime(r.Started, time.Now(), "", "")),
	}
}

// live are the live workers of a connection's store.
func (a *app) live(ctx context.Context, c *connection) ([]workers.Record, error) {
	store, err := c.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return workers.Live(ctx, &checkpoint.Repo{Store: store}, workers.Dead(a.identity))
}

// placedWithin bounds a look at the workers beside other things.
const placedWithin = 3 * time.Second

// unplaced says why no live worker takes the steps of a queue; nothing if one
// does, or if that cannot be found out.
func (a *app) unplaced(ctx context.Context, c *connection, queue string, needs *activities.Needs) string {
	ctx, cancel := context.WithTimeout(ctx, placedWithin)
	defer cancel()
	live, err := a.live(ctx, c)
	if err != nil {
		return ""
	}
	return workers.Placed(live, queue, needs)
}

// stuck says why the step of a run waits, as far as the workers are to blame.
func (a *app) stuck(ctx context.Context, c *connection, v *runs.View) string {
	if v.Step == nil || !v.Step.Waiting || v.Step.Queue == "" {
		return ""
	}
	return a.unplaced(ctx, c, v.Step.Queue, v.Summary.Needs)
}

// warnUnplaced tells who submits a spec that no live worker takes its steps.
func (a *app) warnUnplaced(ctx context.Context, c *connection, spec *config.Spec) {
	if why := a.unplaced(ctx, c, spec.Resources.Queue, activities.NeedsOf(spec)); why != "" {
		fmt.Fprintln(a.errs, "the steps will wait:", why)
	}
}
