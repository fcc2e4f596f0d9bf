// Package workers holds the long-lived processes: a worker polls the queues of
// its machine, runs the steps that it is given and leaves gracefully. Package
// workers/local embeds the servers that a laptop needs, workers/runs is what a
// command or a page asks of runs.
//
// A worker knows which queues it serves and how many steps it runs at a time.
// It does not know the order of steps.
package workers

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/workers/ahead"
	"espalier/workers/standing"
	"espalier/workflows"
)

// DrainWithin is how long a stopping worker waits for its steps to save, unless
// its options say otherwise: it stays under the five seconds that a person or a
// scheduler grants.
const DrainWithin = 4500 * time.Millisecond

// LeaveWithin is what a step has of the time that a worker takes to drain.
func LeaveWithin(drain time.Duration) time.Duration { return drain * 8 / 9 }

// DecisionPollers is how many decisions a worker asks for at a time. Each takes
// the server some milliseconds to hand over, which bounds how many trials a
// second there can be.
const DecisionPollers = 8

// StepPollers is how many steps a worker asks for at a time: half of its slots,
// from two, the SDK's own number, to eight.
func StepPollers(slots int) int { return min(max(2, slots/2), 8) }

// heartbeatEvery is how often a heartbeat reaches the server at most. Pauses
// and cancellations travel back with it.
const heartbeatEvery = time.Second

// Options say what a worker serves.
type Options struct {
	Client client.Client
	Queue  string            // of the steps: "cpu", "gpu" or any name
	Slots  int               // steps at a time; 0 means 1, since a step uses every core
	More   []Served          // queues of steps that it serves as well
	Steps  *activities.Steps // what the steps need
	// DrainWithin is how long it waits for its steps to save when it is stopped;
	// 0 is the constant.
	DrainWithin time.Duration
	// Deployment and Build make it a versioned worker: it takes the runs that
	// its build began, and new ones while its build is the deployment's current
	// one. Both are empty, or neither.
	Deployment, Build string
	// Interceptors wrap the worker's activities, for tracing and fault tests.
	Interceptors []interceptor.WorkerInterceptor
}

// Worker runs workflows and steps until it is stopped.
type Worker struct {
	runs      worker.Worker
	standings *standing.Keeper
	steps     []worker.Worker // one a queue
	failed    chan error
}

// New makes a worker that polls nothing yet.
func New(o Options) *Worker {
	nameBuild()
	w := &Worker{standings: standing.NewKeeper(o.Steps.Repo), failed: make(chan error, 1)}
	fatal := func(err error) {
		select {
		case w.failed <- err:
		default:
		}
	}
	w.runs = worker.New(o.Client, activities.QueueRuns, worker.Options{
		LocalActivityWorkerOnly:          true,
		MaxConcurrentWorkflowTaskPollers: DecisionPollers,
		// A killed worker's sticky queue must not hold a run up for long.
		StickyScheduleToStartTimeout: time.Second,
		WorkerStopTimeout:            time.Second,
		OnFatalError:                 fatal,
		DeploymentOptions:            o.version(workflow.VersioningBehaviorPinned),
	})
	w.runs.RegisterWorkflowWithOptions(workflows.Run(w.standings.Tell), workflow.RegisterOptions{Name: workflows.NameRun})
	w.runs.RegisterWorkflowWithOptions(workflows.Sensitivity, workflow.RegisterOptions{Name: workflows.NameSensitivity})
	w.runs.RegisterWorkflowWithOptions(workflows.Sweep(w.standings.Tell), workflow.RegisterOptions{Name: workflows.NameSweep})
	w.runs.RegisterWorkflowWithOptions(workflows.Trial, workflow.RegisterOptions{Name: workflows.NameTrial})
	w.runs.RegisterWorkflowWithOptions(workflows.Logbook, workflow.RegisterOptions{Name: workflows.NameLogbook})
	// Trials keep their records where they are decided.
	w.runs.RegisterActivityWithOptions(o.Steps.Record, activity.RegisterOptions{Name: activities.NameRecord})
	for _, s := range o.Served() {
		w.steps = append(w.steps, o.stepWorker(s, fatal))
	}
	return w
}

// stepWorker takes the steps of one queue.
func (o Options) stepWorker(s Served, fatal func(error)) worker.Worker {
	options := worker.Options{
		DisableWorkflowWorker:            true,
		MaxConcurrentActivityTaskPollers: StepPollers(s.Slots),
		WorkerStopTimeout:                cmp.Or(o.DrainWithin, DrainWithin),
		MaxHeartbeatThrottleInterval:     heartbeatEvery,
		DefaultHeartbeatThrottleInterval: heartbeatEvery,
		OnFatalError:                     fatal,
		DeploymentOptions:                o.version(workflow.VersioningBehaviorUnspecified),
	}
	// A step that is held has not begun: neither traces nor fault tests see it.
	ahead.New(s.Slots).Serve(&options)
	options.Interceptors = append(options.Interceptors, o.Interceptors...)
	w := worker.New(o.Client, s.Queue, options)
	for _, a := range o.Steps.Activities() {
		w.RegisterActivityWithOptions(a.Do, activity.RegisterOptions{Name: a.Name})
	}
	return w
}

// Served are all queues of steps with their slots.
func (o Options) Served() []Served {
	return append([]Served{{Queue: o.Queue, Slots: max(1, o.Slots)}}, o.More...)
}

// version is that of a versioned worker; by is how runs keep to theirs.
func (o Options) version(by workflow.VersioningBehavior) worker.DeploymentOptions {
	if o.Deployment == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning: true, DefaultVersioningBehavior: by,
		Version: worker.WorkerDeploymentVersion{DeploymentName: o.Deployment, BuildID: o.Build},
	}
}

// Run polls until ctx is done, then drains: steps save a checkpoint and go
// back to the queue.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.runs.Start(); err != nil {
		return fmt.Errorf("start the workflow worker: %w", err)
	}
	keeping, kept := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() { w.standings.Run(keeping) })
	defer keeper.Wait()
	defer kept()
	defer w.runs.Stop()
	defer w.stopSteps()
	for _, s := range w.steps {
		if err := s.Start(); err != nil {
			return fmt.Errorf("start the step worker: %w", err)
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-w.failed:
		return fmt.Errorf("worker: %w", err)
	}
}

// stopSteps drains all queues at the same time.
func (w *Worker) stopSteps() {
	var all sync.WaitGroup
	for _, s := range w.steps {
		all.Go(s.Stop)
	}
	all.Wait()
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
