package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// Whoever waits sees a flush that began after it came, and those who come
// during a flush share the next one.
func TestCommitsShareAFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flushes, release := 0, make(chan struct{})
		g := &groupCommit{flush: func() error {
			flushes++
			<-release
			return nil
		}}
		var waiting sync.WaitGroup
		wait := func() {
			waiting.Go(func() {
				if err := g.wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wait()
		synctest.Wait()
		for range 50 {
			wait()
		}
		synctest.Wait()
		if flushes != 1 {
			t.Errorf("%d flushes at a time", flushes)
		}
		close(release)
		waiting.Wait()
		if flushes != 2 {
			t.Errorf("%d flushes, want one for the first and one for all others", flushes)
		}
		synctest.Wait()
		if err := g.wait(t.Context()); err != nil || flushes != 3 {
			t.Errorf("%d flushes, %v; want one more for one that comes later", flushes, err)
		}
	})
}

func TestNothingIsAnsweredAfterAFlushHasFailed(t *testing.T) {
	t.Parallel()
	fails := true
	g := &groupCommit{flush: func() error {
		if fails {
			return errors.New("input/output error")
		}
		return nil
	}}
	handled := 0
	ask := func() error {
		answer, err := g.unary(t.Context(), nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) {
			handled++
			return "answer", nil
		})
		if err != nil && answer != nil {
			t.Errorf("%v beside %v", answer, err)
		}
		return err
	}
	for range 2 { // a disk that forgot a page says so once
		var unavailable *serviceerror.Unavailable
		if err := ask(); !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "input/output error") {
			t.Errorf("%v, want that it is not available, and why", err)
		}
		fails = false
	}
	if handled != 2 {
		t.Errorf("%d of 2 requests were handled", handled)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	hung := &groupCommit{flush: func() error { <-t.Context().Done(); return nil }}
	if err := hung.wait(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who leaves is told %v", err)
	}
}

// A real server answers when its log is on the disk, and not before.
func TestTheServerWaitsForTheDisk(t *testing.T) {
	home := t.TempDir()
	log, err := openServerLog(filepath.Join(home, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	database := filepath.Join(home, "temporal.db")
	if err := prepareDatabase(t.Context(), database, clusterName); err != nil {
		t.Fatal(err)
	}
	port, err := freePort(loopback)
	if err != nil {
		t.Fatal(err)
	}
	ahead := &logFlusher{path: database + "-wal"}
	disk := make(chan error) // what a flush ends with
	close(disk)
	var slow atomic.Pointer[chan error]
	slow.Store(&disk)
	server, err := newServer(Options{BindIP: loopback}, port, database, &groupCommit{flush: func() error {
		return errors.Join(<-*slow.Load(), ahead.flush())
	}}, log)
	if err != nil {
		t.Fatal(err)
	}
	running := &temporalServer{server: server, database: database, log: ahead}
	t.Cleanup(func() {
		if err := running.stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := running.run(t.Context(), hostPort(loopback, port)); err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(client.Options{HostPort: hostPort(loopback, port), Namespace: Namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	busy := make(chan error)
	slow.Store(&busy)
	started := make(chan error, 1)
	go func() {
		_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "a", TaskQueue: "nobody"}, "work")
		started <- err
	}()
	select {
	case busy <- nil: // it has come to the flush
	case err := <-started:
		t.Fatalf("the start was acknowledged before the flush: %v", err)
	}
	slow.Store(&disk)
	close(busy)
	if err := <-started; err != nil {
		t.Error(err)
	}
}

// The log is flushed through a handle of its own, whichever file it is by now.
func TestTheLogIsFlushedUnderItsName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	l := &logFlusher{path: path + "-wal"}
	if err := l.flush(); err != nil || l.file != nil {
		t.Errorf("a log that is not there: %v", err)
	}
	var last os.FileInfo
	for range 2 {
		db, err := openDatabase(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS a (b); INSERT INTO a VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := l.flush(); err != nil {
				t.Fatal(err)
			}
		}
		open, err := l.file.Stat()
		found, missing := os.Stat(l.path)
		if err != nil || missing != nil || !os.SameFile(open, found) || last != nil && os.SameFile(open, last) {
			t.Errorf("flushed %v, want %v and not %v; %v %v", open, found, last, err, missing)
		}
		last = open
		if err := db.Close(); err != nil { // takes the log away
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.flush(), l.close(), l.close()); err != nil {
		t.Error(err)
	}
}
