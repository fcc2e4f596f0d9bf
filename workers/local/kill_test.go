package local_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A workflow outlives the death of its server, and with it what was stored.
func TestKilledServerGoesOn(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := t.TempDir()

	server := startChild(t, home)
	if err := openBucket(server.endpoint).put(ctx, "kept", []byte("bytes")); err != nil {
		t.Fatal(err)
	}
	c := dial(t, server.endpoint, "client")
	startGreet(ctx, t, c, "early") // no worker yet: a task lies in the queue
	server.kill()

	server = startChild(t, home)
	c = dial(t, server.endpoint, "worker")
	began := time.Now()
	defer work(t, c, &composer{started: make(chan int32, 10)})()
	wantGreeting(ctx, t, c.GetWorkflow(ctx, "early", ""))
	t.Logf("the workflow ended %v after its worker began", time.Since(began).Round(time.Millisecond))
	if got, err := openBucket(server.endpoint).get(ctx, "kept"); err != nil || string(got) != "bytes" {
		t.Errorf("the object after the kill is %q, %v", got, err)
	}
	server.stop(t)
}

// A worker that was connected to a killed server goes on with the next one,
// which listens at the same address.
func TestWorkerOutlivesServer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := t.TempDir()

	server := startChild(t, home)
	c := dial(t, server.endpoint, "worker")
	defer work(t, c, &composer{started: make(chan int32, 10)})()
	wantGreeting(ctx, t, startGreet(ctx, t, c, "before"))
	server.kill()

	next := startChild(t, home)
	wantEqual(t, "address", next.endpoint.TemporalAddress, server.endpoint.TemporalAddress)
	wantGreeting(ctx, t, startGreet(ctx, t, c, "after"))
}

// A start that is killed at any moment leaves a home that the next one takes.
func TestKilledStarts(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for moment := range 12 {
		cmd := childCommand(home)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(moment) * 15 * time.Millisecond) // the moment of the kill
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it always says "signal: killed"
	}
	server := startChild(t, home)
	useWorkflow(t.Context(), t, server.endpoint, "after the kills")
	server.stop(t)
}

// Of the objects that were being stored when the server was killed each is
// there whole or not at all, and each that was acknowledged is there.
func TestKilledPuts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 4 {
		server := startChild(t, home)
		stored := putUntilKilled(ctx, t, server, round)
		for _, key := range stored {
			acknowledged[key] = true
		}
	}
	server := startChild(t, home)
	b := openBucket(server.endpoint)
	keys, err := b.list(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		body, err := b.get(ctx, key)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if filepath.Base(key) != digest(body) {
			t.Errorf("%s is torn: %d bytes", key, len(body))
		}
		delete(acknowledged, key)
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged objects are lost", len(acknowledged))
	}
	t.Logf("%d objects are whole", len(keys))
}

// putUntilKilled stores objects that are named by their digest from four
// clients at once, kills the server in the middle, and returns the keys that
// were acknowledged.
func putUntilKilled(ctx context.Context, t *testing.T, server *child, round int) []string {
	t.Helper()
	var mu sync.Mutex
	var stored []string
	enough := make(chan struct{})
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			b := openBucket(server.endpoint)
			random := rand.NewChaCha8([32]byte{byte(round), byte(client)})
			for {
				body := make([]byte, 1<<(10+random.Uint64()%12))
				_, _ = random.Read(body) // it never fails
				key := fmt.Sprintf("%d/%d/%s", round, client, digest(body))
				if b.put(ctx, key, body) != nil {
					return // killed
				}
				mu.Lock()
				stored = append(stored, key)
				if len(stored) == 20 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(time.Minute):
		t.Error("20 objects take more than a minute")
	}
	server.kill()
	clients.Wait()
	return stored
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
