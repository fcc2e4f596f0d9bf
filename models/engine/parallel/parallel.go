// Package parallel runs the parts of one piece of work at the same time, on a
// crew of goroutines that the whole process shares.
//
// Who calls decides the parts, so that results depend on the division and not
// on who ran what. A training step makes a handful of calls of some 100 µs; the
// crew therefore waits for the next one awake for a moment before it sleeps. A
// caller that finds the crew busy does all its parts itself: the processors
// have work then, and the bits are the same.
package parallel

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// Work is something done in parts.
type Work interface {
	// Part does part i. Parts run at the same time and must not share what
	// they write.
	Part(i int)
}

// maxParts fits half of the state word.
const maxParts = math.MaxInt32

// Run does parts 0 to parts-1 of w, each once, and returns when all are done.
// It allocates nothing.
func Run(parts int, w Work) {
	c := shared()
	if parts < 2 || parts > maxParts || len(c.workers) == 0 || !c.busy.TryLock() {
		for i := range parts {
			w.Part(i)
		}
		return
	}
	defer c.busy.Unlock()
	c.post(parts, w)
	for c.claim() {
	}
	c.wait()
	c.work = nil
}

// shared hires the crew at the first call: one goroutine less than processors,
// for the caller works too.
var shared = sync.OnceValue(func() *crew {
	c := &crew{done: make(chan struct{}, 1)}
	for range runtime.GOMAXPROCS(0) - 1 {
		w := &worker{wake: make(chan struct{}, 1)}
		c.workers = append(c.workers, w)
		go c.serve(w)
	}
	return c
})

type crew struct {
	busy    sync.Mutex // held from posting to the end of the last part
	workers []*worker
	work    Work // read only by who has claimed a part

	state   atomic.Uint64 // how many parts the work has (high half) and the next to claim
	pending atomic.Int64  // parts not done
	waiting atomic.Bool   // the caller sleeps
	done    chan struct{}
}

type worker struct {
	sleeping atomic.Bool
	wake     chan struct{}
}

func (c *crew) post(parts int, w Work) {
	c.work = w
	c.pending.Store(int64(parts))
	c.state.Store(uint64(parts) << 32)
	for _, w := range c.workers[:min(parts-1, len(c.workers))] {
		if w.sleeping.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

func (c *crew) open() bool {
	s := c.state.Load()
	return s&0xffffffff < s>>32
}

// claim takes a part that nobody has and does it. It says whether there was
// one. Work cannot be replaced while a claimed part is pending.
func (c *crew) claim() bool {
	for {
		s := c.state.Load()
		next := s & 0xffffffff
		if next >= s>>32 {
			return false
		}
		if c.state.CompareAndSwap(s, s+1) {
			c.work.Part(int(next))
			if c.pending.Add(-1) == 0 && c.waiting.CompareAndSwap(true, false) {
				c.done <- struct{}{}
			}
			return true
		}
	}
}

func (c *crew) wait() {
	if spin(func() bool { return c.pending.Load() == 0 }) {
		return
	}
	c.waiting.Store(true)
	if c.pending.Load() == 0 && c.waiting.CompareAndSwap(true, false) {
		return
	}
	<-c.done
}

func (c *crew) serve(w *worker) {
	for {
		if spin(c.open) {
			c.claim()
			continue
		}
		w.sleeping.Store(true)
		if c.open() && w.sleeping.CompareAndSwap(true, false) {
			continue
		}
		<-w.wake
	}
}

// spin polls for some 50 µs, leaving the processor to other goroutines that
// are ready, and says whether the condition came true.
func spin(ready func() bool) bool {
	const rounds, polls = 200, 64
	for range rounds {
		for range polls {
			if ready() {
				return true
			}
		}
		runtime.Gosched()
	}
	return false
}
