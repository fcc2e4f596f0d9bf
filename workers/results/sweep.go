package results

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workflows"
	"espalier/workflows/search"
)

// rowsWithin is how long the worker of a trial under way may take to answer.
const rowsWithin = 2 * time.Second

// sweep finds what the store has of a sweep's trials.
func (s Source) sweep(ctx context.Context, of *workflows.SweepRecord) (subject, error) {
	g := &gathering{source: s, of: of, ids: map[int]found{}}
	if err := g.list(ctx); err != nil {
		return subject{}, err
	}
	var err error
	if of.Spec != nil && of.Spec.Sweep != nil {
		if g.search, err = workflows.NewSweep(of.Spec); err != nil {
			return subject{}, fmt.Errorf("the spec of %s: %w", of.Run, err)
		}
		if err := widen(g.search, of.Made); err != nil {
			return subject{}, fmt.Errorf("the search of %s: %w", of.Run, err)
		}
	}
	return subject{sweep: g}, nil
}

// widen lets a search make as many trials as the sweep has made: a sweep can be
// given more than its spec has.
func widen(s *search.State, made int) error {
	total, err := s.Total()
	if err != nil || made <= total || s.Spec.Kind != search.Random && s.Spec.Kind != search.Sobol {
		return err
	}
	repeats := max(1, len(s.Spec.Repeat.Values))
	trials := (made + repeats - 1) / repeats
	return s.Change(search.Change{Trials: &trials, Limits: &search.Limits{}})
}

// table has the trials in the order of their numbers, read some at a time.
func (g *gathering) table(ctx context.Context) *Results {
	params := paramsOf(g.search, g.of.Trials)
	return &Results{Columns: columns(params), Rows: func(yield func([]any, error) bool) {
		for first := 0; first < g.of.Made; first += readAtOnce {
			trials, faults := g.some(ctx, first, min(first+readAtOnce, g.of.Made))
			for i, t := range trials {
				if faults[i] != nil {
					yield(nil, faults[i])
					return
				}
				if !t.lines(params, yield) {
					return
				}
			}
		}
	}}
}

// some are trials from one number to before another, read at the same time.
func (g *gathering) some(ctx context.Context, from, to int) (trials []trial, faults []error) {
	trials, faults = make([]trial, to-from), make([]error, to-from)
	var reading sync.WaitGroup
	for i := range trials {
		reading.Go(func() { trials[i], faults[i] = g.trial(ctx, from+i) })
	}
	reading.Wait()
	return trials, faults
}

// gathering looks for a sweep's trials in the store.
type gathering struct {
	source Source
	of     *workflows.SweepRecord
	search *search.State // nil where the spec of an older sweep is not known
	ids    map[int]found
}

// found is the run of a trial that got furthest, of those in the store.
type found struct {
	run string
	far [3]int // its last pass if that was raised, and how often it was tried or started again
}

// suffix is what the id of a trial's run has behind that of its sweep.
var suffix = regexp.MustCompile(`^([0-9]{1,9})(?:-to-([0-9]{1,9}))?(?:-retry-([0-9]{1,9}))?(?:-again-([0-9]{1,9}))?$`)

// list finds out which trials the store has results of.
func (g *gathering) list(ctx context.Context) error {
	prefix := "runs/" + g.of.Run + "-"
	for info, err := range g.source.Repo.Store.List(ctx, prefix) {
		if err != nil {
			return err
		}
		run, ok := strings.CutSuffix(strings.TrimPrefix(info.Key, "runs/"), "/result.json")
		number, far, is := placeOf(g.of.Run, run)
		if !ok || !is {
			continue
		}
		if before, was := g.ids[number]; !was || further(far, before.far) {
			g.ids[number] = found{run, far}
		}
	}
	return nil
}

// TrialRuns are the runs of a sweep's trials that left a result in the store, by
// number: of a trial that was tried several times the one that got furthest.
func TrialRuns(ctx context.Context, repo *checkpoint.Repo, sweep string) (map[int]string, error) {
	g := &gathering{source: Source{Repo: repo}, of: &workflows.SweepRecord{SweepResult: workflows.SweepResult{Run: sweep}}, ids: map[int]found{}}
	if err := g.list(ctx); err != nil {
		return nil, err
	}
	all := make(map[int]string, len(g.ids))
	for number, one := range g.ids {
		all[number] = one.run
	}
	return all, nil
}

// placeOf is which trial of a sweep a run is of, and how far it is.
func placeOf(sweep, run string) (number int, far [3]int, ok bool) {
	end, of := strings.CutPrefix(run, sweep+"-")
	parts := suffix.FindStringSubmatch(end)
	if !of || parts == nil {
		return 0, far, false
	}
	var at [4]int
	for i, digits := range parts[1:] {
		at[i], _ = strconv.Atoi(digits) // none is 0
	}
	return at[0], [3]int(at[1:]), true
}

func further(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] > b[i]
		}
	}
	return false
}

// trial is what a trial has reached: by its own result if it has one, or else
// by the sweep's table and, of one under way, by its worker.
func (g *gathering) trial(ctx context.Context, number int) (trial, error) {
	t := trial{run: fmt.Sprintf("%s-%d", g.of.Run, number), number: number, state: workflows.StateRunning}
	if g.of.State != workflows.StateRunning && g.of.State != workflows.StatePaused {
		t.state = workflows.StateFailed
	}
	if number < len(g.of.Trials) && g.of.Trials[number].Trial == number {
		line := g.of.Trials[number]
		t.run, t.values, t.state, t.why = line.Run, line.Values, line.State, line.Why
		if line.Last != nil {
			t.rows = []workflows.Row{*line.Last}
		}
	}
	if g.search != nil && len(t.values) == 0 {
		made, err := g.search.Trial(number)
		if err != nil {
			return t, err
		}
		t.values = made.Values
	}
	t.seed, t.seeded = seedOf(t.values, g.of.Spec)
	if one, ok := g.ids[number]; ok {
		return t, g.read(ctx, &t, one)
	}
	if g.source.Runs != nil && (t.state == workflows.StateRunning || t.state == workflows.StatePaused) {
		g.ask(ctx, &t)
	}
	t.sweep = g.of.Run
	return t, nil
}

// read takes over the record of a trial that has ended. One that is gone since
// it was listed leaves what the table has.
func (g *gathering) read(ctx context.Context, t *trial, one found) error {
	t.sweep = g.of.Run
	var record workflows.Record
	err := g.source.Repo.GetJSON(ctx, recordKey(one.run), &record)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r := recorded(&record)
	tabled := t.number < len(g.of.Trials)
	t.run, t.rows, t.links, t.seed, t.seeded = r.run, r.rows, r.links, r.seed, true
	t.spec, t.data = r.spec, r.data
	if !tabled {
		t.state, t.why = stateOf(&record, g.of.Spec)
	}
	return nil
}

// stateOf is how a trial ended that left a record. One that ended early without
// a rule of its own spec waits at a rung, if its sweep has rungs.
func stateOf(r *workflows.Record, sweep *config.Spec) (state, why string) {
	switch {
	case r.Stopped != "":
		return workflows.StateStopped, r.Stopped
	case !short(r):
		return workflows.StateDone, ""
	case sweep != nil && sweep.Sweep != nil && sweep.Sweep.Stop.Median != nil && sweep.Sweep.Search.ASHA == nil:
		return workflows.StateStopped, "given up by the median rule"
	}
	return workflows.StateRung, ""
}

// short says that a trial ended before its last pass.
func short(r *workflows.Record) bool {
	passes := 0
	switch {
	case r.Spec.Exec != nil:
		passes = r.Spec.Exec.Passes
	case r.Spec.Prune != nil:
		passes = r.Spec.Prune.Schedule.Passes
	}
	return len(r.Rows) > 0 && r.Rows[len(r.Rows)-1].Pass < passes
}

// ask asks the worker of a trial under way; none that answers leaves what the
// table has.
func (g *gathering) ask(ctx context.Context, t *trial) {
	ctx, cancel := context.WithTimeout(ctx, rowsWithin)
	defer cancel()
	v, err := g.source.Runs.Look(ctx, t.run, true)
	if err == nil && v.Reached != nil && len(v.Reached.Rows) > 0 {
		t.rows, t.links = v.Reached.Rows, v.Reached.Links
	}
}

// param is a path that trials set, a column of the table.
type param struct {
	path   string
	number bool
}

// paramsOf are what trials set, but for the seed, which every run has: by the
// search, or by a table where that is not known. Where all values of a path are
// numbers or percentages, so are its cells.
func paramsOf(s *search.State, tabled []workflows.SweptTrial) []param {
	var params []param
	at := map[string]int{}
	add := func(path string, number bool) {
		if path == config.SeedPath {
			return
		}
		i, ok := at[path]
		if !ok {
			i = len(params)
			at[path], params = i, append(params, param{path, true})
		}
		params[i].number = params[i].number && number
	}
	listed := func(values []search.Setting) {
		for _, v := range values {
			_, number := numeric(v.Value)
			add(v.Path, number)
		}
	}
	if s == nil {
		for _, t := range tabled {
			listed(t.Values)
		}
		return params
	}
	for _, p := range s.Spec.Params {
		add(p.Path, true)
		for _, v := range p.Values {
			_, number := numeric(v)
			add(p.Path, number)
		}
	}
	for _, values := range s.Spec.List {
		listed(values)
	}
	return params
}
