package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// run is the whole of it: the calm sweep, the sweep under faults, the checks
// and the table.
func (o *options) run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, o.within)
	defer cancel()
	l, err := newLab(o)
	if err != nil {
		return err
	}
	l.mount()
	tell(out, "seed %d, %d faults, %d trials, everything in %s", o.seed, o.faults, o.trials, l.folder)
	if !l.disk {
		tell(out, "no small disk can be mounted: a full one is played by the proxy")
	}
	began := time.Now()
	calm, err := l.calm(ctx)
	if err != nil {
		return err
	}
	quietly := time.Since(began)
	tell(out, "the sweep without faults took %s", quietly.Round(time.Second))
	o.every = pace(o.every, quietly, o.faults)
	began = time.Now()
	defer l.close()
	if err := l.open(ctx); err != nil {
		return err
	}
	s := &storm{lab: l, random: rand.New(rand.NewPCG(o.seed, 0)), struck: make(map[string]int)}
	n, err := s.weather(ctx, out)
	if err != nil {
		return err
	}
	t := table{storm: s, faults: n, calm: quietly, stormy: time.Since(began)}
	if t.findings, err = s.verify(ctx, calm, &t); err != nil {
		return err
	}
	t.print(out)
	if o.page != "" {
		if err := t.save(o.page); err != nil {
			return err
		}
	}
	if bad := t.broken(); bad > 0 {
		return fmt.Errorf("%d promises were broken; the folder %s is kept", bad, l.folder)
	}
	if o.home == "" {
		return l.remove()
	}
	return nil
}

// pace is the mean time between two faults: short enough for all of them to
// fall into a sweep that takes so long without any, and longer with them, and
// long enough for processes to start in between.
func pace(every, quietly time.Duration, faults int) time.Duration {
	const least = 300 * time.Millisecond
	return min(every, max(least, quietly*9/time.Duration(10*faults)))
}

// weather strikes until all faults are done, then waits for the sweep's end.
func (s *storm) weather(ctx context.Context, out io.Writer) (int, error) {
	var finished atomic.Value // the state that the sweep ended in
	watching, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan string, 1)
	go func() {
		for watching.Err() == nil {
			// A server that does not answer now is one of the faults.
			state, err := s.status(watching)
			if err == nil && state == "cancelled" && s.cancels.Load() {
				_ = s.submit(watching) // again, until it is heard
			} else if err == nil && state != "running" && state != "paused" && state != "" {
				finished.Store(state)
				ended <- state
				return
			}
			select {
			case <-watching.Done():
			case <-time.After(2 * time.Second):
			}
		}
	}()
	n, err := s.rage(ctx, out, func() string { state, _ := finished.Load().(string); return state })
	if err != nil {
		return n, err
	}
	tell(out, "all faults are done; waiting for the sweep")
	select {
	case <-ctx.Done():
		return n, fmt.Errorf("the sweep does not end within %s: %w", s.o.within, ctx.Err())
	case state := <-ended:
		if state != "done" {
			return n, fmt.Errorf("the sweep %s is %s", s.run, state)
		}
	}
	return n, nil
}

// verify checks every promise, the last ones with all processes stopped.
func (s *storm) verify(ctx context.Context, calm *swept, t *table) ([]finding, error) {
	got, err := s.result(ctx)
	if err != nil {
		return nil, err
	}
	findings := compare(calm, got)
	s.close()
	journals, err := s.journals(ctx)
	if err != nil {
		return nil, err
	}
	findings = append(findings, journals...)
	if t.again, err = s.repeated(); err != nil {
		return nil, err
	}
	// A damaged object costs what led to it, and an attempt that could not save
	// while the store was away has more than an interval to lose.
	mean := time.Duration(0)
	if t.faults > 0 {
		mean = t.again.total / time.Duration(t.faults)
	}
	findings = append(findings, finding{
		what:  fmt.Sprintf("work repeated is at most one checkpoint interval (%s) a fault", interval),
		found: fmt.Sprintf("%s a fault in the mean, %s in all by %d attempts that went on from others, %d of them more than an interval, the most %s", mean.Round(time.Millisecond), t.again.total.Round(100*time.Millisecond), t.again.resumed, t.again.over, t.again.most.Round(time.Millisecond)),
		kept:  mean <= interval,
	})
	collected, err := s.collect(ctx)
	if err != nil {
		collected.found = err.Error()
	}
	return append(findings, collected), nil
}

// table is what is told at the end.
type table struct {
	*storm
	faults       int
	calm, stormy time.Duration
	again        repetition
	findings     []finding
}

func (t *table) broken() (n int) {
	for _, f := range t.findings {
		if !f.kept {
			n++
		}
	}
	return n
}

// write is the table in Markdown.
func (t *table) write(out io.Writer) {
	fmt.Fprintf(out, "Seed %d, %d faults over one sweep of %d trials; %s with one thread a worker, %d processors. Without faults the sweep took %s, with them %s.\n\n",
		t.o.seed, t.faults, t.o.trials, runtime.GOARCH, runtime.NumCPU(), t.calm.Round(time.Second), t.stormy.Round(time.Second))
	fmt.Fprintf(out, "| fault | times |\n| --- | ---: |\n")
	for _, w := range weights {
		fmt.Fprintf(out, "| %s | %d |\n", w.kind, t.struck[w.kind])
		if w.kind == faultUnreachable {
			fmt.Fprintf(out, "| %s | %d |\n", strings.Replace(faultOutage, "a minute", t.o.outage.String(), 1), t.struck[faultOutage])
		}
	}
	clock := "not in this run: it takes CLOCK=1"
	if t.o.clocked != "" {
		clock = "each life of a worker, client or gateway: " + fmt.Sprint(t.clocks)
	}
	fmt.Fprintf(out, "| the clock jumps by up to an hour, forth and back, and is set right | %s |\n", clock)
	fmt.Fprintf(out, "\n| promise | kept | found |\n| --- | --- | --- |\n")
	for _, f := range t.findings {
		kept := "yes"
		if !f.kept {
			kept = "NO"
		}
		fmt.Fprintf(out, "| %s | %s | %s |\n", f.what, kept, f.found)
	}
}

func (t *table) print(out io.Writer) {
	fmt.Fprintln(out)
	t.write(out)
}

// The marks between which the page holds the table.
const (
	beginMark = "<!-- make chaos writes from here -->\n"
	endMark   = "<!-- to here -->\n"
)

// save puts the table between the marks of a page.
func (t *table) save(page string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !found || !ended {
		return errors.New(page + " has no marks to write the table between")
	}
	var body strings.Builder
	t.write(&body)
	return os.WriteFile(page, []byte(before+beginMark+"\n"+body.String()+"\n"+endMark+after), 0o644)
}
