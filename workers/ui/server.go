package ui

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"espalier/models/checkpoint"
	"espalier/workers/runs"
)

// Options are what a dashboard shows, and to whom.
type Options struct {
	Runs *runs.Client
	Repo *checkpoint.Repo // nil where there is no store
	Log  *slog.Logger

	Version     string // of espalier
	Home        string // the folder of the servers, "" if they are not of this machine
	LogFile     string // the log of this machine's workers
	TemporalURL string // of Temporal's own interface, "" where there is none
	// User is who did what is done here, as logbooks have it.
	User     string
	ReadOnly bool // nobody controls anything
	// Token is the secret that opens the dashboard, of [FewestBytes] at least.
	Token string
	// Hosts are names beside IP addresses and localhost under which the
	// dashboard is reached, without ports.
	Hosts []string
	// Dead says of a worker's identity that its process has surely ended.
	Dead func(identity string) bool
}

// Server is a dashboard.
type Server struct {
	Options
	access access
	hub    *hub
	cache  cache
	books  books
	once   singleflight.Group
	heavy  sync.Mutex // held by whoever reads whole networks
	guess  chan struct{}
}

// New is a dashboard that is not served yet. It fails on a token that is too
// short.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dead == nil {
		o.Dead = func(string) bool { return false }
	}
	access, err := newAccess(o.Token)
	if err != nil {
		return nil, err
	}
	s := &Server{Options: o, access: access, guess: make(chan struct{}, mostGuesses)}
	s.hub = newHub(o.Runs, s.follow, o.Log)
	return s, nil
}

// Handler answers requests. What it answers of runs is fed by Run.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.routes(mux)
	return s.guard(mux)
}

// Run watches the runs for as long as somebody looks, until ctx ends.
func (s *Server) Run(ctx context.Context) { s.hub.run(ctx) }

// The bounds of a connection. What takes longer says so itself.
const (
	headWithin  = 10 * time.Second
	idleWithin  = 2 * time.Minute
	writeWithin = time.Minute
	endWithin   = 2 * time.Second
)

// routes are the interface, version 1, and the page.
func (s *Server) routes(mux *http.ServeMux) {
	get := func(pattern string, e endpoint) { mux.Handle("GET /api/v1/"+pattern, s.known(e)) }
	post := func(name string, do action, fields ...string) {
		mux.Handle("POST /api/v1/runs/{id}/"+name, s.acts(s.post(do, fields...)))
	}
	mux.Handle("GET /api/v1/session", s.open(s.session))
	mux.Handle("POST /api/v1/login", s.open(s.login))
	get("events", s.events)
	get("workers", s.workers)
	get("runs", s.list)
	get("runs/{id}", s.run)
	get("runs/{id}/spec", s.about(s.spec))
	get("runs/{id}/timeline", s.about(s.timeline))
	get("runs/{id}/curves", s.about(s.curves))
	get("runs/{id}/layers", s.about(s.layers))
	get("runs/{id}/speed", s.about(s.speed))
	get("runs/{id}/network.svg", s.picture)
	get("runs/{id}/lineage", s.about(s.lineage))
	get("runs/{id}/sensitivity", s.about(s.sensitivity))
	get("runs/{id}/log", s.about(s.tail))
	get("sweeps/{id}/trials", s.trials)
	get("results/{file}", s.table)
	post("pause", s.pause)
	post("resume", s.resume)
	post("cancel", s.cancel, "discard")
	post("retry", s.retry, "trials")
	post("extend", s.extend, "passes", "trials", "set")
	post("fork", s.fork, "from", "set")
	post("change", s.change, "concurrency", "priority")
	post("note", s.note, "text")
	post("tag", s.tag, "add", "remove")
	mux.Handle("/api/", s.open(func(http.ResponseWriter, *http.Request) (any, error) {
		return nil, fault{http.StatusNotFound, errors.New("no such endpoint")}
	}))
	mux.Handle("/", http.HandlerFunc(s.page))
}
