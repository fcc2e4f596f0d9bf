package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers"
	"espalier/workers/local"
)

// inProcess is a stack, a worker and a client inside the test, for faults that
// cannot be made from outside.
type inProcess struct {
	*connection
	app *app
}

func newInProcess(t *testing.T, home string, with ...func(*local.Options)) *inProcess {
	t.Helper()
	o := local.Options{Home: home}
	for _, change := range with {
		change(&o)
	}
	a := &app{home: home, identity: workers.Identity(time.Now()), log: slog.New(slog.DiscardHandler), out: io.Discard, errs: io.Discard}
	c, err := a.startLocal(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return &inProcess{c, a}
}

// work runs a worker until the test or the returned function ends it.
func (p *inProcess) work(t *testing.T, o workers.Options) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := p.app.withWorker(ctx, p.connection, p.app.prepareSteps(nil), o, func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func (p *inProcess) submit(t *testing.T, spec string) (*config.Spec, string) {
	t.Helper()
	parsed, err := config.Parse("spec.yaml", []byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	id, err := p.runs.Submit(t.Context(), parsed)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, id
}

// lossy loses every heartbeat of a worker.
type lossy struct {
	interceptor.WorkerInterceptorBase
}

func (*lossy) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &lossyInbound{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type lossyInbound struct {
	interceptor.ActivityInboundInterceptorBase
}

func (i *lossyInbound) Init(out interceptor.ActivityOutboundInterceptor) error {
	return i.Next.Init(&lossyOutbound{interceptor.ActivityOutboundInterceptorBase{Next: out}})
}

type lossyOutbound struct {
	interceptor.ActivityOutboundInterceptorBase
}

func (*lossyOutbound) RecordHeartbeat(context.Context, ...any) {}

// Without heartbeats the server gives every attempt up after the timeout and
// its details are lost; the manifests in the store carry the step on all the
// same, and an attempt that was given up while it still runs is fenced.
func TestEveryHeartbeatIsLost(t *testing.T) {
	// The dense training outlasts the timeout many times over.
	spec := strings.NewReplacer("heartbeat_timeout: 2s", "heartbeat_timeout: 1s", "epochs: 12", "epochs: 24").Replace(smallSpec)
	want := newLab(t, spec).finish(t)
	p := newInProcess(t, t.TempDir())
	// The second slot is for the attempt that takes over.
	p.work(t, workers.Options{Queue: "cpu", Slots: 2, Interceptors: []interceptor.WorkerInterceptor{&lossy{}}})
	_, id := p.submit(t, spec)
	result, err := p.runs.Result(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, result, want)

	store, err := p.openStore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	repo, resumed := &checkpoint.Repo{Store: store}, 0
	for info, err := range store.List(t.Context(), "steps/") {
		if err != nil {
			t.Fatal(err)
		}
		key := strings.TrimSuffix(strings.TrimPrefix(info.Key, "steps/"), ".json")
		for _, e := range entries(t, repo, key) {
			if e.Kind == checkpoint.EntryOpen && e.From != nil {
				resumed++
			}
		}
	}
	t.Logf("%d attempts went on from a checkpoint", resumed)
	if resumed == 0 {
		t.Error("no attempt went on from a checkpoint, so the test shows nothing")
	}
}
