package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

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
	Pareto bool               `json:"pareto,omitempty"`
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

// trialTable is a sweep's.
type trialTable struct {
	Parameters []string      `json:"parameters"`
	Columns    []trialColumn `json:"columns"`
	Objectives []string      `json:"objectives"`
	Trials     []trialRow    `json:"trials"`
	LeftOut    int           `json:"left_out,omitempty"` // trials that are not in the sweep's own table; the CSV has all
	Why        string        `json:"why,omitempty"`
}

// trials are those of a sweep, with what they set.
func (s *Server) trials(ctx context.Context, v *runs.View, _ *http.Request) (any, error) {
	if v.Kind != runs.KindSweep {
		return nil, fault{http.StatusNotFound, errors.New(v.ID + " is no sweep")}
	}
	f, err := s.full(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	t := trialTable{Parameters: []string{}, Columns: trialColumns, Objectives: []string{}, Trials: []trialRow{}}
	if f.Sweep == nil {
		t.Why = "no worker answers for the sweep's trials; start one with: espalier worker"
		return t, nil
	}
	spec, err := s.Runs.Spec(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	t.Objectives, t.LeftOut = f.Sweep.Objectives, f.Sweep.LeftOut
	front := map[string]bool{}
	for _, p := range f.Sweep.Front {
		front[p.Run] = true
	}
	rungs := spec.Sweep != nil && spec.Sweep.Search.ASHA != nil
	for _, one := range f.Sweep.Trials {
		row := rowOf(one, spec)
		row.Pareto = front[row.Run]
		if !rungs {
			row.Rung = 0
		}
		t.add(row)
	}
	return t, nil
}

// add adds a trial, and the paths that it sets.
func (t *trialTable) add(row trialRow) {
	for path := range row.Values {
		if !slices.Contains(t.Parameters, path) {
			t.Parameters = append(t.Parameters, path)
		}
	}
	slices.Sort(t.Parameters)
	t.Trials = append(t.Trials, row)
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
