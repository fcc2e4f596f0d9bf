package search_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"espalier/workflows/search"
)

// base is a spec that lacks only what is searched.
func base(kind string) search.Spec {
	return search.Spec{Kind: kind, Objectives: []search.Objective{{Name: "accuracy", Maximize: true}}, Passes: 9, Concurrency: 4}
}

func listed(path string, values ...string) search.Param {
	return search.Param{Path: path, Values: values}
}

func opened(t *testing.T, spec search.Spec) *search.State {
	t.Helper()
	s, err := search.New(spec)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

// every is the values of all trials, each as one text.
func every(t *testing.T, s *search.State) []string {
	t.Helper()
	total, err := s.Total()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, total)
	for i := range all {
		all[i] = text(t, s, i)
	}
	return all
}

func text(t *testing.T, s *search.State, number int) string {
	t.Helper()
	trial, err := s.Trial(number)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, v := range trial.Values {
		fmt.Fprintf(&b, "%s=%s ", v.Path, v.Value)
	}
	return strings.TrimSpace(b.String())
}

func TestAGridIsEveryCombinationInOrder(t *testing.T) {
	t.Parallel()
	spec := base(search.Grid)
	spec.Params = []search.Param{
		listed("method", "han", "slimming"),
		{Path: "l1", Range: &search.Range{Low: 0.1, High: 0.3, Step: 0.1}, When: []search.Condition{{Path: "method", Values: []string{"slimming"}}}},
		listed("epochs", "1", "2"),
	}
	want := []string{
		"method=han epochs=1", "method=han epochs=2",
		"method=slimming l1=0.1 epochs=1", "method=slimming l1=0.1 epochs=2",
		"method=slimming l1=0.2 epochs=1", "method=slimming l1=0.2 epochs=2",
		"method=slimming l1=0.3 epochs=1", "method=slimming l1=0.3 epochs=2",
	}
	if got := every(t, opened(t, spec)); !slices.Equal(got, want) {
		t.Errorf("trials = %q, want %q", got, want)
	}
}

// A grid with any conditions has exactly the combinations that nested loops
// over all parameters find, each once.
func TestAGridHasWhatNestedLoopsFind(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		spec := base(search.Grid)
		for i := range 1 + r.IntN(5) {
			p := listed(fmt.Sprint("p", i))
			for v := range 1 + r.IntN(3) {
				p.Values = append(p.Values, fmt.Sprint(v))
			}
			for j := range i {
				if r.IntN(3) == 0 {
					p.When = append(p.When, search.Condition{Path: fmt.Sprint("p", j), Values: []string{"0", "2"}[:1+r.IntN(2)]})
				}
			}
			spec.Params = append(spec.Params, p)
		}
		want := loops(spec.Params, nil)
		r.Shuffle(len(spec.Params), func(i, j int) { spec.Params[i], spec.Params[j] = spec.Params[j], spec.Params[i] })
		var got []string
		for _, trial := range every(t, opened(t, spec)) {
			parts := strings.Fields(trial)
			slices.Sort(parts)
			got = append(got, strings.Join(parts, " "))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: the grid of %+v has %d trials, the loops found %d\n%q\n%q", seed, spec.Params, len(got), len(want), got, want)
		}
	}
}

// loops are the combinations of parameters whose conditions name earlier ones.
func loops(params []search.Param, chosen []string) []string {
	if len(params) == 0 {
		return []string{strings.Join(chosen, " ")}
	}
	p := params[0]
	for _, c := range p.When {
		if !slices.ContainsFunc(c.Values, func(v string) bool { return slices.Contains(chosen, c.Path+"="+v) }) {
			return loops(params[1:], chosen)
		}
	}
	var all []string
	for _, v := range p.Values {
		all = append(all, loops(params[1:], append(slices.Clone(chosen), p.Path+"="+v))...)
	}
	return all
}

func TestAGridOfAMillionIsMadeTrialByTrial(t *testing.T) {
	t.Parallel()
	spec := base(search.Grid)
	for i := range 6 {
		p := listed(fmt.Sprint("p", i))
		for v := range 10 {
			p.Values = append(p.Values, fmt.Sprint(v))
		}
		spec.Params = append(spec.Params, p)
	}
	s := opened(t, spec)
	if total, err := s.Total(); err != nil || total != 1_000_000 {
		t.Fatalf("Total() = %d, %v, want a million", total, err)
	}
	if got, want := text(t, s, 271_828), "p0=2 p1=7 p2=1 p3=8 p4=2 p5=8"; got != want {
		t.Errorf("trial 271828 = %q, want %q", got, want)
	}
}

// space has one parameter of each kind of range.
func space() []search.Param {
	return []search.Param{
		{Path: "uniform", Range: &search.Range{Low: -1, High: 3}},
		{Path: "log", Range: &search.Range{Low: 1e-5, High: 0.1, Log: true}},
		{Path: "int", Range: &search.Range{Low: 2, High: 9, Step: 1}},
		{Path: "step", Range: &search.Range{Low: 0.1, High: 0.9, Step: 0.2}},
		{Path: "step log", Range: &search.Range{Low: 8, High: 512, Step: 8, Log: true}},
		listed("word", "a", "b", "c"),
	}
}

func TestSequencesStayInBoundsAndCoverThem(t *testing.T) {
	t.Parallel()
	const trials = 512
	for _, kind := range []string{search.Random, search.Sobol} {
		spec := base(kind)
		spec.Params, spec.Trials, spec.Seed = space(), trials, 7
		s := opened(t, spec)
		seen := map[string]map[string]int{}
		for i := range trials {
			trial, err := s.Trial(i)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range trial.Values {
				if seen[v.Path] == nil {
					seen[v.Path] = map[string]int{}
				}
				seen[v.Path][v.Value]++
				r := spec.Params[k].Range
				if r == nil {
					continue
				}
				x, err := strconv.ParseFloat(v.Value, 64)
				if err != nil || x < r.Low || x > r.High {
					t.Errorf("%s: %s = %s is outside of %g to %g", kind, v.Path, v.Value, r.Low, r.High)
				}
				if steps := (x - r.Low) / r.Step; r.Step > 0 && math.Abs(steps-math.Round(steps)) > 1e-9 {
					t.Errorf("%s: %s = %s is no whole number of steps", kind, v.Path, v.Value)
				}
			}
		}
		for path, want := range map[string]int{"int": 8, "step": 5, "word": 3} {
			if len(seen[path]) != want {
				t.Errorf("%s: %s has the values %v, want %d of them", kind, path, seen[path], want)
			}
		}
		if n := len(seen["uniform"]); n < trials-5 {
			t.Errorf("%s: %d different values of %d", kind, n, trials)
		}
	}
}

// A trial depends on its number alone, so a longer sequence begins like a
// shorter one, and another seed is another sequence.
func TestSequencesAreStableUnderExtension(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{search.Random, search.Sobol} {
		spec := base(kind)
		spec.Params, spec.Trials, spec.Seed = space(), 20, 3
		short := every(t, opened(t, spec))
		spec.Trials = 64
		long := every(t, opened(t, spec))
		if !slices.Equal(short, long[:20]) {
			t.Errorf("%s: 64 trials begin unlike 20", kind)
		}
		spec.Seed = 4
		if slices.Equal(long, every(t, opened(t, spec))) {
			t.Errorf("%s: seeds 3 and 4 give the same trials", kind)
		}
	}
}

// The first 2^k points of a Sobol sequence have one point in each of 2^k equal
// parts of every dimension (property of a (t,s)-sequence's projections), here
// for all 40.
func TestSobolFillsEveryDimensionEvenly(t *testing.T) {
	t.Parallel()
	const points = 256
	for _, seed := range []uint64{0, 1, 99} {
		spec := base(search.Sobol)
		spec.Trials, spec.Seed = points, seed
		for i := range search.MaxSobol {
			spec.Params = append(spec.Params, search.Param{Path: fmt.Sprint("p", i), Range: &search.Range{Low: 0, High: 1}})
		}
		s := opened(t, spec)
		parts := make([][points]int, search.MaxSobol)
		for i := range points {
			trial, err := s.Trial(i)
			if err != nil {
				t.Fatal(err)
			}
			for d, v := range trial.Values {
				x, err := strconv.ParseFloat(v.Value, 64)
				if err != nil {
					t.Fatal(err)
				}
				parts[d][int(x*points)]++
			}
		}
		for d, counts := range parts {
			if slices.Max(counts[:]) != 1 {
				t.Errorf("seed %d, dimension %d: a part has %d points, want 1 in each", seed, d+1, slices.Max(counts[:]))
			}
		}
	}
}

// The first points of Joe and Kuo's sequence, by their own program.
func TestSobolBeginsLikeThePublishedSequence(t *testing.T) {
	t.Parallel()
	spec := base(search.Sobol)
	spec.Trials = 8
	for i := range 3 {
		spec.Params = append(spec.Params, search.Param{Path: fmt.Sprint("p", i), Range: &search.Range{Low: 0, High: 1}})
	}
	want := []string{
		"p0=0 p1=0 p2=0", "p0=0.5 p1=0.5 p2=0.5", "p0=0.75 p1=0.25 p2=0.25", "p0=0.25 p1=0.75 p2=0.75",
		"p0=0.375 p1=0.375 p2=0.625", "p0=0.875 p1=0.875 p2=0.125", "p0=0.625 p1=0.125 p2=0.875", "p0=0.125 p1=0.625 p2=0.375",
	}
	if got := every(t, opened(t, spec)); !slices.Equal(got, want) {
		t.Errorf("points = %q, want %q", got, want)
	}
}

func TestConditionsHoldInSequences(t *testing.T) {
	t.Parallel()
	spec := base(search.Random)
	spec.Params = []search.Param{
		{Path: "l1", Range: &search.Range{Low: 0, High: 1}, When: []search.Condition{{Path: "method", Values: []string{"slimming"}}}},
		listed("method", "han", "slimming"),
	}
	spec.Trials = 50
	with := 0
	for _, trial := range every(t, opened(t, spec)) {
		has := strings.Contains(trial, "l1=")
		if has != strings.Contains(trial, "slimming") {
			t.Errorf("trial %q: l1 goes with slimming alone", trial)
		}
		if has {
			with++
		}
	}
	if with == 0 || with == 50 {
		t.Errorf("%d of 50 trials have l1, want some", with)
	}
}

func TestRepeatsFollowEachOther(t *testing.T) {
	t.Parallel()
	spec := base(search.List)
	spec.List = [][]search.Setting{{{Path: "a", Value: "1"}}, {{Path: "b", Value: "2"}}}
	spec.Repeat = search.Repeat{Path: "seed", Values: []string{"7", "8"}}
	want := []string{"a=1 seed=7", "a=1 seed=8", "b=2 seed=7", "b=2 seed=8"}
	if got := every(t, opened(t, spec)); !slices.Equal(got, want) {
		t.Errorf("trials = %q, want %q", got, want)
	}
}

func TestSpecsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	when := func(path string) []search.Condition {
		return []search.Condition{{Path: path, Values: []string{"1"}}}
	}
	tests := map[string]struct {
		kind   string
		change func(*search.Spec)
		want   string
	}{
		"unknown kind":      {"bayes", func(*search.Spec) {}, `search "bayes" is not known; want grid, random, sobol or list`},
		"no values":         {search.Grid, func(s *search.Spec) { s.Params[0].Values = nil }, "a has no values"},
		"twice":             {search.Grid, func(s *search.Spec) { s.Params[1].Path = "a" }, "a is there twice"},
		"a value twice":     {search.Grid, func(s *search.Spec) { s.Params[0].Values = []string{"1", "1"} }, "the value 1 twice"},
		"circle":            {search.Grid, func(s *search.Spec) { s.Params[0].When, s.Params[1].When = when("b"), when("a") }, "lead back to it"},
		"stranger":          {search.Grid, func(s *search.Spec) { s.Params[0].When = when("c") }, "c, which is no parameter"},
		"endless grid":      {search.Grid, func(s *search.Spec) { s.Params[0] = search.Param{Path: "a", Range: &search.Range{High: 1}} }, "wants values or a range with a step"},
		"huge grid":         {search.Grid, func(s *search.Spec) { s.Params[0] = search.Param{Path: "a", Range: &search.Range{High: 1e15, Step: 1}} }, "more than 1099511627776 trials"},
		"upside down":       {search.Random, func(s *search.Spec) { s.Params[0] = search.Param{Path: "a", Range: &search.Range{Low: 1}} }, "from 1 to 0"},
		"log of 0":          {search.Random, func(s *search.Spec) { s.Params[0] = search.Param{Path: "a", Range: &search.Range{High: 1, Log: true}} }, "begins at 0"},
		"no trials":         {search.Random, func(s *search.Spec) { s.Trials = 0 }, "random of 0 trials"},
		"empty list":        {search.List, func(s *search.Spec) { s.Params = nil }, "wants a list of trials"},
		"no objective":      {search.Grid, func(s *search.Spec) { s.Objectives = nil }, "no objective"},
		"no concurrency":    {search.Grid, func(s *search.Spec) { s.Concurrency = 0 }, "concurrency 0"},
		"rung past the end": {search.Grid, func(s *search.Spec) { s.ASHA = &search.ASHA{Eta: 3, First: 9} }, "asha from pass 9 of 9"},
		"two ways to stop":  {search.Grid, func(s *search.Spec) { s.ASHA, s.Median = &search.ASHA{Eta: 3, First: 1}, &search.Median{} }, "want one of the two"},
		"asha over repeats": {search.Grid, func(s *search.Spec) {
			s.ASHA, s.Repeat = &search.ASHA{Eta: 3, First: 1}, search.Repeat{Path: "s", Values: []string{"1", "2"}}
		}, "compares trials"},
		"seeds varied twice":   {search.Grid, func(s *search.Spec) { s.Repeat = search.Repeat{Path: "a", Values: []string{"1"}} }, "what repeats differ in"},
		"too many dimensions":  {search.Sobol, func(s *search.Spec) { s.Params = wide(41) }, "sobol of 41 parameters; want 40 at most"},
		"wide condition space": {search.Grid, func(s *search.Spec) { s.Params = entangled(14) }, "more than 10000 combinations"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := base(test.kind)
			spec.Params, spec.Trials = []search.Param{listed("a", "1", "2"), listed("b", "1")}, 5
			test.change(&spec)
			if _, err := search.New(spec); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New() = %v, want an error with %q", err, test.want)
			}
		})
	}
}

func wide(n int) (params []search.Param) {
	for i := range n {
		params = append(params, listed(fmt.Sprint("p", i), "0", "1"))
	}
	return params
}

// entangled has n parameters that conditions name.
func entangled(n int) []search.Param {
	params := wide(n)
	last := listed("last", "1")
	for _, p := range params {
		last.When = append(last.When, search.Condition{Path: p.Path, Values: []string{"1"}})
	}
	return append(params, last)
}
