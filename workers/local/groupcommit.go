package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"
)

// groupCommit holds back what Temporal answers until all that it has committed
// is on the disk. SQLite does not flush each commit by itself (see
// [databaseConfig]): a step takes dozens, mostly between Temporal's own
// services, and one flush serves all of those that are waited for.
type groupCommit struct {
	flush func() error

	mutex   sync.Mutex
	next    *flushed // for those who came since the flush under way began; nil if nobody did
	running bool
	broken  error // of a flush: what is on the disk is not known any more
}

// flushed is a flush that others wait for.
type flushed struct {
	done chan struct{}
	err  error
}

// wait returns after a flush that began after the call.
func (g *groupCommit) wait(ctx context.Context) error {
	g.mutex.Lock()
	if g.next == nil {
		g.next = &flushed{done: make(chan struct{})}
	}
	mine := g.next
	if !g.running {
		g.running = true
		go g.run()
	}
	g.mutex.Unlock()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run flushes until nobody waits.
func (g *groupCommit) run() {
	for {
		g.mutex.Lock()
		now := g.next
		g.next, g.running = nil, now != nil
		g.mutex.Unlock()
		if now == nil {
			return
		}
		if g.broken == nil {
			g.broken = g.flush()
		}
		now.err = g.broken
		close(now.done)
	}
}

// unary is the interceptor of Temporal's frontend. Answers to readers wait too:
// what a client was told, or a worker given to do, has happened.
func (g *groupCommit) unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	answer, err := handle(ctx, request)
	if err != nil {
		return answer, err
	}
	if err := g.wait(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, serviceerror.NewUnavailable(fmt.Sprintf("the server's database cannot be flushed, start the server again: %v", err))
	}
	return answer, nil
}

// logFlusher flushes the write-ahead log of a database.
type logFlusher struct {
	path  string
	mutex sync.Mutex
	file  *os.File
}

func (l *logFlusher) close() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// flush opens the log anew if it is another file, as after its last connection
// was closed. A log that is not there is in the database already, and flushed.
func (l *logFlusher) flush() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	found, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if l.file != nil {
		if open, err := l.file.Stat(); err == nil && os.SameFile(open, found) {
			return l.file.Sync()
		}
		_ = l.file.Close() // of a log that is no more
	}
	if l.file, err = os.OpenFile(l.path, os.O_RDWR, 0); err != nil {
		return err
	}
	return l.file.Sync()
}
