package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"espalier/workers/local"
)

const queue = "steps"

// greet is a workflow of one activity, which by itself would be tried again a
// minute after it failed or its worker fell silent.
func greet(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Minute},
	})
	var greeting string
	err := workflow.ExecuteActivity(ctx, "Compose", name).Get(ctx, &greeting)
	return greeting, err
}

// composer has the activity of greet.
type composer struct {
	// started gets the attempt that begins.
	started chan int32
	// hang makes the first attempt wait for the end of its worker.
	hang bool
}

// Compose is the activity.
func (c *composer) Compose(ctx context.Context, name string) (string, error) {
	attempt := activity.GetInfo(ctx).Attempt
	c.started <- attempt
	if c.hang && attempt == 1 {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return "hello " + name, nil
}

func dial(t *testing.T, e local.Endpoint, identity string) client.Client {
	t.Helper()
	c, err := connect(e, identity)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func connect(e local.Endpoint, identity string) (client.Client, error) {
	return client.Dial(client.Options{
		HostPort: e.TemporalAddress, Namespace: e.Namespace, Identity: identity,
		Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
}

// work runs a worker until the returned function is called.
func work(t *testing.T, c client.Client, steps *composer) (stop func()) {
	t.Helper()
	w := newWorker(c, steps)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	return w.Stop
}

func newWorker(c client.Client, steps *composer) worker.Worker {
	w := worker.New(c, queue, worker.Options{WorkerStopTimeout: 10 * time.Millisecond})
	w.RegisterWorkflow(greet)
	w.RegisterActivity(steps)
	return w
}

// workAndHang runs a worker for the rest of this process and prints the
// attempts that it begins and never ends.
func workAndHang(e local.Endpoint, identity string) error {
	c, err := connect(e, identity)
	if err != nil {
		return err
	}
	steps := &composer{started: make(chan int32), hang: true}
	go func() {
		for attempt := range steps.started {
			fmt.Println("attempt", attempt)
		}
	}()
	return newWorker(c, steps).Start()
}

func startGreet(ctx context.Context, t *testing.T, c client.Client, id string) client.WorkflowRun {
	t.Helper()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, greet, "world")
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func wantGreeting(ctx context.Context, t *testing.T, run client.WorkflowRun) {
	t.Helper()
	var got string
	if err := run.Get(ctx, &got); err != nil || got != "hello world" {
		t.Errorf("workflow %s gives %q, %v, want hello world", run.GetID(), got, err)
	}
}
