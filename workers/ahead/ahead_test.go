package ahead_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"espalier/activities"
	"espalier/workers/ahead"
)

// A worker of two slots asks for two steps at first, for four more after a short
// one, and for none beside those at work once one of them is long.
func TestOnlyShortStepsHaveOthersHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(t, 2)
		w.want("a new worker", 2)
		first, second := w.step(time.Second), w.step(2*time.Second)
		w.want("before any has ended", 0)
		<-first
		w.want("a free slot", 1)
		third := w.step(ahead.Short + 10*time.Second)
		w.want("after a short step, both slots busy", 4)
		<-second
		w.want("a slot is free again, and four are asked for beside it", 0)
		w.giveBack(3)
		fourth := w.step(time.Minute)
		w.want("both slots busy", 4)
		w.giveBack(4)
		time.Sleep(ahead.Short + time.Second)
		w.want("a long step is at work", 0)
		<-third
		w.want("after a long step", 1)
		w.giveBack(1)
		<-fourth
	})
}

// Short evaluations between long trainings are no reason to hold a training, and
// a kind of step that the worker has not seen may be long, as a trainer's may.
func TestAnyLongKindHoldsNone(t *testing.T) {
	for _, kinds := range [][]string{
		{activities.NameTrain, activities.NameEvaluate},
		{activities.NameExternal},
		{},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorker(t, 1)
			for _, kind := range kinds {
				takes := time.Millisecond
				if kind == activities.NameTrain {
					takes = time.Minute
				}
				w.want("a free slot", 1)
				<-w.stepOf(kind, takes)
			}
			w.want("a free slot", 1)
			at := w.stepOf(activities.NameEvaluate, time.Second)
			w.want("beside an evaluation", 0)
			<-at
		})
	}
}

// A worker that waits to ask for a step does so as soon as it may, or stops.
func TestReserveSlotWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(t, 1)
		w.want("a new worker", 1)
		var asked atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			go func() {
				if _, err := w.slots.ReserveSlot(ctx, nil); err == nil {
					asked.Add(1)
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		if asked.Load() != 0 {
			t.Fatal("a step was asked for without a slot")
		}
		w.giveBack(1)
		synctest.Wait()
		if asked.Load() != 1 {
			t.Fatalf("%d steps asked for, want 1", asked.Load())
		}
		cancel()
		synctest.Wait()
	})
}

// A held step begins when a slot is free, and goes back to the queue if none is
// for long, or the worker stops.
func TestHeldSteps(t *testing.T) {
	tests := map[string]struct {
		first time.Duration // how long the slot is taken
		stop  time.Duration // when the worker is told to stop, 0 for never
		begun bool
		after time.Duration
	}{
		"a slot soon":      {first: time.Second, begun: true, after: time.Second},
		"none for long":    {first: time.Minute, after: ahead.Patience},
		"the worker stops": {first: time.Minute, stop: time.Second, after: time.Second},
	}
	for about, test := range tests {
		t.Run(about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorker(t, 1)
				taken := w.step(test.first)
				synctest.Wait()
				stop := make(chan struct{})
				if test.stop > 0 {
					time.AfterFunc(test.stop, func() { close(stop) })
				}
				began, begun := time.Now(), false
				err := w.execute(activities.NameTrain, func() { begun = true }, stop)
				if took := time.Since(began); begun != test.begun || took != test.after {
					t.Errorf("begun %t after %v, want %t after %v", begun, took, test.begun, test.after)
				}
				var app *temporal.ApplicationError
				if back := errors.As(err, &app) && app.Type() == activities.FailureDrained && !app.NonRetryable(); back == test.begun {
					t.Errorf("answered %v", err)
				}
				<-taken
			})
		})
	}
}

// An evaluation takes the slot before trainings that were held before it.
func TestEvaluationsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(t, 1)
		taken := w.step(time.Second)
		var order []string
		var ends []<-chan struct{}
		for i, name := range []string{activities.NameTrain, activities.NameEvaluate, activities.NameTrain, activities.NameEvaluate} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				if err := w.execute(name, func() { order = append(order, fmt.Sprint(name, i)) }, nil); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
			ends = append(ends, done)
		}
		<-taken
		for _, done := range ends {
			<-done
		}
		want := []string{activities.NameEvaluate + "1", activities.NameEvaluate + "3", activities.NameTrain + "0", activities.NameTrain + "2"}
		if !slices.Equal(order, want) {
			t.Errorf("the order is %v, want %v", order, want)
		}
	})
}

// testWorker is what the SDK's worker does with slots.
type testWorker struct {
	t     *testing.T
	slots *ahead.Slots
}

func newWorker(t *testing.T, slots int) *testWorker {
	return &testWorker{t: t, slots: ahead.New(slots)}
}

// want checks how many steps are asked for now, until no more may be.
func (w *testWorker) want(about string, n int) {
	w.t.Helper()
	synctest.Wait()
	got := 0
	for w.slots.TryReserveSlot(nil) != nil {
		got++
	}
	if got != n {
		w.t.Errorf("%s: %d more steps are asked for, want %d", about, got, n)
	}
}

func (w *testWorker) giveBack(n int) {
	for range n {
		w.slots.ReleaseSlot(nil)
	}
}

// step has a step come on a slot that was asked for, and take so long.
func (w *testWorker) step(takes time.Duration) (ended <-chan struct{}) {
	return w.stepOf(activities.NameTrain, takes)
}

func (w *testWorker) stepOf(kind string, takes time.Duration) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.execute(kind, func() { time.Sleep(takes) }, nil); err != nil {
			w.t.Error(err)
		}
		w.slots.ReleaseSlot(nil)
	}()
	synctest.Wait()
	return done
}

func (w *testWorker) execute(name string, do func(), stop chan struct{}) error {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{w.slots}})
	if stop != nil {
		env.SetWorkerStopChannel(stop)
	}
	env.RegisterActivityWithOptions(func() error { do(); return nil }, activity.RegisterOptions{Name: name})
	_, err := env.ExecuteActivity(name)
	return err
}
