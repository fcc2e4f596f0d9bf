// Package workers holds the long-lived processes: a worker polls the queues of
// its machine, runs the steps that it is given and leaves gracefully. Package
// workers/local embeds the servers that a laptop needs, workers/runs is what a
// command or a page asks of runs.
//
// A worker knows which queues it serves and how many steps it runs at a time.
// It does not know the order of steps.
package workers

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/workflows"
)

// drainWithin is how long a stopping worker waits for its steps to save; it
// must leave them their own last save and stay under the five seconds that a
// person or a scheduler grants.
const drainWithin = 4500 * time.Millisecond

// heartbeatEvery is how often a heartbeat reaches the server at most. Pauses
// and cancellations travel back with it.
const heartbeatEvery = time.Second

// Options say what a worker serves.
type Options struct {
	Client client.Client
	Queue  string            // of the steps: "cpu", "gpu" or any name
	Slots  int               // steps at a time; 0 means 1, since a step uses every core
	Steps  *activities.Steps // what the steps need
	// Interceptors wrap the worker's activities, for tracing and fault tests.
	Interceptors []interceptor.WorkerInterceptor
}

// Worker runs workflows and steps until it is stopped.
type Worker struct {
	runs, steps worker.Worker
	failed      chan error
}

// New makes a worker that polls nothing yet.
func New(o Options) *Worker {
	w := &Worker{failed: make(chan error, 2)}
	fatal := func(err error) {
		select {
		case w.failed <- err:
		default:
		}
	}
	w.runs = worker.New(o.Client, activities.QueueRuns, worker.Options{
		LocalActivityWorkerOnly: true,
		// A killed worker's sticky queue must not hold a run up for long.
		StickyScheduleToStartTimeout: time.Second,
		WorkerStopTimeout:            time.Second,
		OnFatalError:                 fatal,
	})
	w.runs.RegisterWorkflowWithOptions(workflows.Run, workflow.RegisterOptions{Name: workflows.NameRun})
	w.runs.RegisterWorkflowWithOptions(workflows.Sensitivity, workflow.RegisterOptions{Name: workflows.NameSensitivity})
	w.runs.RegisterWorkflowWithOptions(workflows.Sweep, workflow.RegisterOptions{Name: workflows.NameSweep})
	w.runs.RegisterWorkflowWithOptions(workflows.Trial, workflow.RegisterOptions{Name: workflows.NameTrial})
	w.runs.RegisterWorkflowWithOptions(workflows.Logbook, workflow.RegisterOptions{Name: workflows.NameLogbook})
	w.steps = worker.New(o.Client, o.Queue, worker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: max(1, o.Slots),
		WorkerStopTimeout:                  drainWithin,
		MaxHeartbeatThrottleInterval:       heartbeatEvery,
		DefaultHeartbeatThrottleInterval:   heartbeatEvery,
		Interceptors:                       o.Interceptors,
		OnFatalError:                       fatal,
	})
	for _, a := range o.Steps.Activities() {
		w.steps.RegisterActivityWithOptions(a.Do, activity.RegisterOptions{Name: a.Name})
	}
	return w
}

// Run polls until ctx is done, then drains: steps save a checkpoint and go
// back to the queue.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.runs.Start(); err != nil {
		return fmt.Errorf("start the workflow worker: %w", err)
	}
	defer w.runs.Stop()
	if err := w.steps.Start(); err != nil {
		return fmt.Errorf("start the step worker: %w", err)
	}
	defer w.steps.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-w.failed:
		return fmt.Errorf("worker: %w", err)
	}
}

// Identity names this process for servers and journals: it tells two lives of
// the same machine apart.
func Identity(started time.Time) string { return IdentityOf(os.Getpid(), started) }

// IdentityOf is the identity of a process of this machine.
func IdentityOf(pid int, started time.Time) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("espalier@%s#%d@%d", host, pid, started.UnixMilli())
}
