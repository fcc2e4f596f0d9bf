package mlflowtest

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
)

// MLflow's limits, by its documentation.
const (
	mostMetrics, mostPairs, mostEntities = 1000, 100, 1000
	mostBytes                            = 1_000_000
	mostKey, mostParam, mostTag          = 250, 6000, 5000
)

type pair struct {
	Key   *string `json:"key"`
	Value *string `json:"value"`
}

// named checks the name of a parameter, a metric or a tag.
func named(what string, key *string) error {
	switch {
	case key == nil || *key == "":
		return invalid("%s name cannot be None. A key name must be provided.", what)
	case !regexp.MustCompile(`^[/\w.\- ]*$`).MatchString(*key):
		return invalid("Invalid %s name: '%s'. Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), and slashes (/).", what, *key)
	case path.Clean(*key) != *key || *key == "." || strings.HasPrefix(*key, "..") || strings.HasPrefix(*key, "/"):
		return invalid("Invalid %s name: '%s'. Names must not resolve to other names", what, *key)
	case len(*key) > mostKey:
		return invalid("%s name '%s' exceeded length limit of %d", what, *key, mostKey)
	}
	return nil
}

func (p pair) check(what string, most int) error {
	if err := named(what, p.Key); err != nil {
		return err
	}
	if p.Value == nil || len(*p.Value) > most {
		return invalid("%s value of '%s' exceeded length limit of %d", what, *p.Key, most)
	}
	return nil
}

func (s *Server) createRun(body []byte) (any, error) {
	var in struct {
		Experiment string `json:"experiment_id"`
		Name       string `json:"run_name"`
		Start      int64  `json:"start_time"`
		Tags       []pair `json:"tags"`
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	if err := s.known(in.Experiment); err != nil {
		return nil, err
	}
	r := &Run{
		ID: fmt.Sprintf("%032x", len(s.runs)+1), Experiment: in.Experiment, Name: in.Name, Start: in.Start, Status: "RUNNING",
		Params: map[string]string{}, Tags: map[string]string{"mlflow.runName": in.Name},
	}
	for _, tag := range in.Tags {
		if err := tag.check("Tag", mostTag); err != nil {
			return nil, err
		}
		r.Tags[*tag.Key] = *tag.Value
	}
	s.runs = append(s.runs, r)
	return map[string]any{"run": r.wire()}, nil
}

func (s *Server) known(experiment string) error {
	for i := range s.experiments {
		if fmt.Sprint(i+1) == experiment {
			return nil
		}
	}
	return missing("No Experiment with id=%s exists", experiment)
}

func (s *Server) run(id string) (*Run, error) {
	if id == "" {
		return nil, invalid("Missing value for required parameter 'run_id'.")
	}
	for _, r := range s.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, missing("Run with id=%s not found", id)
}

// tagged is the one form of filters that is understood.
var tagged = regexp.MustCompile("^tags\\.`([^`]+)` = '([^']*)'$")

func (s *Server) search(body []byte) (any, error) {
	var in struct {
		Experiments []string `json:"experiment_ids"`
		Filter      string   `json:"filter"`
		View        string   `json:"run_view_type"`
		Most        int      `json:"max_results"`
		Order       []string `json:"order_by"`
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	filter := tagged.FindStringSubmatch(in.Filter)
	switch {
	case filter == nil:
		return nil, invalid("Invalid clause(s) in filter string: %s", in.Filter)
	case !slices.Contains([]string{"", "ACTIVE_ONLY", "DELETED_ONLY", "ALL"}, in.View):
		return nil, invalid("Invalid run_view_type %s", in.View)
	case in.Most < 1 || in.Most > 50_000:
		return nil, invalid("Invalid value %d for parameter 'max_results'", in.Most)
	case len(in.Order) != 1 || in.Order[0] != "attributes.start_time ASC":
		return nil, invalid("Invalid order_by %v", in.Order)
	}
	var found []any
	for _, r := range s.runs {
		if slices.Contains(in.Experiments, r.Experiment) && r.Tags[filter[1]] == filter[2] && in.View != "DELETED_ONLY" && len(found) < in.Most {
			found = append(found, r.wire())
		}
	}
	if found == nil {
		return map[string]any{}, nil
	}
	return map[string]any{"runs": found}, nil
}

type metric struct {
	Key       *string  `json:"key"`
	Value     *float64 `json:"value"`
	Timestamp *int64   `json:"timestamp"`
	Step      int64    `json:"step"`
}

func (s *Server) logBatch(body []byte) (any, error) {
	var in struct {
		RunID   string   `json:"run_id"`
		Metrics []metric `json:"metrics"`
		Params  []pair   `json:"params"`
		Tags    []pair   `json:"tags"`
	}
	if len(body) > mostBytes {
		return nil, invalid("Batched logging API requests must be at most %d bytes, got a request of size %d.", mostBytes, len(body))
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	for _, of := range []struct {
		what      string
		most, got int
	}{
		{"metrics", mostMetrics, len(in.Metrics)},
		{"params", mostPairs, len(in.Params)},
		{"tags", mostPairs, len(in.Tags)},
		{"metrics, params, and tags", mostEntities, len(in.Metrics) + len(in.Params) + len(in.Tags)},
	} {
		if of.got > of.most {
			return nil, invalid("A batch logging request can contain at most %d %s. Got %d.", of.most, of.what, of.got)
		}
	}
	r, err := s.run(in.RunID)
	if err != nil {
		return nil, err
	}
	if err := r.logPairs(in.Params, in.Tags); err != nil {
		return nil, err
	}
	for _, m := range in.Metrics {
		if err := named("Metric", m.Key); err != nil {
			return nil, err
		}
		if m.Value == nil || math.IsNaN(*m.Value) || m.Timestamp == nil || *m.Timestamp < 0 {
			return nil, invalid("Got invalid value or timestamp for metric '%s'", *m.Key)
		}
		r.Points = append(r.Points, Point{*m.Key, *m.Value, *m.Timestamp, m.Step})
	}
	return map[string]any{}, nil
}

func (r *Run) logPairs(params, tags []pair) error {
	seen := map[string]bool{}
	for _, p := range params {
		if err := p.check("Param", mostParam); err != nil {
			return err
		}
		if old, ok := r.Params[*p.Key]; seen[*p.Key] || ok && old != *p.Value {
			return invalid("Changing param values is not allowed. Param with key='%s' was already logged with value='%s'.", *p.Key, old)
		}
		seen[*p.Key], r.Params[*p.Key] = true, *p.Value
	}
	for _, tag := range tags {
		if err := tag.check("Tag", mostTag); err != nil {
			return err
		}
		r.Tags[*tag.Key] = *tag.Value
	}
	return nil
}

func (s *Server) update(body []byte) (any, error) {
	var in struct {
		RunID  string `json:"run_id"`
		Status string `json:"status"`
		End    int64  `json:"end_time"`
		Name   string `json:"run_name"`
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	r, err := s.run(in.RunID)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}, in.Status) {
		return nil, invalid("Invalid status %s", in.Status)
	}
	r.Status, r.End = in.Status, in.End
	return map[string]any{"run_info": map[string]any{"run_id": r.ID, "status": r.Status}}, nil
}
