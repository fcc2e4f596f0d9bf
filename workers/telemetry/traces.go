package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"

	"espalier/activities"
)

// traces sends spans.
type traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// newTraces sends spans to the collector that the OTEL_ variables name, by
// OTLP over HTTP.
func newTraces(ctx context.Context, o Options, complain func(error)) (*traces, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	// What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes last and wins.
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "espalier"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Identity),
	), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, err
	}
	// A collector that does not answer is told of by the one handler that there is.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(complain))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &traces{provider: provider, tracer: provider.Tracer("espalier")}, nil
}

// interceptor carries spans from clients to workflows to activities, in headers.
// Queries are left out: a command that watches a run makes several a second.
func (t *traces) interceptor() (interceptor.Interceptor, error) {
	return opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{Tracer: t.tracer, DisableQueryTracing: true})
}

// Command is a command's span; the function ends it.
func (t *Telemetry) Command(ctx context.Context, name string) (context.Context, func(error)) {
	if t.traces == nil {
		return ctx, func(error) {}
	}
	ctx, s := t.traces.tracer.Start(ctx, name)
	return ctx, func(err error) { finish(s, err) }
}

// begin says whose attempt the span of an activity is.
func (t *traces) begin(ctx context.Context, b activities.Begun) {
	s := trace.SpanFromContext(ctx)
	s.SetAttributes(
		attribute.String("espalier.run", b.Run), attribute.Int("espalier.pass", b.Pass), attribute.Int("espalier.attempt", b.Attempt),
		attribute.String("espalier.kind", b.Kind), attribute.String("espalier.key", b.Key), attribute.String("espalier.parent", string(b.Parent)),
	)
	if b.Sweep != "" {
		s.SetAttributes(attribute.String("espalier.sweep", b.Sweep), attribute.Int("espalier.trial", b.Trial))
	}
}

// part is a part's span.
func (t *traces) part(ctx context.Context, name string) (context.Context, func(int64, error)) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(int64, error) {}
	}
	ctx, s := t.tracer.Start(ctx, name)
	return ctx, func(bytes int64, err error) {
		if bytes > 0 {
			s.SetAttributes(attribute.Int64("espalier.bytes", bytes))
		}
		finish(s, err)
	}
}

// request is the span of a request to the store, if it is made for something
// that has one: what a worker does by itself is no part of any trace.
func (t *traces) request(r *http.Request, operation string) func(*http.Response, error) {
	if !trace.SpanContextFromContext(r.Context()).IsValid() {
		return func(*http.Response, error) {}
	}
	_, s := t.tracer.Start(r.Context(), "s3 "+operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("server.address", r.URL.Host), attribute.String("url.path", r.URL.Path),
	))
	return func(answer *http.Response, err error) {
		if answer != nil {
			s.SetAttributes(attribute.Int("http.response.status_code", answer.StatusCode))
			if answer.StatusCode >= 500 {
				err = fmt.Errorf("the store answers %s", answer.Status)
			}
		}
		finish(s, err)
	}
}

// finish ends a span, with its error if there is one.
func finish(s trace.Span, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.RecordError(err)
		s.SetStatus(codes.Error, err.Error())
	}
	s.End()
}

// span is that of an activity; the zero value is none.
type span struct{ of trace.Span }

func spanOf(ctx context.Context) span { return span{trace.SpanFromContext(ctx)} }

// end says how the attempt ended. Temporal's interceptor ends the span itself.
func (s span) end(e activities.Ended) {
	if s.of == nil {
		return
	}
	if e.Failure != "" {
		s.of.SetAttributes(attribute.String("espalier.failure", e.Failure))
		return
	}
	s.of.SetAttributes(attribute.Bool("espalier.reused", e.Reused))
}
