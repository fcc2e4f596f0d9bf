// Package mlflow writes runs into a tracking server of MLflow, by version 2.0
// of its REST API.
//
// A run is found again by a tag, so writing it twice is writing it once: what
// the server lacks is added, and what it has otherwise is a [ConflictError],
// never written over. It writes numbers and words only, no networks.
package mlflow

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"espalier/config"
)

// TagID is the tag that a run is found by.
const TagID = "espalier.id"

// What MLflow knows of the life of a run.
const (
	StatusRunning  = "RUNNING"
	StatusFinished = "FINISHED"
	StatusFailed   = "FAILED"
	StatusKilled   = "KILLED"
)

// Run is a run as the server is to have it.
type Run struct {
	ID     string // finds it again: one of its kind in an experiment
	Name   string
	Parent string // the ID of a run that was written before it; empty is none
	Status string
	Params []Pair
	Tags   []Pair
	Points []Point // in the order of their steps
}

// Pair is a parameter or a tag.
type Pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Point is a metric at a step. The value is a finite number.
type Point struct {
	Key   string
	Value float64
	Step  int
}

// Client speaks to a tracking server.
type Client struct {
	URL  string        // as [CheckURL] allows
	Auth config.MLflow // what it is asked with
	// Pause is the time before a second try, half a second by default; each one
	// after it takes twice as long.
	Pause time.Duration
}

// Exported is what was written.
type Exported struct {
	Experiment   string `json:"experiment"`
	ExperimentID string `json:"experiment_id"`
	URL          string `json:"url"` // a page of the server
	Runs         int    `json:"runs"`
	Created      int    `json:"created"` // of these, that were not there before
	Points       int    `json:"points"`  // that were not there before
}

// ConflictError says that the server has a run with other numbers.
type ConflictError struct {
	ID, RunID string // ours, and the server's
	What      string // a parameter or a metric
	Has, Want string
}

// Error names the run, and what to do.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("MLflow's run %s of %s has %s %s, and it is %s; delete that run in MLflow, or name another experiment", e.RunID, e.ID, e.What, e.Has, e.Want)
}

// CheckURL says what is wrong with the address of a server.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q: the http or https address of a tracking server is allowed, as http://localhost:5000", address)
	case u.User != nil:
		return fmt.Errorf("an address with a name or a password in it is not allowed; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q: an address without ? and # is allowed", address)
	}
	return nil
}

// Limits of MLflow, for one request and for what is in it.
const (
	mostPoints, mostPairs, mostEntities = 1000, 100, 1000
	mostBytes                           = 900_000 // of 1 MB, which has the rest of the request too
	mostKey, mostParam, mostTag         = 250, 6000, 5000
)

// requests does not follow redirects: where a proxy asks for a login, the page
// that it leads to is no answer.
var requests = &http.Client{
	Timeout:       time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Name is a name as MLflow allows for parameters, metrics and tags: letters,
// digits, and _-. /, that are a path in its simplest form.
func Name(text string) string {
	name := strings.Map(func(r rune) rune {
		if r < 128 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-. /", r)) {
			return r
		}
		return '_'
	}, text)
	for _, part := range strings.Split(name, "/") {
		if part == "" || part == "." || part == ".." {
			name = strings.ReplaceAll(name, "/", "_")
			break
		}
	}
	if strings.Trim(name, ".") == "" || strings.HasPrefix(name, "..") {
		name = "_" + name
	}
	return name[:min(len(name), mostKey)]
}

// cut shortens text to so many bytes, at the edge of a rune.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
