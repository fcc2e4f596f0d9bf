package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// live has the attempts under way and tells of them whenever it is asked.
type live struct {
	mu    sync.Mutex
	steps map[*step]bool
	seen  map[string]bool // activities, so that one that rests is 0 and not missing

	running, images, loss, age *prometheus.Desc
}

func newLive() *live {
	return &live{
		steps: make(map[*step]bool), seen: make(map[string]bool),
		running: desc("espalier_steps_running"), images: desc("espalier_training_images_per_second"),
		loss: desc("espalier_training_loss"), age: desc("espalier_checkpoint_age_seconds"),
	}
}

func (l *live) add(s *step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps[s], l.seen[s.activity] = true, true
}

func (l *live) remove(s *step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.steps, s)
}

// Describe implements prometheus.Collector.
func (l *live) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.running, l.images, l.loss, l.age} {
		to <- d
	}
}

// sum is what the attempts of an activity come to.
type sum struct {
	running, images float64
	loss            float64
	told            time.Time // when the loss was; zero if none was
	trains          bool
}

// Collect implements prometheus.Collector.
func (l *live) Collect(to chan<- prometheus.Metric) {
	sums, age := l.sums(time.Now())
	value := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	value(l.age, age.Seconds())
	for activity, s := range sums {
		value(l.running, s.running, activity)
		if s.trains {
			value(l.images, s.images, activity)
		}
		if !s.told.IsZero() {
			value(l.loss, s.loss, activity)
		}
	}
}

// sums are those by activity, and the age of the oldest newest checkpoint.
func (l *live) sums(now time.Time) (map[string]sum, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var oldest time.Duration
	sums := make(map[string]sum)
	for activity := range l.seen {
		sums[activity] = sum{}
	}
	for s := range l.steps {
		s.mu.Lock()
		of, p := sums[s.activity], s.last
		of.running++
		if s.begun {
			of.trains = true
			of.images += p.Rate
			if p.Epochs > 0 && s.told.After(of.told) {
				of.loss, of.told = p.Loss, s.told
			}
			if !p.SavedAt.IsZero() {
				oldest = max(oldest, now.Sub(p.SavedAt))
			}
		}
		sums[s.activity] = of
		s.mu.Unlock()
	}
	return sums, oldest
}
