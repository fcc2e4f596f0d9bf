package runs_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/config"
	"espalier/workers/runs"
	"espalier/workflows"
	"espalier/workflows/search"
)

// lab is a server with a trainer that computes nothing: what is tested is who
// comes when. A learning rate of 9 fails while it is broken.
type lab struct {
	*site
	broken atomic.Bool
	outage atomic.Bool // nothing but a step can keep a record
	began  chan string // the runs of trainings as they begin, which then wait for hold; nil lets them go
	hold   chan struct{}
	mutex  sync.Mutex
	tasks  []task
}

// task is a step that was begun.
type task struct{ name, run string }

// done are the steps so far, in the order of their begin.
func (l *lab) done() []task {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.tasks)
}

// server is shared: a process can embed one at a time, so that these tests are
// not parallel either.
var server struct {
	sync.Mutex
	site *site
	stop func() error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if server.stop != nil {
		if err := server.stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func newLab(t *testing.T) *lab {
	t.Helper()
	shared, err := sharedServer()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{site: shared}
	l.broken.Store(true)
	return l
}

// sharedServer is the server of all tests, which the first one starts.
func sharedServer() (*site, error) {
	server.Lock()
	defer server.Unlock()
	if server.site != nil {
		return server.site, nil
	}
	home, err := os.MkdirTemp("", "espalier-runs")
	if err != nil {
		return nil, err
	}
	started, err := startServer(home)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	server.site = started
	server.stop = func() error { return errors.Join(started.stop(), os.RemoveAll(home)) }
	return started, nil
}

// work serves the queues until the test ends.
func (l *lab) work(t *testing.T, slots int) {
	t.Helper()
	stop, err := l.serve(slots, l.keep, l.step)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
}

func (l *lab) keep() error {
	if l.outage.Load() {
		return errors.New("the store does not answer")
	}
	return nil
}

func (l *lab) step(name string, in activities.TrainInput) (activities.PrepareResult, error) {
	l.mutex.Lock()
	l.tasks = append(l.tasks, task{name, in.Run})
	l.mutex.Unlock()
	if name == activities.NameTrain {
		if l.began != nil {
			l.began <- in.Run
			<-l.hold
		}
		if in.Train.Optimizer.SGD.LR == 9 && l.broken.Load() {
			return activities.PrepareResult{}, temporal.NewNonRetryableApplicationError("diverged", "test", nil)
		}
	}
	return nothingDone(), nil
}

func specOf(t *testing.T, name, text string) *config.Spec {
	t.Helper()
	spec, err := config.Parse("x.yaml", []byte("name: "+name+`
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
`+text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

const (
	failingRun   = "train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 9}}, seed: 1}\n"
	failingSweep = `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 1}
sweep: {search: grid, params: {train.optimizer.sgd.lr: [1, 9, 2]}, concurrency: 1}
`
)

func (l *lab) submit(t *testing.T, spec *config.Spec) string {
	t.Helper()
	id, err := l.Submit(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func must(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// What is asked for while nobody works is kept, told, and done once somebody does.
func TestControlsWorkWhileWorkersAreAway(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	id, by := l.submit(t, specOf(t, "swept", failingSweep)), workflows.Control{Who: "ann@desk", Note: "tea"}
	must(t, "pause", l.Pause(ctx, id, by), nil)
	must(t, "pause again", l.Pause(ctx, id, by), runs.ErrNothing)
	must(t, "resume", l.Resume(ctx, id, by), nil)
	must(t, "resume again", l.Resume(ctx, id, by), runs.ErrNothing)
	must(t, "tag", l.Tag(ctx, id, true, []string{"b", "a"}, workflows.Control{Who: "bob@desk"}), nil)
	must(t, "tag again", l.Tag(ctx, id, true, []string{"a"}, by), runs.ErrNothing)
	must(t, "untag", l.Tag(ctx, id, false, []string{"b"}, by), nil)
	must(t, "note", l.Note(ctx, id, "slow disk", by), nil)
	must(t, "note again", l.Note(ctx, id, "slow disk", by), runs.ErrNothing)
	must(t, "tag of nothing", l.Tag(ctx, "nothing", true, []string{"a"}, by), runs.ErrNotFound)
	log, tags, err := l.Log(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range log {
		if e.When.IsZero() {
			t.Errorf("%s has no time", e.What)
		}
		told = append(told, strings.TrimSpace(fmt.Sprint(e.Who, " ", e.What, " ", strings.Join(e.Tags, ","), e.Note)))
	}
	want := []string{"ann@desk pause tea", "ann@desk resume tea", "bob@desk tag b,a", "ann@desk untag btea", "ann@desk note slow disk"}
	if !slices.Equal(told, want) || !slices.Equal(tags, []string{"a"}) {
		t.Errorf("the log is %q with tags %q, want %q and a", told, tags, want)
	}

	l.work(t, 1)
	if r, err := l.Sweep(ctx, id); err != nil || r.Ended != 2 || r.Failures != 1 {
		t.Errorf("the sweep ended with %+v, %v; want 2 trials and 1 that failed", r, err)
	}
	found, err := l.Tagged(ctx, "a", 10)
	if err != nil || len(found) != 1 || found[0].ID != id {
		t.Errorf("tagged a are %+v, %v; want the sweep", found, err)
	}
	if found, err := l.Tagged(ctx, "b", 10); err != nil || len(found) != 0 {
		t.Errorf("tagged b are %+v, %v; want none", found, err)
	}
}

func TestWhatFailedIsTriedAgain(t *testing.T) {
	l, ctx, by := newLab(t), t.Context(), workflows.Control{Who: "ann@desk"}
	l.work(t, 1)
	run, sweep := l.submit(t, specOf(t, "failed", failingRun)), l.submit(t, specOf(t, "failing", failingSweep))
	if _, err := l.Result(ctx, run); err == nil {
		t.Error("the run did not fail")
	}
	if r, err := l.Sweep(ctx, sweep); err != nil || r.Failures != 1 {
		t.Fatalf("%+v, %v; want a trial that failed", r, err)
	}
	must(t, "change of what has ended", l.Change(ctx, sweep, workflows.ChangeAsk{Priority: 1}), runs.ErrEnded)
	_, err := l.Retry(ctx, sweep, by, 0)
	must(t, "retry of a trial that is done", err, runs.ErrNothing)
	_, err = l.Retry(ctx, run, by, 1)
	var mistake runs.MistakeError
	if !errors.As(err, &mistake) {
		t.Errorf("retry of a trial of a run: %v", err)
	}
	l.broken.Store(false)
	for _, id := range []string{run, sweep + "-1"} {
		of, err := l.Retry(ctx, id, by)
		must(t, "retry "+id, err, nil)
		if want := strings.TrimSuffix(id, "-1"); of != want {
			t.Errorf("retry of %s goes on as %s, want %s", id, of, want)
		}
	}
	if _, err := l.Result(ctx, run); err != nil {
		t.Error(err)
	}
	r, err := l.Sweep(ctx, sweep)
	if err != nil || r.Ended != 3 || r.Failures != 0 || len(r.Trials) != 3 || r.Trials[1].State != workflows.StateDone {
		t.Errorf("%+v, %v; want 3 trials that are done", r, err)
	}
	for _, id := range []string{run, sweep} {
		_, err := l.Retry(ctx, id, by)
		must(t, "retry of what is done", err, runs.ErrNothing)
		if log, _, err := l.Log(ctx, id); err != nil || len(log) != 1 || log[0].What != workflows.SignalRetry {
			t.Errorf("the log of %s is %+v, %v; want one retry", id, log, err)
		}
	}
}

const prunedRun = `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 1}
prune: {method: han, schedule: {passes: 2, target: {sparsity: 80%}}}
`

func TestRunsAreExtendedForkedAndDiscarded(t *testing.T) {
	l, ctx, by := newLab(t), t.Context(), workflows.Control{Who: "ann@desk"}
	l.work(t, 2)
	run := l.submit(t, specOf(t, "run", prunedRun))
	if _, err := l.Result(ctx, run); err != nil {
		t.Fatal(err)
	}
	longer, err := l.Extend(ctx, run, 3, nil, by)
	must(t, "extend", err, nil)
	again, err := l.Extend(ctx, run, 3, nil, by)
	must(t, "extend again", err, runs.ErrNothing)
	set := []config.Setting{{Path: "prune.schedule.target.sparsity", Value: "95%"}, {Path: "prune.finetune.distill.weight", Value: "50%"}}
	fork, err := l.Fork(ctx, run, "1", set, by)
	must(t, "fork", err, nil)
	if longer != again || longer == run || fork == run || fork == longer {
		t.Errorf("the run %s is extended as %s and %s and forked as %s", run, longer, again, fork)
	}
	first, err := l.Result(ctx, run)
	must(t, "the run", err, nil)
	for id, want := range map[string]int{longer: 4, fork: 2} {
		result, err := l.Result(ctx, id)
		if id == fork && (err != nil || result.Spec.Prune.Finetune.Distill.Teacher != string(first.Rows[0].Checkpoint)) {
			t.Errorf("%v: of a network pruned before the teacher is %+v, want the dense one, %s", err, result.Spec.Prune.Finetune.Distill, first.Rows[0].Checkpoint)
		}
		if err != nil || len(result.Rows) != want || result.From == nil || result.From.Run != run {
			t.Errorf("%s ended with %+v, %v; want %d rows of a run made of %s", id, result, err, want, run)
		}
	}
	for what, err := range map[string]error{
		"a pass too far": second(l.Fork(ctx, run, "7", nil, by)), "a setting": second(l.Fork(ctx, run, "1", []config.Setting{{Path: "prune.method", Value: "x"}}, by)),
		"fewer passes": second(l.Extend(ctx, run, 1, nil, by)), "trials of a run": l.Change(ctx, run, workflows.ChangeAsk{Change: trials(3)}),
	} {
		var mistake runs.MistakeError
		if !errors.As(err, &mistake) {
			t.Errorf("%s: %v, want a mistake", what, err)
		}
	}

	must(t, "discard", l.Discard(ctx, fork, by), nil)
	until(t, "the run is forgotten", func() bool { return errors.Is(second(l.Look(ctx, fork, false)), runs.ErrNotFound) })
	must(t, "discard again", l.Discard(ctx, fork, by), runs.ErrNothing)
	if log, _, err := l.Log(ctx, fork); err != nil || len(log) != 2 || log[1].What != workflows.EntryDiscard {
		t.Errorf("the log of what was discarded is %+v, %v", log, err)
	}

	sweep := l.submit(t, specOf(t, "drawn", `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 1}
sweep: {search: {random: {trials: 2}}, params: {train.optimizer.sgd.lr: {min: 0.1, max: 1}}, concurrency: 1}
`))
	for _, n := range []int{2, 4} {
		if n > 2 {
			must(t, "more trials", l.Change(ctx, sweep, workflows.ChangeAsk{Change: trials(n), Control: by}), nil)
		}
		if r, err := l.Sweep(ctx, sweep); err != nil || r.Ended != n || len(r.Trials) != n {
			t.Errorf("the sweep ended with %+v, %v; want %d trials", r, err, n)
		}
	}
	must(t, "as many trials", l.Change(ctx, sweep, workflows.ChangeAsk{Change: trials(4)}), runs.ErrNothing)
	must(t, "discard a sweep", l.Discard(ctx, sweep, by), nil)
}

// until looks twenty times a second whether something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-t.Context().Done():
			t.Fatal("never came true: ", what)
		case <-tick.C:
		}
	}
}

func second[T any](_ T, err error) error { return err }

func trials(n int) search.Change { return search.Change{Trials: &n} }

// Two sweeps that have more steps to do than there are slots take turns, though
// one of them came first, and what is urgent goes before both.
func TestSweepsOnOneSlotTakeTurns(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	l.began, l.hold = make(chan string), make(chan struct{})
	l.work(t, 1)
	const many = 6
	text := `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}}
sweep: {search: grid, params: {train.seed: [N1, N2, N3, N4, N5, N6]}, concurrency: 6}
durability: {heartbeat_timeout: 10m} # those that are held say nothing
`
	first := l.submit(t, specOf(t, "first", strings.ReplaceAll(text, "N", "1")))
	holder := <-l.began // of the only slot
	other := l.submit(t, specOf(t, "second", strings.ReplaceAll(text, "N", "2")))
	urgent := l.submit(t, specOf(t, "urgent", prunedRun+"resources: {priority: 1}\n"))
	waits := func(id string) {
		until(t, "a step of "+id+" waits for a worker", func() bool {
			v, err := l.Look(ctx, id, false)
			return err == nil && v.Step != nil && v.Step.Waiting
		})
	}
	for n := range many {
		if trial := fmt.Sprint(first, "-", n); trial != holder {
			waits(trial)
		}
		waits(fmt.Sprint(other, "-", n))
	}
	waits(urgent)
	held := len(l.done())
	for range 2 * many { // the urgent run's training is one of them
		l.hold <- struct{}{}
		<-l.began
	}
	l.hold <- struct{}{}
	for _, id := range []string{first, other} {
		if _, err := l.Sweep(ctx, id); err != nil {
			t.Error(err)
		}
	}
	// As long as steps of both wait, neither has many in a row. In the order in
	// which they came they would be five or six: all that a sweep had waiting
	// while the slot was held, be they preparations or trainings.
	order := l.done()
	trained, row, longest, last := 1, 0, 0, "" // the holder's training
	for _, task := range order[held:] {
		of := task.run[:max(0, strings.LastIndexByte(task.run, '-'))]
		if of != first && of != other {
			continue
		}
		if row++; of != last {
			row, last = 1, of
		}
		longest = max(longest, row)
		if of == first && task.name == activities.NameTrain {
			if trained++; trained == many {
				break
			}
		}
	}
	if trained != many || longest > many/2 || order[held].run != urgent {
		t.Errorf("%d steps of a sweep were in a row, and %s was next: %v", longest, order[held].run, order)
	}
}
