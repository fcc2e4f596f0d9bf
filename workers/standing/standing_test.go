package standing_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/workers/standing"
	"espalier/workflows"
)

// lab is a keeper at work on a folder.
type lab struct {
	*standing.Keeper
	dir   string
	repo  *checkpoint.Repo
	leave func()
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	store, err := dirstore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	repo := &checkpoint.Repo{Store: store}
	l := &lab{Keeper: standing.NewKeeper(repo), dir: dir, repo: repo}
	ctx, cancel := context.WithCancel(context.Background())
	var at sync.WaitGroup
	at.Go(func() { l.Run(ctx) })
	l.leave = func() { cancel(); at.Wait() }
	t.Cleanup(l.leave)
	return l
}

func stands(ended int) *workflows.Standing {
	at := time.Date(2026, 11, 30, 12, 0, ended, 0, time.UTC)
	return &workflows.Standing{Life: "first", At: at, Summary: workflows.Summary{Name: "s", Pass: ended}, Sweep: &workflows.SweepResult{Run: "s-1", Ended: ended}}
}

// reads waits until something can be read of a sweep, or nothing.
func (l *lab) reads(t *testing.T, sweep string, ended int) *workflows.Standing {
	t.Helper()
	for {
		s, err := standing.Read(t.Context(), l.repo, sweep)
		switch {
		case err != nil && !errors.Is(err, checkpoint.ErrNotFound):
			t.Fatal(err)
		case ended < 0 && err != nil, err == nil && s.Sweep.Ended == ended:
			return s
		}
		time.Sleep(time.Millisecond)
	}
}

func TestNewestStandingIsKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Tell("s-1", stands(1))
	if diff := cmp.Diff(stands(1), l.reads(t, "s-1", 1)); diff != "" {
		t.Error(diff)
	}
	for ended := range 50 { // sooner than any can be written
		l.Tell("s-1", stands(ended))
	}
	l.Tell("s-2", stands(7))
	l.reads(t, "s-1", 49)
	l.reads(t, "s-2", 7)
	l.Tell("s-1", nil)
	l.reads(t, "s-1", -1)
}

// A worker that was stopped, and has older news than another one wrote meanwhile,
// keeps them to itself; those of another life are always newer.
func TestOlderNewsAreNotWritten(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	if err := l.repo.PutJSON(t.Context(), "standings/s-1.json", stands(5)); err != nil {
		t.Fatal(err)
	}
	again := stands(0)
	again.Life = "second"
	if err := l.repo.PutJSON(t.Context(), "standings/s-2.json", stands(5)); err != nil {
		t.Fatal(err)
	}
	l.Tell("s-1", stands(4))
	l.Tell("s-2", again)
	l.reads(t, "s-2", 0)
	l.leave()
	if s, err := standing.Read(t.Context(), l.repo, "s-1"); err != nil || s.Sweep.Ended != 5 {
		t.Errorf("it is %+v, %v; want the newer one", s, err)
	}
}

// What has ended is removed at once, not when it is the keeper's time to write.
func TestEndsDoNotWait(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Tell("s-1", stands(1))
	l.reads(t, "s-1", 1)
	l.Tell("s-2", stands(2)) // waits its turn
	l.Tell("s-1", nil)
	l.reads(t, "s-1", -1)
	if s, err := standing.Read(t.Context(), l.repo, "s-2"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("what waits is %+v, %v already", s, err)
	}
	l.reads(t, "s-2", 2)
}

func TestLeavingKeeperWritesWhatItHas(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Tell("s-1", stands(1))
	l.reads(t, "s-1", 1)
	l.Tell("s-1", stands(2))
	l.leave()
	if s, err := standing.Read(t.Context(), l.repo, "s-1"); err != nil || s.Sweep.Ended != 2 {
		t.Errorf("it left %+v, %v; want the last news", s, err)
	}
}

func TestDamagedStandingIsNotRead(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Tell("s-1", stands(1))
	l.reads(t, "s-1", 1)
	path := filepath.Join(l.dir, "standings", "s-1.json")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, bytes.Replace(text, []byte(`"pass":1`), []byte(`"pass":2`), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var corrupt *checkpoint.CorruptError
	if s, err := standing.Read(t.Context(), l.repo, "s-1"); !errors.As(err, &corrupt) {
		t.Errorf("it reads %+v, %v; want that it is corrupt", s, err)
	}
}

// stubborn is a store that takes nothing for a while.
type stubborn struct {
	checkpoint.Store
	ill *atomic.Bool
}

func (s stubborn) Put(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	if s.ill.Load() {
		return errors.New("no")
	}
	return s.Store.Put(ctx, key, body, size)
}

func TestWhatWasNotWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var ill atomic.Bool
	ill.Store(true)
	l.repo.Store = stubborn{l.repo.Store, &ill}
	l.Tell("s-1", stands(1))
	time.Sleep(standing.Every / 2) // by then it has been tried
	ill.Store(false)
	l.Tell("s-2", stands(2))
	l.reads(t, "s-1", 1)
	l.reads(t, "s-2", 2)
}
