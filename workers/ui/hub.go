package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"espalier/workers/runs"
)

// hub looks at the runs once for all clients, and not at all while there are
// none.
type hub struct {
	look func(ctx context.Context, id string) (*full, error)
	log  *slog.Logger

	watching sync.Mutex // held during a look
	watch    runs.Watch

	mutex    sync.Mutex
	version  int64
	views    map[string]shown
	gone     []departed
	listed   bool
	looked   time.Time // when the newest look that succeeded began
	rest     time.Duration
	failed   error // of the newest look
	failedAt time.Time
	asked    time.Time // when somebody last asked for the list
	clients  int
	followed map[string]*followed
	touched  []touched
	due      int           // of them that were not looked at again yet
	changed  chan struct{} // closed at the next news
	wake     chan struct{}
}

// shown is a run of the list as it is sent.
type shown struct {
	json    []byte
	started time.Time
	version int64
}

// departed is a run that is gone from the list.
type departed struct {
	id      string
	version int64
}

// followed is a run that clients look at more closely.
type followed struct {
	clients int
	json    []byte
	version int64
	looked  time.Time
}

// touched is a run that something was just done to.
type touched struct {
	id        string
	discarded bool
}

// The pace of the hub. A look that takes long is followed by a rest that keeps
// its share of a core below a twentieth.
const (
	lookEvery  = time.Second
	restFactor = 19
	mostRest   = 15 * time.Second
	failedRest = 2 * time.Second
	wantedFor  = 10 * time.Second // after somebody asked for the list
	mostGone   = 1000
	lookWithin = 30 * time.Second
)

func newHub(c *runs.Client, look func(context.Context, string) (*full, error), log *slog.Logger) *hub {
	return &hub{
		look: look, log: log, watch: runs.Watch{Client: c}, views: map[string]shown{},
		followed: map[string]*followed{}, changed: make(chan struct{}), wake: make(chan struct{}, 1),
	}
}

// run looks for as long as somebody wants it.
func (h *hub) run(ctx context.Context) {
	next := time.Now()
	for ctx.Err() == nil {
		wait := time.Hour
		if h.wanted() {
			if !time.Now().Before(next) {
				next = time.Now().Add(h.list(ctx))
			}
			h.refresh(ctx)
			h.follow(ctx)
			wait = min(time.Until(next), lookEvery)
		}
		select {
		case <-ctx.Done():
		case <-h.wake:
		case <-time.After(wait):
		}
	}
}

func (h *hub) wanted() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.clients > 0 || time.Since(h.asked) < wantedFor
}

// rouse lets the hub look now rather than when it would.
func (h *hub) rouse() {
	select {
	case h.wake <- struct{}{}:
	default: // it is about to
	}
}

// list brings the list up to date and answers how long to rest then.
func (h *hub) list(ctx context.Context) time.Duration {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	h.watching.Lock()
	change, err := h.watch.Look(ctx)
	listed := h.watch.Listed()
	h.watching.Unlock()
	h.publish(change, func() {
		if err == nil && listed {
			h.listed, h.looked = true, began
		}
		if err != nil && h.failed == nil && ctx.Err() == nil {
			h.log.Warn("dashboard: the runs cannot be listed", "error", err)
		}
		h.failed, h.failedAt, h.rest = err, time.Now(), rest(err, listed, time.Since(began))
	})
	return h.rest
}

// rest is how long to rest after a look that took so long.
func rest(err error, listed bool, took time.Duration) time.Duration {
	switch {
	case err != nil:
		return failedRest
	case !listed:
		return 0
	}
	return max(lookEvery, min(mostRest, restFactor*took))
}

// publish takes over what changed and tells everybody.
func (h *hub) publish(c runs.Change, also func()) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if len(c.Changed)+len(c.Gone) > 0 {
		h.version++
	}
	for _, id := range c.Gone {
		delete(h.views, id)
		h.gone = append(h.gone, departed{id, h.version})
	}
	h.gone = h.gone[max(0, len(h.gone)-mostGone):]
	for _, v := range c.Changed {
		text, err := json.Marshal(v)
		if err != nil { // a number that JSON has not
			h.log.Warn("dashboard: a run cannot be told", "run", v.ID, "error", err)
			continue
		}
		h.views[v.ID] = shown{json: text, started: v.Started, version: h.version}
	}
	if also != nil {
		also()
	}
	h.tell()
}

// tell wakes whoever waits for news. The caller holds the lock.
func (h *hub) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// touch lets the hub look at a run that something was just done to.
func (h *hub) touch(id string, discarded bool) {
	h.mutex.Lock()
	h.touched = append(h.touched, touched{id, discarded})
	h.due++
	if f := h.followed[id]; f != nil {
		f.looked = time.Time{}
	}
	h.mutex.Unlock()
	h.rouse()
}

// refresh looks at runs that were touched.
func (h *hub) refresh(ctx context.Context) {
	h.mutex.Lock()
	all := h.touched
	h.touched = nil
	h.mutex.Unlock()
	for _, of := range all {
		h.watching.Lock()
		var change runs.Change
		if of.discarded {
			change = h.watch.Forget(of.id)
		} else {
			change, _ = h.watch.Refresh(ctx, of.id) // or else the next look finds it
		}
		h.watching.Unlock()
		h.publish(change, func() { h.due-- })
	}
}

// follow looks at the runs that clients follow, those whose turn it is.
func (h *hub) follow(ctx context.Context) {
	h.mutex.Lock()
	var due []string
	for id, f := range h.followed {
		if time.Since(f.looked) >= lookEvery*9/10 {
			due = append(due, id)
		}
	}
	h.mutex.Unlock()
	slices.Sort(due)
	for _, id := range due {
		v, err := h.look(ctx, id)
		var text []byte
		if err == nil {
			text, err = json.Marshal(v)
		}
		h.mutex.Lock()
		if f := h.followed[id]; f != nil {
			f.looked = time.Now()
			if err == nil && !bytes.Equal(text, f.json) {
				h.version++
				f.json, f.version = text, h.version
				h.tell()
			}
		}
		h.mutex.Unlock()
	}
}
