package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The kinds of faults, as the table calls them.
const (
	faultKillWorker   = "SIGKILL of a worker"
	faultKillServer   = "SIGKILL of Temporal's server"
	faultKillGateway  = "SIGKILL of the S3 gateway"
	faultKillClient   = "SIGKILL of the client"
	faultStopWorker   = "SIGSTOP of a worker, up to 8 s"
	faultStopServer   = "SIGSTOP of Temporal's server, up to 5 s"
	faultStopGateway  = "SIGSTOP of the S3 gateway, up to 5 s"
	faultStopClient   = "SIGSTOP of the client, up to 5 s"
	fault500          = "S3 answers 500"
	fault503          = "S3 answers 503 SlowDown"
	faultTimeout      = "S3 does not answer, up to 10 s"
	faultReset        = "S3 resets the connection"
	faultLost         = "S3 does its work, its answer is lost"
	faultTruncated    = "S3's bodies are cut short"
	faultUnreachable  = "Temporal is out of reach, up to 10 s"
	faultOutage       = "Temporal is out of reach for a minute"
	faultFull         = "the store's disk is full, up to 5 s"
	faultCorrupt      = "a stored object is damaged"
	faultPause        = "the sweep is paused, and resumed after up to 5 s"
	faultCancel       = "the sweep is cancelled, and submitted again"
	faultChange       = "the sweep's concurrency and priority change"
	damagedCheckpoint = "checkpoints/"
)

// weights are how often each kind is drawn.
var weights = []struct {
	kind   string
	weight int
}{
	{faultKillWorker, 16}, {faultKillServer, 5}, {faultKillGateway, 6}, {faultKillClient, 4},
	{faultStopWorker, 8}, {faultStopServer, 4}, {faultStopGateway, 4}, {faultStopClient, 2},
	{fault500, 6}, {fault503, 6}, {faultTimeout, 4}, {faultReset, 6}, {faultLost, 6}, {faultTruncated, 6},
	{faultUnreachable, 4}, {faultFull, 4}, {faultCorrupt, 9}, {faultPause, 4},
	{faultCancel, 2}, {faultChange, 3},
}

// storm draws faults and strikes with them.
type storm struct {
	*lab
	random *rand.Rand
	struck map[string]int
	hit    []string // objects that were damaged
	during sync.WaitGroup

	cancels atomic.Bool // a cancellation was asked for
}

// draw is the next kind. Every fiftieth is the long outage.
func (s *storm) draw(n int) string {
	if n%50 == 25 {
		return faultOutage
	}
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	at := s.random.IntN(total)
	for _, w := range weights {
		if at -= w.weight; at < 0 {
			return w.kind
		}
	}
	return faultKillWorker
}

// strike does a fault; false says that there was nothing to strike.
func (s *storm) strike(ctx context.Context, kind string) bool {
	worker := s.workers[s.random.IntN(len(s.workers))]
	requests, length := 1+s.random.IntN(8), s.random.Float64()
	upTo := func(most time.Duration) time.Duration { return time.Duration(float64(most) * length) }
	switch kind {
	case faultKillWorker:
		return worker.signal(syscall.SIGKILL)
	case faultKillServer:
		return s.server.signal(syscall.SIGKILL)
	case faultKillGateway:
		return s.gateway.signal(syscall.SIGKILL)
	case faultKillClient:
		return s.client.signal(syscall.SIGKILL)
	case faultStopWorker:
		return s.freeze(ctx, worker, upTo(8*time.Second))
	case faultStopServer:
		return s.freeze(ctx, s.server, upTo(5*time.Second))
	case faultStopGateway:
		return s.freeze(ctx, s.gateway, upTo(5*time.Second))
	case faultStopClient:
		return s.freeze(ctx, s.client, upTo(5*time.Second))
	case faultTimeout:
		s.store.spoil(1+requests/4, spoiled{kind, upTo(10 * time.Second)})
	case faultUnreachable:
		s.lasting(ctx, upTo(10*time.Second), s.temporal.set)
	case faultOutage:
		s.lasting(ctx, s.o.outage, s.temporal.set)
	case faultFull:
		return s.fill(ctx, upTo(5*time.Second))
	case faultCorrupt:
		return s.damage()
	case faultPause:
		s.pause(ctx, upTo(5*time.Second))
	case faultCancel:
		s.cancels.Store(true)
		s.ask(ctx, "cancel") // whoever waits for the sweep submits it again
	case faultChange:
		s.ask(ctx, "change", "--concurrency", fmt.Sprint(1+s.random.IntN(4)), "--priority", fmt.Sprint(1+s.random.IntN(5)))
	default:
		s.store.spoil(requests, spoiled{how: kind})
	}
	return true
}

// lasting switches something on, and off after a while.
func (s *storm) lasting(ctx context.Context, d time.Duration, set func(bool)) {
	set(true)
	s.during.Go(func() {
		defer set(false)
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	})
}

func (s *storm) freeze(ctx context.Context, p *process, d time.Duration) bool {
	if !p.signal(syscall.SIGSTOP) {
		return false
	}
	s.lasting(ctx, d, func(on bool) {
		if !on {
			p.signal(syscall.SIGCONT)
		}
	})
	return true
}

// ask asks something of the sweep, which may be lost like all else.
func (s *storm) ask(ctx context.Context, what string, flags ...string) {
	s.during.Go(func() { _ = s.control(ctx, what, flags...) })
}

// pause asks for a pause, which may be lost like all else, and after a while to go
// on until that is heard.
func (s *storm) pause(ctx context.Context, d time.Duration) {
	s.during.Go(func() {
		_ = s.control(ctx, "pause")
		for state := "paused"; state == "paused" && ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-time.After(d):
			}
			_ = s.control(ctx, "resume")
			if now, err := s.status(ctx); err == nil {
				state = now
			}
			d = time.Second
		}
	})
}

// fill takes all room on the gateway's disk; where it has none of its own, the
// proxy answers as a full one does.
func (s *storm) fill(ctx context.Context, d time.Duration) bool {
	if !s.disk {
		s.lasting(ctx, d, s.store.fill)
		return true
	}
	ballast := filepath.Join(s.home("gateway"), "ballast")
	file, err := os.OpenFile(ballast, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false // another one is there
	}
	_, err = io.Copy(file, endless{})
	_ = file.Close()
	s.lasting(ctx, d, func(on bool) {
		if !on {
			_ = os.Remove(ballast)
		}
	})
	return err != nil // no room was left
}

// endless reads as bytes without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// damage flips a bit of an object, cuts it or empties it, on the gateway's disk.
func (s *storm) damage() bool {
	var all []string
	err := filepath.WalkDir(s.bucket(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // it was removed meanwhile
		}
		key, err := filepath.Rel(s.bucket(), path)
		key = filepath.ToSlash(key)
		for _, prefix := range []string{damagedCheckpoint, "manifests/", "steps/"} {
			if strings.HasPrefix(key, prefix) && !strings.Contains(key, ".sgwtmp") {
				all = append(all, key)
			}
		}
		return err
	})
	if err != nil || len(all) == 0 {
		return false
	}
	slices.Sort(all)
	key := all[s.random.IntN(len(all))]
	path := filepath.Join(s.bucket(), filepath.FromSlash(key))
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return false
	}
	data = bytes.Clone(data)
	switch s.random.IntN(3) {
	case 0:
		data = data[:s.random.IntN(len(data))]
	default:
		data[s.random.IntN(len(data))] ^= 1 << s.random.IntN(8)
	}
	// In place: the file keeps its attributes, as on a disk that rots.
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return false
	}
	_, err = file.Write(data)
	_ = file.Close()
	s.hit = append(s.hit, key)
	return err == nil
}

// rage strikes until all faults are done or the sweep is; ended is the state that
// it ended in, empty until then.
func (s *storm) rage(ctx context.Context, out io.Writer, ended func() string) (int, error) {
	n := 0
	for n < s.o.faults && ended() == "" {
		pause := time.Duration((0.1 + s.random.ExpFloat64()) * float64(s.o.every))
		select {
		case <-ctx.Done():
			return n, ctx.Err()
		case <-time.After(min(pause, 5*s.o.every)):
		}
		if kind := s.draw(n); s.strike(ctx, kind) {
			n++
			s.struck[kind]++
			tell(out, "fault %d of %d: %s", n, s.o.faults, kind)
		}
	}
	s.during.Wait()
	if state := ended(); state != "" && state != "done" {
		return n, fmt.Errorf("the sweep %s is %s after %d faults of %d", s.run, state, n, s.o.faults)
	}
	if n < s.o.faults {
		return n, fmt.Errorf("the sweep ended after %d faults of %d; give it more -trials or -epochs", n, s.o.faults)
	}
	return n, nil
}
