package ui

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"espalier/workers"
	"espalier/workers/runs"
	"espalier/workflows"
)

// full is a run with what the page wants to know of it beside.
type full struct {
	runs.View
	Stale       bool   `json:"stale,omitempty"`   // no worker answered for the rows in time; AsOf tells of when they are, if there are any
	Blocked     string `json:"blocked,omitempty"` // why no worker takes its step
	Failure     string `json:"failure,omitempty"` // why it ended
	TemporalURL string `json:"temporal_url,omitempty"`
	// Trials is how far the book of a sweep's trials is.
	Trials *bookMark `json:"trials,omitempty"`
}

// The bounds of what a look waits for.
const (
	placedWithin = 3 * time.Second
	workerWithin = 2 * time.Second
	sizeOfView   = 8 << 10 // bytes, about
	sizeOfTrial  = 1 << 10
)

// run is one run with its rows.
func (s *Server) run(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := idOf(r)
	if err != nil {
		return nil, err
	}
	return s.follow(r.Context(), id)
}

// follow looks at a run for those who have it before them.
func (s *Server) follow(ctx context.Context, id string) (*full, error) {
	began := time.Now()
	f, err := s.full(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.slim(ctx, f, began)
}

// full looks at a run. Of one that has ended only what persons write changes.
func (s *Server) full(ctx context.Context, id string) (*full, error) {
	v, err := s.shared(ctx, "look "+id, func(ctx context.Context) (any, error) {
		v, err := s.Runs.Look(ctx, id, false)
		if err != nil {
			return nil, err
		}
		f, err := s.withRows(ctx, v)
		if err != nil {
			return nil, err
		}
		return f, s.Runs.Annotate(ctx, &f.View)
	})
	if err != nil {
		return nil, err
	}
	return v.(*full), nil
}

// ended names a run that has ended, in that life.
func ended(v *runs.View) string { return fmt.Sprintf("%s %d", v.ID, v.Closed.UnixNano()) }

// withRows adds to a look what takes longer.
func (s *Server) withRows(ctx context.Context, v *runs.View) (*full, error) {
	if v.Closed.IsZero() {
		return s.underWay(ctx, v)
	}
	key := "view " + ended(v)
	if known, ok := s.cache.get(key); ok {
		f := *known.(*full) // whoever annotates it annotates a copy
		return &f, nil
	}
	f := full{View: *v, TemporalURL: s.temporalURL(v.ID)}
	switch {
	case v.State == workflows.StateDone && v.Kind != runs.KindSensitivity:
		rows, err := s.Runs.Look(ctx, v.ID, true)
		if err != nil {
			return nil, err
		}
		f.View = *rows
	case v.State != workflows.StateDone:
		_, err := s.Runs.Result(ctx, v.ID)
		f.Failure = runs.Reason(err)
	}
	kept := f
	size := sizeOfView
	if f.Sweep != nil {
		size += sizeOfTrial * len(f.Sweep.Trials)
	}
	s.cache.put(key, &kept, size)
	return &f, nil
}

// underWay asks the run's worker, and who could take its step.
func (s *Server) underWay(ctx context.Context, v *runs.View) (*full, error) {
	rows, err := s.Runs.Glance(ctx, v.ID, workerWithin)
	if err != nil {
		return nil, err
	}
	f := &full{View: *rows, TemporalURL: s.temporalURL(v.ID)}
	f.Stale = f.Closed.IsZero() && (f.Reached == nil && f.Sweep == nil || !f.AsOf.IsZero())
	if step := f.Step; step != nil && step.Waiting && step.Queue != "" {
		f.Blocked = s.unplaced(ctx, step.Queue, f.View)
	}
	return f, nil
}

// unplaced says why no live worker takes the step; nothing if one does, or if
// that cannot be found out.
func (s *Server) unplaced(ctx context.Context, queue string, v runs.View) string {
	ctx, cancel := context.WithTimeout(ctx, placedWithin)
	defer cancel()
	if s.Repo == nil {
		return ""
	}
	live, err := workers.Live(ctx, s.Repo, s.Dead)
	if err != nil {
		return ""
	}
	return workers.Placed(live, queue, v.Summary.Needs)
}

// temporalURL is the run's page of Temporal's own interface.
func (s *Server) temporalURL(id string) string {
	if s.Options.TemporalURL == "" {
		return ""
	}
	u, err := url.JoinPath(s.Options.TemporalURL, "namespaces", s.Runs.Namespace, "workflows", id)
	if err != nil {
		return ""
	}
	return u
}
