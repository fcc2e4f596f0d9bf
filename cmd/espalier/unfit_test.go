package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/workers"
)

// returned notes the steps that a worker hands back for want of what they need.
type returned struct {
	interceptor.WorkerInterceptorBase
	mu    sync.Mutex
	waits map[string][]time.Duration // until the step is handed out again, by its id in the run
}

func (r *returned) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &returnedInbound{interceptor.ActivityInboundInterceptorBase{Next: next}, r}
}

type returnedInbound struct {
	interceptor.ActivityInboundInterceptorBase
	all *returned
}

func (i *returnedInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	out, err := i.Next.ExecuteActivity(ctx, in)
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() == activities.FailureUnfit {
		i.all.mu.Lock()
		defer i.all.mu.Unlock()
		id := activity.GetInfo(ctx).ActivityID
		i.all.waits[id] = append(i.all.waits[id], app.NextRetryDelay())
	}
	return out, err
}

func (r *returned) of(id string) []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.waits[id])
}

func (r *returned) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for id := range r.waits {
		ids = append(ids, id)
	}
	return ids
}

// A worker that does not allow a trainer hands its step back at once and leaves
// nothing in the step's journal, ever less often while it is alone; once there is
// a worker that does, the run goes to its end beside it.
func TestStepFindsTheWorkerThatCanDoIt(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	told := &returned{waits: map[string][]time.Duration{}}
	p.work(t, workers.Options{Queue: "cpu", Interceptors: []interceptor.WorkerInterceptor{told}})
	_, id := p.submit(t, trainerSpec)
	const often = 8
	eventually(t, "hand-backs", func() bool {
		return slices.ContainsFunc(told.ids(), func(id string) bool { return len(told.of(id)) >= often })
	})
	first := told.ids()
	if len(first) != 1 {
		t.Fatalf("the steps %q were handed back, want only the first of the run", first)
	}
	ms := time.Millisecond
	want := []time.Duration{50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 2 * time.Second, 2 * time.Second}
	if got := told.of(first[0])[:often]; !slices.Equal(got, want) {
		t.Errorf("a step that no worker can do waits %v, want %v", got, want)
	}
	for info, err := range p.store.List(t.Context(), "manifests/") {
		t.Errorf("the journal has %s of an attempt that did nothing (%v)", info.Key, err)
	}

	fit := &inProcess{p.connection, &app{home: p.app.home, identity: p.app.identity + "-fit", log: p.app.log, out: p.app.out, errs: p.app.errs}}
	fit.workForTrainer(t)
	p.end(t, id)
	result, err := p.runs.Result(t.Context(), id)
	if err != nil || len(result.Rows) != 2 {
		t.Fatalf("result %+v, %v; want two rows", result, err)
	}
	for _, id := range told.ids() {
		waits := told.of(id)
		t.Logf("step %s was handed back %d times: %v", id, len(waits), waits)
		// Either worker may be asked each time, so that one step in a million
		// is handed back so often.
		if id != first[0] && len(waits) >= 20 {
			t.Errorf("step %s was handed back %d times beside a worker that can do it", id, len(waits))
		}
	}
}
