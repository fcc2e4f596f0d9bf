// Package telemetry makes a process visible to the tools of those who run many:
// metrics for Prometheus, traces for OpenTelemetry.
//
// It hears what happens through the hooks that the rooms have for anybody:
// activities.Observer for steps, an http.RoundTripper for the store, the options
// of Temporal's client. Nothing in a run depends on it, and where neither is
// asked for it costs nothing.
//
// No metric has a run, a step key or a worker as a label: what there is one of
// for each run belongs into logs and traces, which have all of them.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	"espalier/activities"
)

// Options say what a process tells of itself.
type Options struct {
	Version  string // of espalier
	Identity string // of the process
	// Metrics has metrics counted, for Serve.
	Metrics bool
	// Traces has spans sent where the OTEL_ variables say.
	Traces bool
	// Free is the room on the disk of the home folder, in bytes; nil where it
	// does not matter.
	Free func() (uint64, error)
}

// Telemetry is what a process tells of itself. The zero value tells nothing. Its
// methods may be called by several goroutines.
type Telemetry struct {
	metrics *metrics
	traces  *traces
	server  *http.Server
	log     atomic.Pointer[slog.Logger]
}

// Begin begins to count and to trace, before any other call. Its error is of the
// OTEL_ variables.
func (t *Telemetry) Begin(ctx context.Context, o Options) (err error) {
	if o.Metrics {
		if t.metrics, err = newMetrics(o); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	if o.Traces {
		if t.traces, err = newTraces(ctx, o, t.complain); err != nil {
			return fmt.Errorf("traces: %w", err)
		}
	}
	return nil
}

// LogTo has what goes wrong with the telling logged; until then it is not told.
func (t *Telemetry) LogTo(log *slog.Logger) { t.log.Store(log) }

func (t *Telemetry) complain(err error) {
	if log := t.log.Load(); log != nil {
		log.Warn("telemetry", "error", err)
	}
}

// Client puts into the options of Temporal's client what it is heard by, and so
// are the workers that use the client.
func (t *Telemetry) Client(o *client.Options) error {
	if t.metrics != nil {
		handler, err := t.metrics.temporal(t.complain)
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		o.MetricsHandler = handler
	}
	if t.traces != nil {
		traced, err := t.traces.interceptor()
		if err != nil {
			return fmt.Errorf("traces: %w", err)
		}
		o.Interceptors = append(o.Interceptors, traced)
	}
	return nil
}

// Observer hears of the steps of a worker; nil if there is nothing to tell.
func (t *Telemetry) Observer() activities.Observer {
	if t.metrics == nil && t.traces == nil {
		return nil
	}
	return observer{t.metrics, t.traces}
}

// Serving tells how many steps of a queue the process takes at a time.
func (t *Telemetry) Serving(queue string, slots int) {
	if t.metrics != nil {
		t.metrics.slots.WithLabelValues(queue).Set(float64(slots))
	}
}

// Damaged hears of an object of the store that was found damaged.
func (t *Telemetry) Damaged(string) {
	if t.metrics != nil {
		t.metrics.damaged.Inc()
	}
}

// closeWithin is how long the last spans may take to be sent.
const closeWithin = 3 * time.Second

// Close sends what is not sent yet and stops serving.
func (t *Telemetry) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	var err error
	if t.traces != nil {
		err = t.traces.provider.Shutdown(ctx)
	}
	if t.server != nil {
		err = errors.Join(err, t.server.Close())
	}
	if err != nil {
		t.complain(err)
	}
}
