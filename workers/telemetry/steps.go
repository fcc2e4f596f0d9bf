package telemetry

import (
	"context"
	"sync"
	"time"

	"espalier/activities"
)

// observer makes metrics and spans of the steps; either may be nil.
type observer struct {
	metrics *metrics
	traces  *traces
}

var _ activities.Observer = observer{}

// Begin implements activities.Observer.
func (o observer) Begin(ctx context.Context, b activities.Begun) (context.Context, activities.Observed) {
	s := &step{observer: o, activity: b.Activity, attempt: b.Attempt, began: time.Now()}
	if m := o.metrics; m != nil {
		m.started.WithLabelValues(b.Activity).Inc()
		m.live.add(s)
	}
	if o.traces != nil {
		o.traces.begin(ctx, b)
		s.span = spanOf(ctx)
	}
	return ctx, s
}

// step is an attempt under way.
type step struct {
	observer
	activity string
	attempt  int
	began    time.Time
	span     span

	mu     sync.Mutex
	last   activities.Progress
	told   time.Time // when the last came
	begun  bool      // the training has
	step   int64     // optimizer steps that are counted
	epochs int       // that are counted
}

// Resumed implements activities.Observed.
func (s *step) Resumed(from, repeated int64) {
	m := s.metrics
	if m == nil {
		return
	}
	if from > 0 {
		m.resumed.WithLabelValues(s.activity).Inc()
	}
	m.repeated.WithLabelValues(s.activity).Add(float64(repeated))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.step, s.epochs = true, from, s.last.Cursor.Epoch
}

// Progress implements activities.Observed.
func (s *step) Progress(p activities.Progress) {
	m := s.metrics
	if m == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.told = p, time.Now()
	if !s.begun {
		return
	}
	if at := p.Cursor.Step; at > s.step {
		m.batches.WithLabelValues(s.activity).Add(float64(at - s.step))
		s.step = at
	}
	if at := p.Cursor.Epoch; at > s.epochs {
		m.epochs.WithLabelValues(s.activity).Add(float64(at - s.epochs))
		s.epochs = at
	}
}

// Part implements activities.Observed.
func (s *step) Part(ctx context.Context, name string) (context.Context, func(int64, error)) {
	began, end := time.Now(), func(int64, error) {}
	if s.traces != nil {
		ctx, end = s.traces.part(ctx, name)
	}
	return ctx, func(bytes int64, err error) {
		end(bytes, err)
		m := s.metrics
		if m == nil {
			return
		}
		took := time.Since(began).Seconds()
		m.parts.WithLabelValues(s.activity, name).Observe(took)
		if name == activities.PartCommit && err == nil {
			m.commits.Observe(took)
			m.committed.Add(float64(bytes))
		}
	}
}

// End implements activities.Observed.
func (s *step) End(e activities.Ended) {
	s.span.end(e)
	m := s.metrics
	if m == nil {
		return
	}
	m.live.remove(s)
	switch {
	case e.Failure != "":
		m.failed.WithLabelValues(s.activity, e.Failure).Inc()
	case e.Reused:
		m.done.WithLabelValues(s.activity, "reused").Inc()
	default:
		m.done.WithLabelValues(s.activity, "computed").Inc()
		m.seconds.WithLabelValues(s.activity).Observe(time.Since(s.began).Seconds())
		m.tries.WithLabelValues(s.activity).Observe(float64(s.attempt))
	}
}
