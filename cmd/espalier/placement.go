package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"espalier/activities"
	"espalier/config"
	"espalier/workers"
)

// askWithin is how long a server may take to answer beside what a command was
// asked for.
const askWithin = time.Second

// placement is who would take the steps of a spec that is submitted; nil where
// no server answers in time.
func (a *app) placement(ctx context.Context, spec *config.Spec) *workers.Placement {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	c, err := a.connect(ctx)
	if err != nil {
		return nil
	}
	defer c.close()
	live, err := a.live(ctx, c)
	if err != nil {
		return nil
	}
	p := workers.Place(live, spec.Resources.Queue, activities.NeedsOf(spec))
	return &p
}

// mostPlaced is how many workers of a queue are printed.
const mostPlaced = 8

// printPlacement prints who takes the steps; nothing where that is not known.
func printPlacement(out io.Writer, p *workers.Placement) {
	if p == nil {
		return
	}
	fmt.Fprintf(out, "\nqueue      %s\n", p.Queue)
	if p.Missing != "" {
		fmt.Fprintln(out, "submitted, the steps would wait:", p.Missing)
		return
	}
	for _, w := range p.Workers[:min(len(p.Workers), mostPlaced)] {
		does := fmt.Sprintf("takes the steps, %d at a time", w.Slots)
		if w.Lacks != "" {
			does = "leaves them to others: " + w.Lacks
		}
		fmt.Fprintf(out, "worker     %s %s\n", w.Identity, does)
	}
	if more := len(p.Workers) - mostPlaced; more > 0 {
		fmt.Fprintf(out, "and %d more, which this lists: espalier workers\n", more)
	}
}
