package ui

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"espalier/config"
	"espalier/workers"
	"espalier/workers/results"
	"espalier/workers/runs"
	"espalier/workers/table"
	"espalier/workflows"
	"espalier/workflows/search"
)

// trialRow is a trial by what it sets and what it has reached.
type trialRow struct {
	Trial  int                `json:"trial"`
	Run    string             `json:"run"`
	State  string             `json:"state"`
	Why    string             `json:"why,omitempty"`
	Values map[string]any     `json:"values"` // by path: a number, a truth or a text
	Seed   *uint64            `json:"seed,omitempty"`
	Rung   int                `json:"rung,omitempty"` // the last pass that it got to, where trials are compared at rungs
	Best   map[string]float64 `json:"best,omitempty"` // of the last pass that is kept, by objective
}

// trialColumn is a number of Best.
type trialColumn struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
}

// trialColumns are all objectives that a sweep can have.
var trialColumns = []trialColumn{
	{config.ObjectiveAccuracy, "share"}, {config.ObjectiveSparsity, "share"}, {config.ObjectiveBytes, "bytes"}, {config.ObjectiveMACs, "multiply-adds"},
	{config.ObjectiveParams, "parameters"}, {config.ObjectiveNonZero, "weights"}, {config.ObjectiveLoss, "nats"}, {config.ObjectiveLatency, "s"},
}

// trialTable is what is new of a sweep's trials.
type trialTable struct {
	bookMark                     // Version is that of the last row
	Parameters []string          `json:"parameters"`
	Columns    []trialColumn     `json:"columns"`
	Objectives []string          `json:"objectives"`
	Front      []int             `json:"front"`  // numbers of trials
	Trials     []json.RawMessage `json:"trials"` // [trialRow], in the order in which they changed
	More       bool              `json:"more,omitempty"`
	LeftOut    int               `json:"left_out,omitempty"` // trials that have no row; the CSV has all
	Why        string            `json:"why,omitempty"`
}

// trials are those of a sweep, with what they set: those that changed since the
// version of an answer before, or all if that was of another book. Whoever asks
// again until there is no more has all, and none twice.
func (s *Server) trials(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := idOf(r)
	if err != nil {
		return nil, err
	}
	limit, err := whole(r, "limit", 1000, mostTrials)
	if err != nil {
		return nil, err
	}
	since, err := strconv.ParseInt(cmp.Or(r.URL.Query().Get("since"), "0"), 10, 64)
	if err != nil || since < 0 {
		return nil, badRequest("since %.40q: the version of an answer before is allowed", r.URL.Query().Get("since"))
	}
	t := trialTable{Parameters: []string{}, Columns: trialColumns, Objectives: []string{}, Front: []int{}, Trials: []json.RawMessage{}}
	b, err := s.openBook(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if b == nil {
		t.Why = "no worker answers for the sweep's trials; start one with: espalier worker"
		return t, nil
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if err := b.read(r.Context()); err != nil {
		s.Log.Warn("dashboard: trials cannot be read", "sweep", id, "error", err)
		t.Why = fmt.Sprintf("some trials cannot be read now: %v", err)
	}
	if r.URL.Query().Get("book") != b.name {
		since = 0
	}
	b.fill(&t, since, limit, s.Repo != nil)
	return t, nil
}

// fill fills in what is newer than a version. The caller holds the lock.
func (b *book) fill(t *trialTable, since int64, limit int, stored bool) {
	t.bookMark = *b.at()
	t.Trials, t.Version, t.More = b.since(since, limit)
	t.Parameters = append(t.Parameters, b.params...)
	t.Objectives, t.LeftOut = b.of.Objectives, b.of.LeftOut
	if stored {
		t.LeftOut = max(0, b.of.Made-mostTrials)
	}
	for _, p := range b.of.Front {
		t.Front = append(t.Front, p.Trial)
	}
}

// openBook is the book of a sweep as of a moment ago; nil if no worker has ever
// answered for the sweep.
func (s *Server) openBook(ctx context.Context, id string) (*book, error) {
	if b := s.books.of(id); b != nil && time.Since(b.lastTaken()) < freshFor {
		return b, nil
	}
	began := time.Now()
	f, err := s.full(ctx, id)
	if err != nil {
		return nil, err
	}
	if f.Kind != runs.KindSweep {
		return nil, fault{http.StatusNotFound, errors.New(id + " is no sweep")}
	}
	if f.Sweep == nil {
		b := s.books.of(id)
		if b == nil || b.life != f.Life || b.lastTaken().IsZero() {
			return nil, nil
		}
		return b, nil
	}
	b, err := s.bookOf(ctx, &f.View)
	if err != nil {
		return nil, err
	}
	return b, b.take(f.Sweep, f.at(began), true)
}

// slim is a look without what has a place of its own: a sweep's trials and its
// front, of which it says instead how far the book has them.
func (s *Server) slim(ctx context.Context, f *full, began time.Time) (*full, error) {
	if f.Sweep == nil {
		return f, nil
	}
	b, err := s.bookOf(ctx, &f.View)
	if err != nil {
		return nil, err
	}
	if err := b.take(f.Sweep, f.at(began), false); err != nil {
		return nil, err
	}
	slim, sweep := *f, *f.Sweep // others have the whole one
	sweep.Trials, sweep.UnderWay, sweep.Front, sweep.Search = nil, nil, nil, nil
	slim.Sweep, slim.Trials = &sweep, b.at()
	return &slim, nil
}

// at is as of when the look is that began then.
func (f *full) at(began time.Time) time.Time {
	if f.AsOf.IsZero() {
		return began
	}
	return f.AsOf
}

func rowOf(one workflows.SweptTrial, spec *config.Spec) trialRow {
	row := trialRow{Trial: one.Trial, Run: one.Run, State: one.State, Why: one.Why, Rung: one.Pass, Values: map[string]any{}}
	seed := spec.Train.Seed
	for _, v := range one.Values {
		if v.Path == config.SeedPath {
			if n, err := strconv.ParseUint(v.Value, 10, 64); err == nil {
				seed = n
			}
			continue
		}
		row.Values[v.Path] = valueOf(v)
	}
	row.Seed = &seed
	if spec.Sweep == nil || spec.Sweep.Search.ASHA == nil {
		row.Rung = 0
	}
	if one.Last == nil {
		return row
	}
	var names []string
	for _, c := range trialColumns {
		if c.Name != config.ObjectiveLatency || one.Last.Latency > 0 {
			names = append(names, c.Name)
		}
	}
	row.Best = map[string]float64{}
	for i, x := range workflows.Reached(*one.Last, names) {
		if finite(x) != nil {
			row.Best[names[i]] = x
		}
	}
	return row
}

// valueOf is a value as JSON has it; a percentage is a share.
func valueOf(v search.Setting) any {
	if digits, ok := strings.CutSuffix(v.Value, "%"); ok {
		if x, err := strconv.ParseFloat(strings.TrimSpace(digits)+"e-2", 64); err == nil {
			return x
		}
	}
	if x, err := strconv.ParseFloat(v.Value, 64); err == nil && finite(x) != nil {
		return x
	}
	if v.Value == "true" || v.Value == "false" {
		return v.Value == "true"
	}
	return v.Value
}

// tableWithin is how long the results of thousands of trials may take.
const tableWithin = 10 * time.Minute

// table is the results of a run or a sweep as CSV, whole before it is sent, so
// that none is taken for whole that is not.
func (s *Server) table(w http.ResponseWriter, r *http.Request) (any, error) {
	id, ok := strings.CutSuffix(r.PathValue("file"), ".csv")
	if !ok || !runName.MatchString(id) {
		return nil, fault{http.StatusNotFound, fmt.Errorf("%w: %.80q; tables are ID.csv", runs.ErrNotFound, r.PathValue("file"))}
	}
	if s.Repo == nil {
		return nil, errNoStore
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(tableWithin)) // of no use in tests without a connection
	found, err := results.Source{Repo: s.Repo, Runs: s.Runs}.Of(r.Context(), id)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	to, err := table.New(&text, table.CSV, found.Columns)
	if err != nil {
		return nil, err
	}
	for row, err := range found.Rows {
		if err == nil {
			err = to.Write(row)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := to.Close(); err != nil {
		return nil, err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+id+`.csv"`)
	return raw{"text/csv; charset=utf-8", text.Bytes()}, nil
}

// spec is the spec of a run as a file would have it.
func (s *Server) spec(ctx context.Context, v *runs.View, _ *http.Request) (any, error) {
	spec, err := s.Runs.Spec(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	text, err := spec.YAML()
	return raw{"text/yaml; charset=utf-8", text}, err
}

// workers are those that live.
func (s *Server) workers(_ http.ResponseWriter, r *http.Request) (any, error) {
	if s.Repo == nil {
		return nil, errNoStore
	}
	live, err := workers.Live(r.Context(), s.Repo, s.Dead)
	if live == nil {
		live = []workers.Record{}
	}
	return live, err
}
