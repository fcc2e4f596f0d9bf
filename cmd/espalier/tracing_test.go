package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collected are the spans that a collector was sent.
type collected struct {
	mutex sync.Mutex
	spans []*tracepb.Span
	err   error
}

// ServeHTTP takes spans as a collector of OpenTelemetry does.
func (c *collected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	body, err := io.ReadAll(r.Body)
	var in collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &in)
	}
	if err == nil && r.URL.Path != "/v1/traces" {
		err = fmt.Errorf("spans came to %s", r.URL.Path)
	}
	if err != nil {
		c.err = err
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, resource := range in.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// lineage is a span's name behind those that it is within.
func (c *collected) lineage(s *tracepb.Span) string {
	for _, above := range c.spans {
		if string(above.GetSpanId()) == string(s.GetParentSpanId()) {
			return c.lineage(above) + " > " + s.GetName()
		}
	}
	return s.GetName()
}

// From the command to what its steps ask of the store, a run is one trace.
func TestARunIsOneTrace(t *testing.T) {
	t.Parallel()
	var c collected
	server := httptest.NewServer(&c)
	t.Cleanup(server.Close)
	l := newLab(t, tinySpec)
	run := exec.CommandContext(t.Context(), os.Args[0], l.args("run", l.spec, "--progress", "none")...)
	run.Env = append(os.Environ(), asCommand+"=1", "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.err != nil {
		t.Fatal(c.err)
	}
	traces, lineages := map[string]int{}, map[string]bool{}
	for _, s := range c.spans {
		traces[string(s.GetTraceId())]++
		lineages[c.lineage(s)] = true
	}
	if len(traces) != 1 {
		t.Errorf("%d spans are of %d traces, want one", len(c.spans), len(traces))
	}
	const step = "espalier run > StartWorkflow:espalier.run > RunWorkflow:espalier.run > StartActivity:Train > RunActivity:Train"
	for _, want := range []string{step, step + " > load", step + " > compute", step + " > save"} {
		if !lineages[want] {
			t.Errorf("no span is %s", want)
		}
	}
	stored := false
	for lineage := range lineages {
		stored = stored || strings.HasPrefix(lineage, step) && strings.HasSuffix(lineage, " > s3 put")
	}
	if !stored {
		t.Error("no request to the store is within the training")
	}
	if t.Failed() {
		for lineage := range lineages {
			t.Log(lineage)
		}
	}
}
