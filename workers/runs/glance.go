package runs

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"espalier/workflows"
)

// The bounds of a glance.
const (
	// freshFor is how old what is written down may be to stand for a server that
	// is there.
	freshFor = 10 * time.Second
	// rowsWithin is how long a worker may take to answer for a run's rows.
	rowsWithin = 2 * time.Second
)

// Glance looks at a run with its rows, for people who wait. Where server and
// worker take longer than patience, a sweep is shown as its worker wrote it down
// some seconds ago; where no worker is there, a run is too, any time ago. AsOf
// then tells of when that is. Without either, the rows are missing.
func (c *Client) Glance(ctx context.Context, id string, patience time.Duration) (*View, error) {
	short, cancel := context.WithTimeout(ctx, rowsWithin)
	defer cancel()
	type look struct {
		view *View
		err  error
	}
	looks := make(chan look, 1)
	go func() {
		v, err := c.Look(short, id, true)
		looks <- look{v, err}
	}()
	l, looked := look{}, false
	ask, enough := time.After(patience/2), (<-chan time.Time)(nil)
	var written, instead <-chan *workflows.Standing
	for !looked {
		select {
		case l = <-looks:
			looked = true
		case <-ask:
			written, enough = c.stood(short, id), time.After(patience/2)
		case <-enough:
			instead = written
		case s := <-instead:
			if s != nil && s.Sweep != nil && time.Since(s.At).Abs() < freshFor { // of a run it lacks the step
				return viewOf(id, s), nil
			}
		}
	}
	if l.err != nil && short.Err() != nil && ctx.Err() == nil {
		l.view, l.err = c.Look(ctx, id, false)
	}
	v := l.view
	if l.err != nil || v.Sweep != nil || v.Reached != nil {
		return v, l.err
	}
	last, cancel := context.WithTimeout(ctx, rowsWithin)
	defer cancel()
	if s := <-c.stood(last, id); s != nil && s.Life == v.Life {
		v.Sweep, v.Reached, v.AsOf = s.Sweep, s.Reached, s.At
	}
	return v, nil
}

// settledFor is for how long after somebody did something to a sweep its worker
// is asked with patience: what it wrote down before does not show that.
const settledFor = 5 * time.Second

// Status is a glance with what persons did to the run, which the server is asked
// for at the same time. It shows what they did: see settledFor.
func (c *Client) Status(ctx context.Context, id string, patience time.Duration) (*View, error) {
	var v *View
	noted := View{ID: id}
	var group errgroup.Group
	group.Go(func() (err error) { v, err = c.Glance(ctx, id, patience); return err })
	group.Go(func() error { return c.Annotate(ctx, &noted) })
	err := group.Wait()
	if err != nil {
		return nil, err
	}
	if last := len(noted.Log) - 1; last >= 0 && !v.AsOf.IsZero() && noted.Log[last].When.After(v.AsOf.Add(-settledFor)) {
		v, err = c.Glance(ctx, id, rowsWithin)
	}
	if err == nil {
		v.Log, v.Tags = noted.Log, noted.Tags
	}
	return v, err
}

// stood is how a run or a sweep stood when that was last written down; nil if it
// was not, or cannot be read.
func (c *Client) stood(ctx context.Context, id string) <-chan *workflows.Standing {
	answers := make(chan *workflows.Standing, 1)
	go func() {
		var s *workflows.Standing
		if c.Standing != nil {
			s, _ = c.Standing(ctx, id)
		}
		answers <- s
	}()
	return answers
}

// viewOf is a look at a sweep by how it stood alone.
func viewOf(id string, s *workflows.Standing) *View {
	return &View{
		ID: id, Kind: KindSweep, State: s.Summary.State, Started: s.Summary.Began, Life: s.Life,
		Summary: s.Summary, Sweep: s.Sweep, AsOf: s.At,
	}
}
