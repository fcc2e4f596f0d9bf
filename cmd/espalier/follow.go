package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"espalier/cmd/espalier/live"
	"espalier/workers/runs"
	"espalier/workflows"
)

// lookEvery is the beat of a watch.
const lookEvery = 500 * time.Millisecond

// lookWithin is how long one look may take before the server counts as silent.
const lookWithin = 5 * time.Second

// trialsWithin is how long a worker may take to tell of a sweep's trials, and the
// server of those that run.
const trialsWithin = time.Second

// errServersGone says that the process which embeds the servers has ended.
var errServersGone = errors.New("the process with the servers has ended")

// follow watches a run to its end and then finishes it.
func (a *app) follow(ctx context.Context, c *connection, id string, finish finisher) error {
	w := a.newWatcher()
	defer w.clear()
	w.meter = meterOf(ctx, c.runs, id)
	near := &closer{}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		v, err := glance(ctx, c.runs, id)
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case errors.Is(err, runs.ErrNotFound):
			return err
		case err != nil && c.gone():
			return errServersGone
		case err != nil:
			if full := a.errFull(c); full != nil {
				return full
			}
			w.tell(fmt.Sprintf("temporal at %s does not answer; trying again", c.address))
		default:
			w.see(live.Look{View: v, Trials: near.look(ctx, c.runs, v, w.room()), Now: time.Now()})
			a.blame(ctx, c, w, v)
			if v.State == workflows.StateDone || v.State == workflows.StateFailed || v.State == workflows.StateCancelled {
				w.clear()
				return finish(ctx, c.runs, v)
			}
		}
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-tick.C:
		}
	}
}

// meterOf measures a run by its spec. Without one, as of a run that another
// version submitted, it measures less.
func meterOf(ctx context.Context, c *runs.Client, id string) *live.Meter {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	spec, err := c.Spec(ctx, id)
	if err != nil {
		return live.NewMeter(nil)
	}
	return live.NewMeter(spec)
}

// blameEvery is how often a watch looks whether any worker takes a step that waits.
const blameEvery = 3 * time.Second

// blame tells once if no live worker has what a step needs that waits.
func (a *app) blame(ctx context.Context, c *connection, w *watcher, v *runs.View) {
	if time.Since(w.asked) < blameEvery {
		return
	}
	w.asked = time.Now()
	why := a.stuck(ctx, c, v)
	if why != w.blamed && why != "" {
		w.say(fmt.Sprintf("%s waits: %s", v.ID, why))
	}
	w.blamed = why
}

// glance looks at a run once.
func glance(ctx context.Context, c *runs.Client, id string) (*runs.View, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	v, err := c.Look(ctx, id, false)
	if err != nil || v.Kind != runs.KindSweep || !v.Closed.IsZero() {
		return v, err
	}
	return c.Glance(ctx, id, trialsWithin)
}

// closerEvery is how often the trials of a sweep are looked at one by one, and
// closerAtOnce how many of them at a time.
const (
	closerEvery  = 2 * time.Second
	closerAtOnce = 8
)

// closer looks at the trials of a sweep that run.
type closer struct {
	seen []*runs.View
	when time.Time
}

// look is the newest look at the first trials that run, at most limit of them.
// One that is not answered for is left out.
func (c *closer) look(ctx context.Context, client *runs.Client, v *runs.View, limit int) []*runs.View {
	trials, _ := live.Running(v.Sweep, limit)
	if len(trials) == 0 || time.Since(c.when) < closerEvery && len(trials) == len(c.seen) {
		return c.seen
	}
	ctx, cancel := context.WithTimeout(ctx, trialsWithin)
	defer cancel()
	seen := make([]*runs.View, len(trials))
	var group errgroup.Group
	group.SetLimit(closerAtOnce)
	for i, t := range trials {
		group.Go(func() error {
			// Without an answer the trial's line has less to say.
			seen[i], _ = client.Look(ctx, t.Run, false)
			return nil
		})
	}
	_ = group.Wait()
	c.seen, c.when = c.seen[:0], time.Now()
	for _, one := range seen {
		if one != nil {
			c.seen = append(c.seen, one)
		}
	}
	return c.seen
}
