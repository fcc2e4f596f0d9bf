package ui

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"espalier/config"
	"espalier/workers/runs"
	"espalier/workflows"
	"espalier/workflows/search"
)

// did is what came of an action.
type did struct {
	ID      string `json:"id"`      // the run's, or that of the new one
	Changed bool   `json:"changed"` // false where it was so already
	Why     string `json:"why,omitempty"`
}

// asked is what an action may be asked with. Each takes some of it.
type asked struct {
	Note        string   `json:"note"`
	Discard     bool     `json:"discard"`
	Passes      int      `json:"passes"` // in all, with those that there are
	Trials      numbers  `json:"trials"` // of retry which, otherwise how many there are then
	From        string   `json:"from"`   // a pass, 0 for the dense network, or a digest
	Set         []string `json:"set"`    // PATH=VALUE
	Concurrency *int     `json:"concurrency"`
	Priority    int      `json:"priority"`
	Text        string   `json:"text"`
	Add         []string `json:"add"`
	Remove      []string `json:"remove"`
}

// numbers are a list, or one without brackets.
type numbers []int

// UnmarshalJSON reads either.
func (n *numbers) UnmarshalJSON(text []byte) error {
	var one int
	if text[0] != '[' && text[0] != 'n' && json.Unmarshal(text, &one) == nil {
		*n = numbers{one}
		return nil
	}
	return json.Unmarshal(text, (*[]int)(n))
}

// action does what a command of control does, and answers with the id of the
// run that goes on.
type action func(ctx context.Context, id string, in asked, by workflows.Control) (string, error)

// post makes an action an endpoint. fields are what it may be asked with beside
// a note.
func (s *Server) post(do action, fields ...string) endpoint {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		id, err := idOf(r)
		if err != nil {
			return nil, err
		}
		var in asked
		if err := body(w, r, &in); err != nil {
			return nil, err
		}
		if err := in.only(fields); err != nil {
			return nil, err
		}
		of, err := do(r.Context(), id, in, workflows.Control{Who: s.User, Note: strings.TrimSpace(in.Note)})
		if of == "" {
			of = id
		}
		s.hub.touch(id, in.Discard && (err == nil || errors.Is(err, runs.ErrNothing)))
		if errors.Is(err, runs.ErrNothing) {
			return did{ID: of, Why: err.Error()}, nil
		}
		if err != nil {
			return nil, err
		}
		s.Log.Info("dashboard: asked", "run", id, "action", r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "by", s.User)
		return did{ID: of, Changed: true}, nil
	}
}

func (s *Server) pause(ctx context.Context, id string, _ asked, by workflows.Control) (string, error) {
	return id, s.Runs.Pause(ctx, id, by)
}

func (s *Server) resume(ctx context.Context, id string, _ asked, by workflows.Control) (string, error) {
	return id, s.Runs.Resume(ctx, id, by)
}

func (s *Server) cancel(ctx context.Context, id string, in asked, by workflows.Control) (string, error) {
	if !in.Discard {
		return id, s.Runs.Cancel(ctx, id, by)
	}
	if s.Repo == nil {
		return id, errNoStore
	}
	err := s.Runs.Discard(ctx, id, by)
	if err != nil && !errors.Is(err, runs.ErrNothing) {
		return id, err
	}
	return id, errors.Join(err, runs.DropRecords(ctx, s.Repo.Store, id))
}

func (s *Server) retry(ctx context.Context, id string, in asked, by workflows.Control) (string, error) {
	return s.Runs.Retry(ctx, id, by, in.Trials...)
}

// extend gives a run more passes, or a sweep more trials. Both are counted with
// those that there are, as the command's are.
func (s *Server) extend(ctx context.Context, id string, in asked, by workflows.Control) (string, error) {
	settings, err := in.settings()
	switch {
	case err != nil:
		return id, err
	case (in.Passes > 0) == (in.Trials != nil):
		return id, badRequest("passes of a run or trials of a sweep are needed, at least 1")
	case in.Passes > 0:
		return s.Runs.Extend(ctx, id, in.Passes, settings, by)
	case len(in.Set) > 0:
		return id, badRequest("set is for runs: the trials of a sweep vary what its spec says")
	}
	if len(in.Trials) != 1 || in.Trials[0] < 1 {
		return id, badRequest("trials is how many there are then, at least 1")
	}
	return id, s.Runs.Change(ctx, id, workflows.ChangeAsk{Control: by, Change: search.Change{Trials: &in.Trials[0]}})
}

func (s *Server) fork(ctx context.Context, id string, in asked, by workflows.Control) (string, error) {
	settings, err := in.settings()
	if err != nil {
		return id, err
	}
	if in.From == "" {
		return id, badRequest("from is missing: a pass, 0 for the dense network, or a checkpoint's digest")
	}
	return s.Runs.Fork(ctx, id, in.From, settings, by)
}

func (s *Server) change(ctx context.Context, id string, in asked, by workflows.Control) (string, error) {
	if in.Concurrency == nil && in.Priority == 0 {
		return id, badRequest("concurrency or priority is needed")
	}
	return id, s.Runs.Change(ctx, id, workflows.ChangeAsk{Control: by, Change: search.Change{Concurrency: in.Concurrency}, Priority: in.Priority})
}

func (s *Server) note(ctx context.Context, id string, in asked, by workflows.Control) (string, error) {
	return id, s.Runs.Note(ctx, id, strings.TrimSpace(in.Text), by)
}

// mostTags bounds the words of one request.
const mostTags = 100

func (s *Server) tag(ctx context.Context, id string, in asked, by workflows.Control) (string, error) {
	if n := len(in.Add) + len(in.Remove); n < 1 || n > mostTags {
		return id, badRequest("%d tags to add or to remove: 1 to %d are allowed", n, mostTags)
	}
	// Before any of them is done.
	if err := runs.CheckTags(slices.Concat(in.Add, in.Remove)); err != nil {
		return id, badRequest("%w", err)
	}
	var nothing error
	changed := false
	for _, do := range []struct {
		add   bool
		words []string
	}{{true, in.Add}, {false, in.Remove}} {
		if len(do.words) == 0 {
			continue
		}
		err := s.Runs.Tag(ctx, id, do.add, do.words, by)
		switch {
		case errors.Is(err, runs.ErrNothing):
			nothing = err
		case err != nil:
			return id, err
		default:
			changed = true
		}
	}
	if changed {
		return id, nil
	}
	return id, nothing
}

// settings are those of PATH=VALUE.
func (in asked) settings() ([]config.Setting, error) {
	var all []config.Setting
	for _, text := range in.Set {
		one, err := config.ParseSetting(text)
		if err != nil {
			return nil, fault{http.StatusBadRequest, err}
		}
		all = append(all, one)
	}
	return all, nil
}

// only refuses what the action does not take.
func (in asked) only(fields []string) error {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"discard", in.Discard}, {"passes", in.Passes != 0}, {"trials", in.Trials != nil}, {"from", in.From != ""}, {"set", len(in.Set) > 0},
		{"concurrency", in.Concurrency != nil}, {"priority", in.Priority != 0}, {"text", in.Text != ""},
		{"add", len(in.Add) > 0}, {"remove", len(in.Remove) > 0},
	} {
		if f.given && !slices.Contains(fields, f.name) {
			return badRequest("%s is not for this, which takes: %s", f.name, strings.Join(append([]string{"note"}, fields...), ", "))
		}
	}
	return nil
}
