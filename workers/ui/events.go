package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The bounds of a stream of events.
const (
	mostClients = 64
	pingEvery   = 15 * time.Second
	eventsEvery = time.Second // at most
)

var errCrowd = fault{http.StatusServiceUnavailable, fmt.Errorf("%d pages are open already", mostClients)}

// join makes a client of the hub, who follows a run if id is one.
func (h *hub) join(id string) (leave func(), err error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.clients >= mostClients {
		return nil, errCrowd
	}
	h.clients++
	if id != "" {
		f := h.followed[id]
		if f == nil {
			f = &followed{}
			h.followed[id] = f
		}
		f.clients++
	}
	h.rouse()
	return func() { h.leave(id) }, nil
}

func (h *hub) leave(id string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.clients--
	if f := h.followed[id]; f != nil {
		if f.clients--; f.clients == 0 {
			delete(h.followed, id)
		}
	}
}

// news is what a client has not been told yet, and when it is to ask again.
type news struct {
	runs, run []byte // data of the events, nil for none
	version   int64
	next      <-chan struct{}
}

// since is what is new after a version; -1 is before the first. The first list
// is the whole one.
func (h *hub) since(version int64, id string) news {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	n := news{version: version, next: h.changed}
	if !h.listed {
		return n
	}
	n.version = h.version
	if h.version == version {
		return n
	}
	if f := h.followed[id]; f != nil && f.version > version {
		n.run = f.json
	}
	changed, gone := [][]byte{}, []string{}
	for _, v := range h.views {
		if v.version > version {
			changed = append(changed, v.json)
		}
	}
	for _, d := range h.gone {
		if d.version > version && version >= 0 {
			gone = append(gone, d.id)
		}
	}
	if len(changed)+len(gone) == 0 && version >= 0 {
		return n
	}
	names, _ := json.Marshal(gone) // strings always marshal
	n.runs = fmt.Appendf(nil, `{"changed":[%s],"gone":%s}`, bytes.Join(changed, []byte(",")), names)
	return n
}

// events streams what changes, and how one run stands if the query names one.
func (s *Server) events(w http.ResponseWriter, r *http.Request) (any, error) {
	id := r.URL.Query().Get("run")
	if id != "" && !runName.MatchString(id) {
		return nil, badRequest("run %.80q is no run's id", id)
	}
	leave, err := s.hub.join(id)
	if err != nil {
		return nil, err
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or a proxy would keep events to itself
	w.WriteHeader(http.StatusOK)
	s.stream(r.Context(), &stream{to: w, flush: http.NewResponseController(w)}, id)
	return nil, nil
}

func (s *Server) stream(ctx context.Context, out *stream, id string) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	version := int64(-1)
	for out.send("ping", []byte("{}")); out.err == nil; {
		n := s.hub.since(version, id)
		version = n.version
		if n.runs != nil {
			out.send("runs", n.runs)
		}
		if n.run != nil {
			out.send("run", n.run)
		}
		if n.runs != nil || n.run != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(eventsEvery):
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-n.next:
		case <-ping.C:
			out.send("ping", []byte("{}"))
		}
	}
}

// stream writes events, each within writeWithin, until one fails.
type stream struct {
	to    http.ResponseWriter
	flush *http.ResponseController
	err   error
}

func (s *stream) send(name string, data []byte) {
	if s.err != nil {
		return
	}
	deadline := s.flush.SetWriteDeadline(time.Now().Add(writeWithin))
	if errors.Is(deadline, http.ErrNotSupported) { // a recorder of a test
		deadline = nil
	}
	_, err := fmt.Fprintf(s.to, "event: %s\ndata: %s\n\n", name, data)
	s.err = errors.Join(deadline, err, s.flush.Flush())
}

// whole is the list as of a moment ago, newest first, and whether it is cut at
// limit.
func (h *hub) whole(ctx context.Context, limit int) (list []json.RawMessage, more bool, err error) {
	asked := time.Now()
	h.mutex.Lock()
	h.asked = asked
	h.mutex.Unlock()
	h.rouse()
	for {
		h.mutex.Lock()
		next, failed := h.changed, h.failed
		if failed != nil && h.failedAt.Before(asked) {
			failed = nil
		}
		if h.listed && h.due == 0 && asked.Sub(h.looked) < 2*h.rest {
			list, more = h.newest(limit)
			h.mutex.Unlock()
			return list, more, nil
		}
		h.mutex.Unlock()
		if failed != nil {
			return nil, false, failed
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-next:
		}
	}
}

// newest are the newest runs. The caller holds the lock.
func (h *hub) newest(limit int) (list []json.RawMessage, more bool) {
	ids := make([]string, 0, len(h.views))
	for id := range h.views {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		if c := h.views[b].started.Compare(h.views[a].started); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	list = []json.RawMessage{}
	for _, id := range ids[:min(limit, len(ids))] {
		list = append(list, h.views[id].json)
	}
	return list, len(ids) > limit
}

// mostListed bounds the runs of one list.
const mostListed = 10_000

// list are the newest runs.
func (s *Server) list(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, err := whole(r, "limit", 1000, mostListed)
	if err != nil {
		return nil, err
	}
	list, more, err := s.hub.whole(r.Context(), limit)
	return map[string]any{"runs": list, "more": more}, err
}
