package runs_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers/local"
	"espalier/workers/runs"
	"espalier/workflows"
)

// The scale of Ray Tune's published benchmark: trials of one second on 16 slots.
const (
	scaleSlots = 16
	scaleTrial = time.Second
)

// scaleSpec differs from trial to trial in its learning rate.
const scaleSpec = `
name: scale
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 0.05}}, seed: 1}
sweep:
  search: {random: {trials: TRIALS, seed: 1}}
  params:
    train.optimizer.sgd.lr: {min: 0.0001, max: 0.5, scale: log}
  concurrency: 24
`

// BenchmarkSweep runs sweeps of trials whose training is a second of waiting,
// on the embedded server: what is left is what Espalier itself costs. It
// reports the time against the ideal, trials times their second by slots, the
// processor's time a trial, how long a look at the sweep takes meanwhile, and
// the longest history.
func BenchmarkSweep(b *testing.B) {
	for _, trials := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("trials=%d", trials), func(b *testing.B) {
			for range b.N {
				sweepOf(b, trials)
			}
		})
	}
}

func sweepOf(b *testing.B, trials int) {
	stack, err := local.Start(b.Context(), local.Options{Home: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := stack.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	endpoint := stack.Endpoint()
	c, err := client.Dial(client.Options{
		HostPort: endpoint.TemporalAddress, Namespace: endpoint.Namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	defer waiting(b, c)()

	asked := runs.Client{Temporal: c, Namespace: endpoint.Namespace}
	spec, err := config.Parse("scale.yaml", []byte(strings.Replace(scaleSpec, "TRIALS", fmt.Sprint(trials), 1)))
	if err != nil {
		b.Fatal(err)
	}
	busy := processorTime(b)
	began := time.Now()
	id, err := asked.Submit(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	looks := looking(b, asked, id)
	result, err := asked.Sweep(b.Context(), id)
	took := time.Since(began)
	slowest := looks()
	if err != nil {
		b.Fatal(err)
	}
	if result.Ended != trials || result.Failures != 0 {
		b.Fatalf("%d trials ended, %d failed, want %d and none", result.Ended, result.Failures, trials)
	}
	ideal := scaleTrial * time.Duration(trials) / scaleSlots
	b.ReportMetric(took.Seconds(), "s")
	b.ReportMetric(float64(took)/float64(ideal), "of-ideal")
	b.ReportMetric(float64((processorTime(b)-busy).Milliseconds())/float64(trials), "cpu-ms/trial")
	b.ReportMetric(float64(slowest[len(slowest)*99/100].Milliseconds()), "look-p99-ms")
	b.ReportMetric(float64(slowest[len(slowest)-1].Milliseconds()), "look-max-ms")
	b.ReportMetric(float64(longest(b, c, endpoint.Namespace)), "longest-history")
}

// waiting serves the queues with a trainer that only waits.
func waiting(b *testing.B, c client.Client) (stop func()) {
	var done activities.Steps
	decide := worker.New(c, activities.QueueRuns, worker.Options{LocalActivityWorkerOnly: true})
	decide.RegisterWorkflowWithOptions(workflows.Sweep, workflow.RegisterOptions{Name: workflows.NameSweep})
	decide.RegisterWorkflowWithOptions(workflows.Trial, workflow.RegisterOptions{Name: workflows.NameTrial})
	steps := worker.New(c, "cpu", worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: scaleSlots})
	for _, a := range done.Activities() {
		steps.RegisterActivityWithOptions(func(ctx context.Context) (activities.PrepareResult, error) {
			if a.Name == activities.NameTrain {
				time.Sleep(scaleTrial)
			}
			key := fmt.Sprintf("%064x", time.Now().UnixNano())
			return activities.PrepareResult{StepResult: activities.StepResult{
				Key: key, Checkpoint: checkpoint.Digest(key), Size: 1, Metrics: map[string]float64{activities.MetricTestAcc: 0.9, activities.MetricTestN: 200},
			}, DataDigest: key}, nil
		}, activity.RegisterOptions{Name: a.Name})
	}
	for _, w := range []worker.Worker{decide, steps} {
		if err := w.Start(); err != nil {
			b.Fatal(err)
		}
	}
	return func() { steps.Stop(); decide.Stop() }
}

// looking looks at the sweep twice a second, as status does, until the returned
// function is called, which answers with how long the looks took, in order.
func looking(b *testing.B, c runs.Client, id string) (stop func() []time.Duration) {
	ctx, cancel := context.WithCancel(b.Context())
	took := make(chan []time.Duration)
	go func() {
		looks := []time.Duration{0}
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				slices.Sort(looks)
				took <- looks
				return
			case <-tick.C:
				began := time.Now()
				// One that gets no answer in time counts as long as it took.
				if _, err := c.Look(ctx, id, true); ctx.Err() == nil {
					looks = append(looks, time.Since(began))
					if err != nil {
						b.Logf("a look at the sweep: %v", err)
					}
				}
			}
		}
	}()
	return func() []time.Duration { cancel(); return <-took }
}

// longest is the length of the longest history on the server.
func longest(b *testing.B, c client.Client, namespace string) int64 {
	var most int64
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: namespace, PageSize: 100}
	for {
		page, err := c.ListWorkflow(b.Context(), request)
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range page.GetExecutions() {
			most = max(most, e.GetHistoryLength())
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return most
		}
	}
}

// processorTime is what this process has used of the processor so far.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
