package runs_test

import (
	"testing"
	"time"
)

// A worker that has done short steps holds others beside the step at work. If
// that one turns out to be long, another worker gets what was held.
func TestHeldStepsGoToFreeWorkers(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	l.began, l.hold = make(chan string), make(chan struct{})
	l.work(t, 1)
	const text = "train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}}\ndurability: {heartbeat_timeout: 10m} # those that wait say nothing\n"
	short := l.submit(t, specOf(t, "held-none", text))
	<-l.began
	l.hold <- struct{}{}
	if _, err := l.Result(ctx, short); err != nil {
		t.Fatal(err)
	}
	one, two := l.submit(t, specOf(t, "held-one", text)), l.submit(t, specOf(t, "held-two", text))
	waiting := map[string]string{one: two, two: one}[<-l.began]
	until(t, "the worker has taken the other training too", func() bool {
		v, err := l.Look(ctx, waiting, false)
		return err == nil && v.Step != nil && (v.Step.Attempt > 1 || !v.Step.Waiting)
	})
	l.work(t, 1)
	select {
	case run := <-l.began:
		if run != waiting {
			t.Errorf("%s began, want %s", run, waiting)
		}
		l.hold <- struct{}{}
	case <-time.After(30 * time.Second):
		t.Error("the other training waits for the first, though a worker is free")
	}
	l.hold <- struct{}{}
	if t.Failed() {
		<-l.began
		l.hold <- struct{}{}
	}
	for _, id := range []string{one, two} {
		if _, err := l.Result(ctx, id); err != nil {
			t.Error(err)
		}
	}
}
