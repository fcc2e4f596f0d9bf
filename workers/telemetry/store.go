package telemetry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Transport is next with its requests to the store heard of.
func (t *Telemetry) Transport(next http.RoundTripper) http.RoundTripper {
	if t.metrics == nil && t.traces == nil {
		return next
	}
	return &transport{next: next, metrics: t.metrics, traces: t.traces, failed: make(map[string]bool)}
}

// transport hears of requests.
type transport struct {
	next    http.RoundTripper
	metrics *metrics
	traces  *traces

	mu     sync.Mutex
	failed map[string]bool // requests that the client will repeat
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	operation, began := operationOf(r), time.Now()
	end := func(*http.Response, error) {}
	if t.traces != nil {
		end = t.traces.request(r, operation)
	}
	again := t.repeats(r)
	answer, err := t.next.RoundTrip(r)
	end(answer, err)
	if passing(r.Context(), answer, err) {
		t.remember(r)
	}
	m := t.metrics
	if m == nil {
		return answer, err
	}
	m.requests.WithLabelValues(operation, statusOf(answer)).Inc()
	m.answers.WithLabelValues(operation).Observe(time.Since(began).Seconds())
	m.sent.Add(float64(max(0, r.ContentLength)))
	if again {
		m.retries.WithLabelValues(operation).Inc()
	}
	if answer != nil {
		answer.Body = &heard{answer.Body, func(n int) { m.received.Add(float64(n)) }}
	}
	return answer, err
}

// operationOf is what a request asks of S3, in a word.
func operationOf(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && (query.Has("list-type") || query.Has("prefix")):
		return "list"
	case r.Method == http.MethodGet && (query.Has("location") || query.Has("policy")):
		return "bucket"
	case query.Has("uploads"), query.Has("uploadId") && r.Method != http.MethodPut:
		return "multipart"
	case query.Has("uploadId"):
		return "part"
	case r.Method == http.MethodGet:
		return "get"
	case r.Method == http.MethodHead:
		return "stat"
	case r.Method == http.MethodPut:
		return "put"
	case r.Method == http.MethodDelete:
		return "delete"
	}
	return "other"
}

func statusOf(answer *http.Response) string {
	if answer == nil {
		return "none"
	}
	return fmt.Sprintf("%dxx", answer.StatusCode/100)
}

// passing says that a request failed in a way that passes, so that a client
// repeats it.
func passing(ctx context.Context, answer *http.Response, err error) bool {
	if err != nil {
		return ctx.Err() == nil
	}
	return answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500
}

// mostFailed bounds what is remembered of requests that nobody repeats.
const mostFailed = 1024

func (t *transport) remember(r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.failed) >= mostFailed {
		clear(t.failed)
	}
	t.failed[r.Method+" "+r.URL.String()] = true
}

// repeats says whether the same request has failed before.
func (t *transport) repeats(r *http.Request) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := r.Method + " " + r.URL.String()
	again := t.failed[name]
	delete(t.failed, name)
	return again
}

// heard is a body that tells how many bytes are read of it.
type heard struct {
	io.ReadCloser
	read func(int)
}

// Read implements io.Reader.
func (h *heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	h.read(n)
	return n, err
}
