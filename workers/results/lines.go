package results

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workflows"
	"espalier/workflows/search"
)

// Lines keeps a line for every trial of a sweep, of those too that the sweep's
// own table has no room for: what these have reached is read from the store,
// once each. It is not safe for concurrent use.
type Lines struct {
	source  Source
	run     string
	spec    *config.Spec
	most    int
	changed func(workflows.SweptTrial)

	known  map[int]workflows.SweptTrial
	far    map[int][3]int // of trials beyond the table: how far the run got that was read
	live   map[int]string // runs of trials beyond the table that may go on
	unread map[int]string // runs of trials beyond the table that have ended, "" if not known
	search *search.State  // makes the values of trials
	made   int            // trials that were looked at
	last   turn           // the newest look
	taken  time.Time      // when it was taken in

	list   bool      // the store may have runs that are not known
	listed time.Time // when it was asked last
	took   time.Duration
}

// turn is what changes whenever a trial ends.
type turn struct {
	ended, failures int
	state           string
}

// Lines begins to keep those of a sweep, of its first trials if it has more than
// most. changed is told each line that is new or another.
func (s Source) Lines(run string, spec *config.Spec, most int, changed func(workflows.SweptTrial)) *Lines {
	return &Lines{
		source: s, run: run, spec: spec, most: most, changed: changed, list: true,
		known: map[int]workflows.SweptTrial{}, far: map[int][3]int{}, live: map[int]string{}, unread: map[int]string{},
	}
}

// Take takes in a look at the sweep. It asks nobody.
func (l *Lines) Take(r *workflows.SweepResult) error {
	for _, t := range r.Trials {
		l.put(t)
	}
	if l.source.Repo == nil {
		return nil
	}
	live := map[int]string{}
	for _, t := range r.UnderWay {
		if t.Trial >= l.most {
			continue
		}
		live[t.Trial] = t.Run
		before := l.known[t.Trial]
		t.Last, t.Pass = before.Last, max(t.Pass, before.Pass)
		l.put(t)
		delete(l.unread, t.Trial)
		if _, far, _ := placeOf(l.run, t.Run); far[0] > 0 && t.Last == nil { // it came from a rung that nobody saw
			l.unread[t.Trial] = ""
		}
	}
	for n, run := range l.live {
		if live[n] == "" {
			l.unread[n] = run
		}
	}
	l.live = live
	if err := l.widen(r); err != nil {
		return err
	}
	unseen := false
	for n := max(l.made, r.Made-r.LeftOut); n < min(r.Made, l.most); n++ {
		if live[n] == "" {
			l.unread[n], unseen = "", true
		}
	}
	l.made = r.Made
	if now := (turn{r.Ended, r.Failures, r.State}); now != l.last {
		l.last = now
		l.list = l.list || l.mayGoOn() || unseen && (l.search.Spec.ASHA != nil || time.Since(l.taken) > unseenFor)
	}
	l.taken = time.Now()
	return nil
}

// put takes over a line, and tells if it is another.
func (l *Lines) put(t workflows.SweptTrial) {
	if before, ok := l.known[t.Trial]; ok && reflect.DeepEqual(before, t) {
		return
	}
	l.known[t.Trial] = t
	l.changed(t)
}

// mayGoOn says that a trial beyond the table may have gone on and ended again
// between two looks: from a rung, or after it had failed.
func (l *Lines) mayGoOn() bool {
	for n := range l.far {
		switch l.known[n].State {
		case workflows.StateRung, workflows.StateFailed, workflows.StateCancelled:
			return true
		}
	}
	return false
}

// widen sees to it that the search knows all trials that were made: a sweep can
// be given more than its spec has.
func (l *Lines) widen(r *workflows.SweepResult) error {
	if l.search == nil {
		made, err := workflows.NewSweep(l.spec)
		if err != nil {
			return fmt.Errorf("the spec of %s: %w", l.run, err)
		}
		l.search = made
	}
	return widen(l.search, r.Made)
}

// The bounds of a reading.
const (
	readAtOnce = 16
	listEvery  = 5 * time.Second
	listRest   = 20               // times as long as a list took, before the next
	unseenFor  = 10 * time.Second // after which a trial may have ended more than once
)

// Left is how much is to be read still, about as many trials.
func (l *Lines) Left() int {
	left := len(l.unread)
	if l.list && len(l.far) > 0 && l.last.state != workflows.StateRunning { // while it runs, looks follow
		left++
	}
	return left
}

// Read reads what trials beyond the table ended with, until all are read or the
// time is over. A trial that cannot be read now is left for the next reading.
func (l *Lines) Read(ctx context.Context, until time.Time) error {
	if l.source.Repo == nil {
		return nil
	}
	if l.list && len(l.far)+len(l.unread) > 0 && time.Since(l.listed) >= max(listEvery, listRest*l.took) {
		if err := l.relist(ctx); err != nil {
			return err
		}
	}
	numbers := slices.Sorted(maps.Keys(l.unread))
	for part := range slices.Chunk(numbers, readAtOnce) {
		if err := l.readAll(ctx, part); err != nil || !time.Now().Before(until) {
			return err
		}
	}
	return nil
}

// relist finds out which runs of trials the store has results of.
func (l *Lines) relist(ctx context.Context) error {
	began := time.Now()
	g := &gathering{source: l.source, of: &workflows.SweepRecord{SweepResult: workflows.SweepResult{Run: l.run}}, ids: map[int]found{}}
	if err := g.list(ctx); err != nil {
		return err
	}
	for n, one := range g.ids {
		read, was := l.far[n]
		run, waits := l.unread[n]
		if waits && run == "" || was && l.live[n] == "" && further(one.far, read) {
			l.unread[n] = one.run
		}
	}
	l.list, l.listed, l.took = false, time.Now(), time.Since(began)
	return nil
}

// readAll reads some trials at the same time.
func (l *Lines) readAll(ctx context.Context, numbers []int) error {
	lines, faults := make([]workflows.SweptTrial, len(numbers)), make([]error, len(numbers))
	open := make([]bool, len(numbers))
	var reading sync.WaitGroup
	for i, n := range numbers {
		lines[i] = workflows.SweptTrial{Trial: n, Run: l.unread[n]}
		if lines[i].Run == "" {
			lines[i].Run = fmt.Sprintf("%s-%d", l.run, n)
		}
		made, err := l.search.Trial(n)
		if err != nil {
			return err
		}
		lines[i].Values = made.Values
		goesOn := l.live[n] != ""
		reading.Go(func() { open[i], faults[i] = l.read(ctx, &lines[i], goesOn) })
	}
	reading.Wait()
	for i, n := range numbers {
		if faults[i] != nil {
			continue
		}
		delete(l.unread, n)
		if l.live[n] != "" {
			line := l.known[n]
			line.Last, line.Pass = lines[i].Last, max(line.Pass, lines[i].Pass)
			l.put(line)
			continue
		}
		_, l.far[n], _ = placeOf(l.run, lines[i].Run)
		if open[i] {
			l.live[n] = lines[i].Run // it is looked at again
		}
		if lines[i].Last == nil { // it reached something before it failed
			lines[i].Last, lines[i].Pass = l.known[n].Last, l.known[n].Pass
		}
		l.put(lines[i])
	}
	return errors.Join(faults...)
}

// read reads what a trial ended with: its record, or else what the server says,
// which may be that it has not ended. One that goes on has the record of the rung
// that it came from. One whose record is damaged has ended, but nobody knows with
// what.
func (l *Lines) read(ctx context.Context, line *workflows.SweptTrial, goesOn bool) (open bool, err error) {
	var record workflows.Record
	err = l.source.Repo.GetJSON(ctx, recordKey(line.Run), &record)
	var corrupt *checkpoint.CorruptError
	switch {
	case errors.Is(err, checkpoint.ErrNotFound) && goesOn:
		return true, nil
	case errors.Is(err, checkpoint.ErrNotFound):
		return l.ask(ctx, line)
	case errors.As(err, &corrupt):
		line.State, line.Why = workflows.StateDone, corrupt.Error()
		return false, nil
	case err != nil:
		return false, err
	}
	line.State, line.Why = stateOf(&record, l.spec)
	for _, row := range record.Rows {
		line.Pass = row.Pass
		if row.Kept {
			line.Last = &row
		}
	}
	return false, nil
}

// ask asks the server for the end of a trial that left no record.
func (l *Lines) ask(ctx context.Context, line *workflows.SweptTrial) (open bool, err error) {
	line.State = workflows.StateFailed
	if l.source.Runs == nil {
		return false, nil
	}
	v, err := l.source.Runs.Look(ctx, line.Run, false)
	switch {
	case errors.Is(err, runs.ErrNotFound):
		line.Why = "neither the store nor the server knows of it"
		if _, err := workflows.TrialSpec(l.spec, search.Trial{Number: line.Trial, Values: line.Values}); err != nil { // it was never begun
			line.Why = err.Error()
		}
		return false, nil
	case err != nil:
		return false, err
	case v.Closed.IsZero():
		line.State = v.State
		return true, nil
	case v.State == workflows.StateDone:
		line.Why = "the store has its result no more"
	default:
		_, err := l.source.Runs.Result(ctx, line.Run)
		line.Why = runs.Reason(err)
	}
	line.State = v.State
	return false, nil
}
