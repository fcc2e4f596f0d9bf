package telemetry

import (
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// metrics are those of a process.
type metrics struct {
	registry *prometheus.Registry
	live     *live

	slots                          *prometheus.GaugeVec
	started, done, failed, resumed *prometheus.CounterVec
	seconds, tries, parts          *prometheus.HistogramVec
	batches, repeated, epochs      *prometheus.CounterVec
	commits                        prometheus.Observer
	committed                      prometheus.Counter
	requests, retries              *prometheus.CounterVec
	answers                        *prometheus.HistogramVec
	sent, received, damaged        prometheus.Counter
}

// latencies are bounds in seconds, from an answer of a store nearby to a training
// of a day.
func latencies() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200}
}

func newMetrics(o Options) (*metrics, error) {
	r := &registrar{registry: prometheus.NewRegistry()}
	m := &metrics{
		registry:  r.registry,
		slots:     r.gauge("espalier_worker_slots"),
		started:   r.counter("espalier_steps_started_total"),
		done:      r.counter("espalier_steps_done_total"),
		failed:    r.counter("espalier_steps_failed_total"),
		resumed:   r.counter("espalier_steps_resumed_total"),
		seconds:   r.histogram("espalier_step_seconds", latencies()),
		tries:     r.histogram("espalier_step_attempts", []float64{1, 2, 3, 5, 10, 30, 100}),
		parts:     r.histogram("espalier_step_part_seconds", latencies()),
		batches:   r.counter("espalier_training_batches_total"),
		repeated:  r.counter("espalier_training_repeated_batches_total"),
		epochs:    r.counter("espalier_training_epochs_total"),
		commits:   r.histogram("espalier_checkpoint_seconds", latencies()).WithLabelValues(),
		committed: r.counter("espalier_checkpoint_bytes_total").WithLabelValues(),
		requests:  r.counter("espalier_store_requests_total"),
		retries:   r.counter("espalier_store_retries_total"),
		answers:   r.histogram("espalier_store_request_seconds", latencies()),
		sent:      r.counter("espalier_store_sent_bytes_total").WithLabelValues(),
		received:  r.counter("espalier_store_received_bytes_total").WithLabelValues(),
		damaged:   r.counter("espalier_store_damaged_objects_total").WithLabelValues(),
		live:      newLive(),
	}
	r.gauge("espalier_build_info").WithLabelValues(o.Version).Set(1)
	r.add(m.live)
	r.add(collectors.NewGoCollector())
	r.add(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if o.Free != nil {
		r.add(disk{free: o.Free})
	}
	return m, r.err
}

// registrar makes the metrics of the table and registers them.
type registrar struct {
	registry *prometheus.Registry
	err      error // the first
}

func (r *registrar) add(c prometheus.Collector) {
	if err := r.registry.Register(c); err != nil && r.err == nil {
		r.err = err
	}
}

func (r *registrar) counter(name string) *prometheus.CounterVec {
	m := describe(name)
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
	r.add(c)
	return c
}

func (r *registrar) gauge(name string) *prometheus.GaugeVec {
	m := describe(name)
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, m.Labels)
	r.add(g)
	return g
}

func (r *registrar) histogram(name string, bounds []float64) *prometheus.HistogramVec {
	m := describe(name)
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: bounds}, m.Labels)
	r.add(h)
	return h
}

// describe finds a metric in the table, which a test holds against what a
// process serves.
func describe(name string) Metric {
	all := Table()
	at := slices.IndexFunc(all, func(m Metric) bool { return m.Name == name })
	if at < 0 {
		return Metric{Name: name}
	}
	return all[at]
}

// desc is the same for collectors that make their values when they are asked.
func desc(name string) *prometheus.Desc {
	m := describe(name)
	return prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
}

// temporal has the metrics of Temporal's SDK in the same registry.
func (m *metrics) temporal(complain func(error)) (client.MetricsHandler, error) {
	exporter, err := otelprometheus.New(
		otelprometheus.WithRegisterer(m.registry), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("of Temporal's SDK: %w", err)
	}
	// Its timers are in seconds, for which OpenTelemetry's bounds are too wide.
	bounds := metric.NewView(
		metric.Instrument{Kind: metric.InstrumentKindHistogram},
		metric.Stream{Aggregation: metric.AggregationExplicitBucketHistogram{Boundaries: latencies()}},
	)
	provider := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithView(bounds))
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: provider.Meter("temporal-sdk-go"), OnError: complain, UseMonotonicCounters: true,
	}), nil
}

// disk tells the room on a disk whenever it is asked.
type disk struct{ free func() (uint64, error) }

// Describe implements prometheus.Collector.
func (d disk) Describe(to chan<- *prometheus.Desc) { to <- desc("espalier_home_free_bytes") }

// Collect implements prometheus.Collector.
func (d disk) Collect(to chan<- prometheus.Metric) {
	if free, err := d.free(); err == nil {
		to <- prometheus.MustNewConstMetric(desc("espalier_home_free_bytes"), prometheus.GaugeValue, float64(free))
	}
}
