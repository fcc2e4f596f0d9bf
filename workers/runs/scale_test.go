package runs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"espalier/activities"
	"espalier/config"
	"espalier/workers/runs"
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
  concurrency: 48
`

// BenchmarkSweep runs sweeps of trials whose training is a second of waiting,
// on the embedded server: what is left is what Espalier itself costs. It
// reports the time against the ideal, trials times their second by slots, the
// processor's time a trial, how long a look at the sweep takes meanwhile, and
// the longest history.
//
// Uneven trials take half a second to one and a half, by a fixed seed: equal
// ones end in waves, with nothing to be done for the server between.
func BenchmarkSweep(b *testing.B) {
	equal := func() time.Duration { return scaleTrial }
	for _, trials := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("trials=%d", trials), func(b *testing.B) {
			for range b.N {
				sweepOf(b, trials, equal)
			}
		})
		b.Run(fmt.Sprintf("uneven=%d", trials), func(b *testing.B) {
			for range b.N {
				var mutex sync.Mutex
				draw := rand.New(rand.NewPCG(1, 1))
				sweepOf(b, trials, func() time.Duration {
					mutex.Lock()
					defer mutex.Unlock()
					return scaleTrial/2 + time.Duration(draw.Int64N(int64(scaleTrial)))
				})
			}
		})
	}
}

func sweepOf(b *testing.B, trials int, length func() time.Duration) {
	asked, err := startServer(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := asked.stop(); err != nil {
			b.Error(err)
		}
	}()
	var trained atomic.Int64 // nanoseconds
	away, err := asked.serve(scaleSlots, func() error { return nil }, func(name string, _ activities.TrainInput) (activities.PrepareResult, error) {
		if name == activities.NameTrain {
			takes := length()
			trained.Add(int64(takes))
			time.Sleep(takes)
		}
		return nothingDone(), nil
	})
	if err != nil {
		b.Fatal(err)
	}
	defer away()

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
	looks := looking(b, asked.Client, id)
	result, err := asked.Sweep(b.Context(), id)
	took := time.Since(began)
	slowest, written := looks()
	if err != nil {
		b.Fatal(err)
	}
	if result.Ended != trials || result.Failures != 0 {
		b.Fatalf("%d trials ended, %d failed, want %d and none", result.Ended, result.Failures, trials)
	}
	ideal := time.Duration(trained.Load()) / scaleSlots
	b.ReportMetric(took.Seconds(), "s")
	b.ReportMetric(float64(took)/float64(ideal), "of-ideal")
	b.ReportMetric(float64((processorTime(b)-busy).Milliseconds())/float64(trials), "cpu-ms/trial")
	b.ReportMetric(float64(slowest[len(slowest)/2].Milliseconds()), "look-median-ms")
	b.ReportMetric(float64(slowest[len(slowest)*99/100].Milliseconds()), "look-p99-ms")
	b.ReportMetric(float64(slowest[len(slowest)-1].Milliseconds()), "look-max-ms")
	b.ReportMetric(float64(written.looks)/float64(len(slowest)), "look-written-share")
	b.ReportMetric(float64(written.oldest.Milliseconds()), "look-oldest-ms")
	b.ReportMetric(float64(longest(b, asked.Client)), "longest-history")
}

// fromPaper counts the looks that were answered by what the worker wrote down.
type fromPaper struct {
	looks  int
	oldest time.Duration
}

// looking looks at the sweep twice a second, as status does, until the returned
// function is called, which answers with how long the looks took, in order.
func looking(b *testing.B, c *runs.Client, id string) (stop func() ([]time.Duration, fromPaper)) {
	ctx, cancel := context.WithCancel(b.Context())
	looks := []time.Duration{0}
	var written fromPaper
	var asking sync.WaitGroup
	look := func() {
		began := time.Now()
		v, err := c.Status(ctx, id, patience)
		took := time.Since(began)
		if ctx.Err() != nil {
			return
		}
		looks = append(looks, took)
		if err != nil { // it counts as long as it took
			b.Errorf("a look at the sweep: %v", err)
		} else if !v.AsOf.IsZero() {
			written.looks++
			written.oldest = max(written.oldest, time.Since(v.AsOf))
		}
	}
	asking.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				look()
			}
		}
	})
	return func() ([]time.Duration, fromPaper) {
		cancel()
		asking.Wait()
		slices.Sort(looks)
		return looks, written
	}
}

// patience is that of status.
const patience = 60 * time.Millisecond

// longest is the length of the longest history on the server.
func longest(b *testing.B, c *runs.Client) int64 {
	var most int64
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: c.Namespace, PageSize: 100}
	for {
		page, err := c.Temporal.ListWorkflow(b.Context(), request)
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
