package ui_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"espalier/workflows"
)

// BenchmarkSweepPage opens the page of a sweep of real trials, each of a blink,
// and keeps it open to the end. It reports what the page is sent a trial, what
// an open page costs the processor while nothing ends, of a core, and what
// it takes to open the page of the whole sweep and to write its CSV.
func BenchmarkSweepPage(b *testing.B) {
	for _, trials := range []int{600, 2000} {
		b.Run(fmt.Sprintf("trials=%d", trials), func(b *testing.B) {
			for range b.N {
				pageOf(b, theLab(b), trials)
			}
		})
	}
}

func pageOf(b *testing.B, l *lab, trials int) {
	id := l.submit(b, fmt.Sprintf(`name: page-%d
network: {arch: mlp, hidden: [4]}
data: {name: digits, train: 64, test: 100}
train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 0.05}}, seed: 1}
sweep:
  search: {random: {trials: %d, seed: %d}}
  params: {train.optimizer.sgd.lr: {min: 0.001, max: 0.5, scale: log}}
  objectives: [accuracy, bytes]
  concurrency: 8
`, trials, trials, trials))
	began := time.Now()
	paused := make(chan struct{})
	go func() {
		defer close(paused)
		for {
			v, err := l.runs.Look(b.Context(), id, true)
			if err == nil && v.Sweep != nil && v.Sweep.Ended >= trials-20 {
				break
			}
			time.Sleep(5 * time.Second)
		}
		if err := l.runs.Pause(b.Context(), id, workflows.Control{Who: "bench"}); err != nil {
			b.Error(err)
		}
	}()
	p := l.dashboard(b)
	var rows, events atomic.Int64
	closeTab := p.watch(id, &rows, &events)
	<-paused
	took := time.Since(began)
	time.Sleep(5 * time.Second)
	_, open := busyFor(b, 20*time.Second)
	closeTab()
	time.Sleep(12 * time.Second) // the poller rests only then
	_, shut := busyFor(b, 20*time.Second)
	b.ReportMetric(100*(open-shut), "%-core-open")
	b.ReportMetric(float64(rows.Load())/float64(trials), "rows/trial")
	b.ReportMetric(float64(events.Load())/took.Seconds(), "event-B/s")
	if err := l.runs.Resume(b.Context(), id, workflows.Control{Who: "bench"}); err != nil {
		b.Fatal(err)
	}
	l.end(b, id)

	fresh := l.dashboard(b)
	wall, busy := spent(b, func() {
		if all := fresh.trials(id); len(all.rows) != trials {
			b.Errorf("%d trials, want %d", len(all.rows), trials)
		}
	})
	b.ReportMetric(float64(wall.Milliseconds()), "open-ms")
	b.ReportMetric(float64(busy.Milliseconds()), "open-cpu-ms")
	wall, _ = spent(b, func() {
		if _, text := fresh.do(fresh.request(http.MethodGet, "/api/v1/results/"+id+".csv", nil)); strings.Count(string(text), "\n") != trials+1 {
			b.Errorf("the CSV has %d lines, want %d", strings.Count(string(text), "\n"), trials+1)
		}
	})
	b.ReportMetric(float64(wall.Milliseconds()), "csv-ms")
}

// watch keeps a page of a sweep open as a browser does, and counts the rows and
// the bytes of events that it is sent, until the returned function closes it.
func (p *page) watch(id string, rows, bytes *atomic.Int64) (closeTab func()) {
	ctx, cancel := context.WithCancel(p.Context())
	done := make(chan struct{})
	events := p.streamUntil(ctx, "events?run="+id)
	go func() {
		defer close(done)
		var t table
		for e := range events {
			if bytes.Add(int64(len(e.data))); e.name != "run" {
				continue
			}
			t.sent = nil
			for more := true; more; { // unless a busy machine does not answer in time
				more = p.next(id, &t, 0) == "" && (t.More || t.Reading > 0)
			}
			for _, n := range t.sent {
				rows.Add(int64(n))
			}
		}
	}()
	return func() { cancel(); <-done }
}

// busyFor is what the process uses of the processor, over a time.
func busyFor(b *testing.B, d time.Duration) (busy time.Duration, share float64) {
	_, busy = spent(b, func() { time.Sleep(d) })
	return busy, busy.Seconds() / d.Seconds()
}

// spent is how long something takes, by the clock and of the processor.
func spent(b *testing.B, do func()) (wall, busy time.Duration) {
	before, began := processorTime(b), time.Now()
	do()
	return time.Since(began), processorTime(b) - before
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
