package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"go.temporal.io/api/serviceerror"

	"espalier/models/checkpoint"
	"espalier/workers/runs"
)

// endpoint answers a request with what is sent as JSON; with [raw] as it is, or
// with nothing where it has written the answer itself.
type endpoint func(w http.ResponseWriter, r *http.Request) (any, error)

// raw is an answer of another type.
type raw struct {
	kind string
	data []byte
}

// fault is an error that is the request's.
type fault struct {
	status int
	error
}

func (f fault) Unwrap() error { return f.error }

func badRequest(format string, args ...any) error {
	return fault{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

// status is that of an error.
func status(err error) int {
	var (
		of          fault
		mistake     runs.MistakeError
		corrupt     *checkpoint.CorruptError
		unavailable *serviceerror.Unavailable
		deadline    *serviceerror.DeadlineExceeded
		large       *http.MaxBytesError
	)
	switch {
	case errors.As(err, &of):
		return of.status
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &mistake):
		return http.StatusBadRequest
	case errors.Is(err, runs.ErrNotFound), errors.Is(err, checkpoint.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, runs.ErrEnded):
		return http.StatusConflict
	case errors.As(err, &corrupt):
		return http.StatusBadGateway
	case errors.As(err, &unavailable), errors.As(err, &deadline), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// open makes an endpoint a handler.
func (s *Server) open(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeWithin)) // of no use in tests without a connection
		w.Header().Set("Cache-Control", "no-store")
		answer, err := e(w, r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		if answer == nil {
			return
		}
		of, ok := answer.(raw)
		if !ok {
			of.kind = "application/json"
			if of.data, err = json.Marshal(answer); err != nil {
				s.refuse(w, r, err)
				return
			}
		}
		w.Header().Set("Content-Type", of.kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(of.data)))
		_, _ = w.Write(of.data) // who is gone wants no answer
	})
}

// refuse answers with an error.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code := status(err)
	if code >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.Log.Warn("dashboard", "request", r.URL.Path, "error", err)
	}
	text, _ := json.Marshal(map[string]string{"error": err.Error()}) // strings always marshal
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text)
}

// runName is how runs are called: no run's id has a dot.
var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,199}$`)

// idOf is the run that a request is about.
func idOf(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if !runName.MatchString(id) {
		return "", fault{http.StatusNotFound, fmt.Errorf("%w: %.80q", runs.ErrNotFound, id)}
	}
	return id, nil
}

// whole is a number of the query, between 1 and most.
func whole(r *http.Request, name string, without, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return without, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, badRequest("%s %.40q: 1 to %d are allowed", name, text, most)
	}
	return n, nil
}

// mostBody bounds what a request brings.
const mostBody = 64 << 10

// body reads the JSON of a request.
func body(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fault{http.StatusUnsupportedMediaType, errors.New("the Content-Type must be application/json")}
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return fault{http.StatusRequestEntityTooLarge, fmt.Errorf("the request has more than %d bytes", mostBody)}
	case err != nil:
		return badRequest("the request's JSON: %v", err)
	case d.More():
		return badRequest("the request has more than one JSON value")
	}
	return nil
}
