package local_test

import (
	"testing"
	"time"

	"espalier/workers"
)

// An activity whose worker was killed together with its server starts again
// as soon as both are back, not after its heartbeat timeout of a minute; one
// whose worker lives is left alone.
func TestFailOrphans(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := t.TempDir()

	server := startChild(t, home, childWorker+"=doomed")
	orphan := startGreet(ctx, t, dial(t, server.endpoint, "client"), "orphan")
	server.expect(t, "attempt 1")
	server.kill()

	began := time.Now()
	server = startChild(t, home)
	c := dial(t, server.endpoint, "living")
	dead := func(identity string) bool { return identity == "doomed" }
	ended, err := workers.FailOrphans(ctx, c, server.endpoint.Namespace, dead)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "orphans", ended, 1)
	t.Logf("orphans are failed %v after the start", time.Since(began).Round(time.Millisecond))
	steps := &composer{started: make(chan int32, 10), hang: true}
	defer work(t, c, steps)()
	wantEqual(t, "attempt", <-steps.started, 2)
	t.Logf("the second attempt began %v after the start", time.Since(began).Round(time.Millisecond))
	wantGreeting(ctx, t, c.GetWorkflow(ctx, orphan.GetID(), ""))

	startGreet(ctx, t, c, "alive")
	wantEqual(t, "attempt", <-steps.started, 1)
	ended, err = workers.FailOrphans(ctx, c, server.endpoint.Namespace, dead)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "orphans among the living", ended, 0)
	ended, err = workers.FailOrphans(ctx, c, server.endpoint.Namespace, func(id string) bool { return id == "living" })
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "orphans once the living are dead", ended, 1)
	wantEqual(t, "attempt", <-steps.started, 2)
}
