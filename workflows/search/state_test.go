package search_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/workflows/search"
)

// quality is what a trial reaches at a pass, the same whenever it is asked.
func quality(trial, pass int) float64 {
	return rand.New(rand.NewPCG(uint64(trial), 5)).Float64() + 0.01*float64(pass)
}

// sweep plays a sweep to its end: jobs under way report pass after pass, in an
// order that the seed draws.
type sweep struct {
	t     *testing.T
	s     *search.State
	r     *rand.Rand
	jobs  []search.Job
	at    map[int]int // the pass of each job
	log   []string
	again bool // write the state as JSON and read it after every event
	value func(trial, pass int) []float64
	size  int // of the largest state
}

func play(t *testing.T, spec search.Spec, seed uint64, again bool) *sweep {
	t.Helper()
	p := &sweep{t: t, s: opened(t, spec), r: rand.New(rand.NewPCG(seed, 9)), at: map[int]int{}, again: again}
	p.value = func(trial, pass int) []float64 { return []float64{quality(trial, pass)} }
	return p
}

func (p *sweep) run() *sweep {
	p.t.Helper()
	for p.start(); len(p.jobs) > 0; p.start() {
		p.step()
	}
	if done, err := p.s.Done(); err != nil || !done {
		p.t.Fatalf("Done() = %t, %v with nothing to do", done, err)
	}
	return p
}

// start takes what is next.
func (p *sweep) start() {
	p.t.Helper()
	if p.again {
		data, err := json.Marshal(p.s)
		if err != nil {
			p.t.Fatal(err)
		}
		p.size = max(p.size, len(data))
		p.s = &search.State{}
		if err := json.Unmarshal(data, p.s); err != nil {
			p.t.Fatal(err)
		}
	}
	jobs, err := p.s.Next()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, j := range jobs {
		p.log = append(p.log, fmt.Sprintf("%d to %d %v", j.Trial.Number, j.To, j.Trial.Values))
		p.at[j.Trial.Number] = -1
	}
	if p.jobs = append(p.jobs, jobs...); len(p.jobs) > p.s.Spec.Concurrency {
		p.t.Fatalf("%d trials are under way, %d are allowed", len(p.jobs), p.s.Spec.Concurrency)
	}
}

// step takes one job one pass further, or ends it.
func (p *sweep) step() {
	p.t.Helper()
	i := p.r.IntN(len(p.jobs))
	j := p.jobs[i]
	n := j.Trial.Number
	if p.at[n] < j.To {
		p.at[n]++
		stop := p.report(search.Event{Kind: search.Passed, Trial: n, Pass: p.at[n], Values: p.value(n, p.at[n])})
		if !stop {
			return
		}
		p.log = append(p.log, fmt.Sprintf("%d stopped at %d", n, p.at[n]))
	}
	p.report(search.Event{Kind: search.Ended, Trial: n})
	p.jobs = slices.Delete(p.jobs, i, i+1)
}

func (p *sweep) report(e search.Event) bool {
	p.t.Helper()
	stop, err := p.s.Report(e)
	if err != nil {
		p.t.Fatal(err)
	}
	return stop
}

func asha(trials int) search.Spec {
	spec := base(search.Random)
	spec.Params, spec.Trials, spec.Seed = space(), trials, 1
	spec.ASHA = &search.ASHA{Eta: 3, First: 1}
	return spec
}

func TestASweepEndsWhenEveryTrialHas(t *testing.T) {
	t.Parallel()
	spec := base(search.Sobol)
	spec.Params, spec.Trials = space(), 50
	p := play(t, spec, 1, false).run()
	if p.s.Ended != 50 || p.s.Made != 50 || len(p.log) != 50 {
		t.Errorf("%d ended of %d made, %d jobs; want 50 of each", p.s.Ended, p.s.Made, len(p.log))
	}
}

// In whatever order results arrive, a trial that goes on was among the best
// 1/eta of those that had got to its rung (Li et al. 2020, algorithm 2), and in
// the end every one of the best 1/eta has.
func TestASHAPromotesTheBest(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		p := play(t, asha(100), seed, false)
		reached := map[int][]float64{} // by pass
		p.value = func(trial, pass int) []float64 {
			return []float64{math.Round(quality(trial, pass)*50) / 50} // with ties
		}
		promoted := map[int][]int{}
		for p.start(); len(p.jobs) > 0; p.start() {
			for _, l := range p.s.Live {
				if l.Pass >= 0 || l.To == 1 || slices.Contains(promoted[l.To], l.Trial) {
					continue
				}
				promoted[l.To] = append(promoted[l.To], l.Trial)
				from := l.To / 3
				own, ahead := p.value(l.Trial, from)[0], 0
				for _, v := range reached[from] {
					if v > own {
						ahead++
					}
				}
				if line := len(reached[from]) / 3; ahead >= line {
					t.Fatalf("seed %d: trial %d went on from pass %d behind %d others; of %d only %d may", seed, l.Trial, from, ahead, len(reached[from]), line)
				}
			}
			before := len(p.jobs)
			ends := map[int]int{}
			for _, j := range p.jobs {
				ends[j.Trial.Number] = j.To
			}
			p.step()
			if len(p.jobs) < before {
				for _, j := range p.jobs {
					delete(ends, j.Trial.Number)
				}
				for trial, to := range ends {
					reached[to] = append(reached[to], p.value(trial, to)[0])
				}
			}
		}
		for from, values := range map[int][]float64{1: reached[1], 3: reached[3]} {
			slices.Sort(values)
			line := values[len(values)-len(values)/3] // the worst value that must go on, if it has no equals below the line
			if better := len(values) - sortedAbove(values, line); len(promoted[from*3]) < better {
				t.Errorf("seed %d: %d trials went on from pass %d, want the %d above %g at least", seed, len(promoted[from*3]), from, better, line)
			}
		}
	}
}

// sortedAbove is the index of the first value above v.
func sortedAbove(values []float64, v float64) int {
	return len(values) - len(slices.DeleteFunc(slices.Clone(values), func(x float64) bool { return x <= v }))
}

// With all results of a rung there before any goes on, exactly 1/eta goes on.
func TestASHAPromotesNoMoreThanItsShareOfAFullRung(t *testing.T) {
	t.Parallel()
	spec := asha(30)
	spec.Concurrency = 30
	s := opened(t, spec)
	for _, want := range []struct{ jobs, to int }{{30, 1}, {10, 3}, {3, 9}, {0, 0}} {
		jobs, err := s.Next()
		if err != nil || len(jobs) != want.jobs {
			t.Fatalf("Next() = %d jobs, %v, want %d", len(jobs), err, want.jobs)
		}
		var taken []float64
		for _, j := range jobs {
			if j.To != want.to {
				t.Errorf("trial %d goes to pass %d, want %d", j.Trial.Number, j.To, want.to)
			}
			n := j.Trial.Number
			taken = append(taken, quality(n, 0))
			for _, e := range []search.Event{
				{Kind: search.Passed, Trial: n, Pass: j.To, Values: []float64{quality(n, 0)}}, {Kind: search.Ended, Trial: n},
			} {
				if _, err := s.Report(e); err != nil {
					t.Fatal(err)
				}
			}
		}
		if want.to == 3 && slices.Min(taken) < best(30)[9] {
			t.Errorf("the worst that went on has %g, the tenth of all %g", slices.Min(taken), best(30)[9])
		}
	}
}

// best are the qualities of trials, best first.
func best(trials int) (all []float64) {
	for n := range trials {
		all = append(all, quality(n, 0))
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}

// A state that is written as JSON and read again after every event leads to the
// same trials in the same order, and to the same state.
func TestAStateGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	median := base(search.Grid)
	median.Params = wide(5)
	median.Median = &search.Median{Trials: 3, From: 1}
	repeats := base(search.Sobol)
	repeats.Params, repeats.Trials = space(), 20
	repeats.Repeat = search.Repeat{Path: "seed", Values: []string{"1", "2", "3"}}
	for name, spec := range map[string]search.Spec{"asha": asha(60), "median": median, "repeats": repeats} {
		for seed := range uint64(2) {
			whole := play(t, spec, seed, false).run()
			parts := play(t, spec, seed, true).run()
			if !slices.Equal(whole.log, parts.log) {
				t.Errorf("%s, seed %d: read again, the trials were %q, want %q", name, seed, parts.log, whole.log)
			}
			if diff := cmp.Diff(whole.s, parts.s, cmpopts.IgnoreUnexported(search.State{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s, seed %d: state (-whole +read again):\n%s", name, seed, diff)
			}
		}
	}
}

func TestAStateStaysSmall(t *testing.T) {
	t.Parallel()
	spec := asha(9000)
	spec.Concurrency = 16
	spec.Passes = 4 // rungs 1 and 3
	p := play(t, spec, 1, false)
	p.value = func(trial, pass int) []float64 { return []float64{quality(trial, pass)} }
	p.run()
	data, err := json.Marshal(p.s)
	if err != nil {
		t.Fatal(err)
	}
	// A rung remembers 2,048 trials at most, in about 40 bytes each.
	if len(data) > 200_000 {
		t.Errorf("the state of 9,000 trials has %d bytes, want 200,000 at most", len(data))
	}
	on := 0
	for _, line := range p.log {
		if strings.Contains(line, "to 3 ") {
			on++
		}
	}
	// Of mistakes, there are about the root of the trials (Li et al. 2020,
	// section 3.3).
	if on < 3000 || on > 3000+300 {
		t.Errorf("%d of 9,000 trials went on, want about 3,000", on)
	}
}

func TestTheMedianStopsWhatIsBehind(t *testing.T) {
	t.Parallel()
	spec := base(search.Grid)
	spec.Params, spec.Concurrency = wide(3), 1
	spec.Median = &search.Median{Trials: 3, From: 2}
	p := play(t, spec, 1, false)
	p.value = func(trial, _ int) []float64 {
		return []float64{[]float64{0.5, 0.6, 0.7, 0.4, 0.65, 0.1, 0.6, 0.9}[trial]}
	}
	p.run()
	var stopped []string
	for _, line := range p.log {
		if strings.Contains(line, "stopped") {
			stopped = append(stopped, line)
		}
	}
	// The medians at pass 2 that trials 3 to 7 meet are 0.6, 0.55, 0.6, 0.55 and
	// 0.6. Only 0.5, 0.6, 0.7 and 0.65 got to pass 3, and their median is 0.625.
	if want := []string{"3 stopped at 2", "5 stopped at 2", "6 stopped at 3"}; !slices.Equal(stopped, want) || p.s.Stopped != 3 {
		t.Errorf("stopped = %q, want %q", stopped, want)
	}
}

func TestRepeatsAreAveraged(t *testing.T) {
	t.Parallel()
	spec := base(search.List)
	spec.List = [][]search.Setting{{{Path: "a", Value: "1"}}, {{Path: "a", Value: "2"}}}
	spec.Repeat = search.Repeat{Path: "seed", Values: []string{"1", "2", "3"}}
	spec.Passes = 0
	p := play(t, spec, 3, false)
	p.value = func(trial, _ int) []float64 { return []float64{[]float64{0.5, 0.6, 0.7, 0.8, 0.8, 0.8}[trial]} }
	p.run()
	want := []search.Point{{Trial: 3, Values: []float64{0.8}, Deviations: []float64{0}}}
	if diff := cmp.Diff(want, p.s.Front, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("front (-want +got):\n%s", diff)
	}
	means, deviations := search.Aggregate([][]float64{{0.5, 1}, {0.6, 1}, {0.7, 1}})
	if diff := cmp.Diff([][]float64{{0.6, 1}, {0.1, 0}}, [][]float64{means, deviations}, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("Aggregate (-want +got):\n%s", diff)
	}
	if len(p.s.Groups) > 0 {
		t.Errorf("groups %v are left", p.s.Groups)
	}
}

func TestLimitsEndASweep(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limits search.Limits
		event  search.Event
		over   string
		made   int
	}{
		"trials":   {search.Limits{Trials: 3}, search.Event{Kind: search.Ended}, "", 3},
		"time":     {search.Limits{Time: time.Hour}, search.Event{Kind: search.Ended, Time: 2 * time.Hour}, "the time of 1h0m0s is over", 1},
		"cost":     {search.Limits{Cost: 5}, search.Event{Kind: search.Ended, Cost: 3}, "a cost of 5 is reached", 2},
		"patience": {search.Limits{Patience: 4}, search.Event{Kind: search.Ended}, "4 trials in a row were in vain", 4},
		"failures": {search.Limits{Failures: 2}, search.Event{Kind: search.Failed}, "2 trials in a row failed", 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := base(search.Random)
			spec.Params, spec.Trials, spec.Concurrency, spec.Limits = space(), 10, 1, test.limits
			s := opened(t, spec)
			for range 10 {
				jobs, err := s.Next()
				if err != nil {
					t.Fatal(err)
				}
				if len(jobs) == 0 {
					break
				}
				e := test.event
				e.Trial = jobs[0].Trial.Number
				if _, err := s.Report(e); err != nil {
					t.Fatal(err)
				}
			}
			if s.Over != test.over || s.Made != test.made {
				t.Errorf("over %q after %d trials, want %q after %d", s.Over, s.Made, test.over, test.made)
			}
			if done, err := s.Done(); err != nil || !done {
				t.Errorf("Done() = %t, %v, want true", done, err)
			}
		})
	}
}

func TestFailedTrialsAreTriedAgainWhereTheyWere(t *testing.T) {
	t.Parallel()
	spec := asha(3)
	spec.Limits.Failures = 1
	s := opened(t, spec)
	for range 2 {
		jobs, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			events := []search.Event{{Kind: search.Passed, Trial: j.Trial.Number, Pass: 1, Values: []float64{quality(j.Trial.Number, 1)}}, {Kind: search.Ended, Trial: j.Trial.Number}}
			if j.To == 3 {
				events = []search.Event{{Kind: search.Failed, Trial: j.Trial.Number}}
			}
			for _, e := range events {
				if _, err := s.Report(e); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if jobs, err := s.Next(); err != nil || len(jobs) > 0 || s.Over == "" {
		t.Fatalf("Next() = %v, %v, %q after a failure, want nothing", jobs, err, s.Over)
	}
	again := s.Retry()
	jobs, err := s.Next()
	if err != nil || len(again) != 1 || len(jobs) != 1 || jobs[0].Trial.Number != again[0] || jobs[0].To != 3 {
		t.Errorf("Retry() = %v, then Next() = %v, %v; want the trial to go on to pass 3", again, jobs, err)
	}
	if more := s.Retry(); more != nil {
		t.Errorf("Retry() again = %v, want none", more)
	}
}

func TestEventsThatAreKnownChangeNothing(t *testing.T) {
	t.Parallel()
	s := opened(t, asha(9))
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	report := func(e search.Event) {
		t.Helper()
		if stop, err := s.Report(e); stop || err != nil {
			t.Fatalf("Report(%+v) = %t, %v", e, stop, err)
		}
	}
	report(search.Event{Kind: search.Passed, Trial: 0, Pass: 1, Values: []float64{0.5}})
	before, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	report(search.Event{Kind: search.Passed, Trial: 0, Pass: 1, Values: []float64{0.9}}) // told again
	report(search.Event{Kind: search.Passed, Trial: 0, Pass: 2, Values: []float64{math.NaN()}})
	report(search.Event{Kind: search.Passed, Trial: 0, Pass: 2})
	report(search.Event{Kind: search.Ended, Trial: 7}) // not under way
	report(search.Event{Kind: search.Ticked, Trial: 0})
	if after, err := json.Marshal(s); err != nil || string(after) != string(before) {
		t.Errorf("the state became %s, %v, want %s", after, err, before)
	}
}

func TestASweepIsChangedUnderWay(t *testing.T) {
	t.Parallel()
	s := opened(t, asha(5))
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	number := func(n int) *int { return &n }
	for want, c := range map[string]search.Change{
		"concurrency 0":            {Concurrency: number(0)},
		"3 trials of which 4 were": {Trials: number(3)},
		"":                         {Concurrency: number(6), Trials: number(8), Limits: &search.Limits{Trials: 6}},
	} {
		if err := s.Change(c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("Change(%+v) = %v, want %q", c, err, want)
		}
	}
	if jobs, err := s.Next(); err != nil || len(jobs) != 2 {
		t.Errorf("Next() = %d jobs, %v, want 2: 6 trials, of which 4 were made", len(jobs), err)
	}
}
