// Package mlflowtest is a tracking server for tests. It keeps the rules of
// MLflow's REST API 2.0 for what Espalier asks of it, and more strictly: fields
// that the documentation has not are refused, and a point that is logged twice
// is there twice. It is written after the documentation; it is not MLflow.
package mlflowtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Point is a value of a metric.
type Point struct {
	Key       string  `json:"key"`
	Value     float64 `json:"value"`
	Timestamp int64   `json:"timestamp"`
	Step      int64   `json:"step"`
}

// Run is a run of the server's.
type Run struct {
	ID, Experiment, Name, Status string
	Start, End                   int64
	Params, Tags                 map[string]string
	Points                       []Point
}

// Server is a tracking server.
type Server struct {
	URL string
	// Authorization is what requests must have as that header; empty is nothing.
	Authorization string
	// Answer may answer a request in the place of the server: it gets the call,
	// as runs/create, and returns a status of HTTP, 0 for the server's own.
	// With after, the call is done and its answer lost.
	Answer func(call string) (status int, after bool)

	mu          sync.Mutex
	experiments []string
	runs        []*Run
	calls       []string
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	s.URL = web.URL
	return s
}

// Runs are all runs, in the order of their making. The server must be idle.
func (s *Server) Runs() []*Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.runs)
}

// Calls are the requests so far, as runs/create.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// fault is an error of the API.
type fault struct{ code, message string }

func (f *fault) Error() string { return f.message }

func invalid(format string, args ...any) error {
	return &fault{"INVALID_PARAMETER_VALUE", fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) error {
	return &fault{"RESOURCE_DOES_NOT_EXIST", fmt.Sprintf(format, args...)}
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call, ok := strings.CutPrefix(r.URL.Path, "/api/2.0/mlflow/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.calls = append(s.calls, call)
	if r.Header.Get("Authorization") != s.Authorization {
		http.Error(w, "You are not authenticated.", http.StatusUnauthorized)
		return
	}
	status, after := 0, false
	if s.Answer != nil {
		status, after = s.Answer(call)
	}
	if status != 0 && !after {
		http.Error(w, "<html>", status)
		return
	}
	answer, err := s.answer(r, call)
	switch f, isFault := err.(*fault); {
	case status != 0:
		http.Error(w, "<html>", status)
	case isFault:
		status := http.StatusBadRequest
		if f.code == "RESOURCE_DOES_NOT_EXIST" {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error_code": f.code, "message": f.message})
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func (s *Server) answer(r *http.Request, call string) (any, error) {
	if call == "experiments/get-by-name" {
		if r.Method != http.MethodGet {
			return nil, &fault{"ENDPOINT_NOT_FOUND", r.Method}
		}
		return s.experiment(r.URL.Query().Get("experiment_name"))
	}
	do, ok := map[string]func([]byte) (any, error){
		"experiments/create": s.createExperiment, "runs/create": s.createRun, "runs/search": s.search,
		"runs/log-batch": s.logBatch, "runs/update": s.update,
	}[call]
	if !ok || r.Method != http.MethodPost {
		return nil, &fault{"ENDPOINT_NOT_FOUND", r.Method + " " + call}
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil, &fault{"BAD_REQUEST", "the content type is not application/json"}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return do(body)
}

// read decodes a body, without fields that are not documented.
func read(body []byte, to any) error {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return invalid("%v", err)
	}
	return nil
}

func (s *Server) experiment(name string) (any, error) {
	if name == "" {
		return nil, invalid("Missing value for required parameter 'experiment_name'.")
	}
	i := slices.Index(s.experiments, name)
	if i < 0 {
		return nil, missing("Could not find experiment with name '%s'", name)
	}
	return map[string]any{"experiment": map[string]any{"experiment_id": fmt.Sprint(i + 1), "name": name, "lifecycle_stage": "active"}}, nil
}

func (s *Server) createExperiment(body []byte) (any, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := read(body, &in); err != nil {
		return nil, err
	}
	switch {
	case in.Name == "" || len(in.Name) > 500:
		return nil, invalid("Invalid experiment name: '%s'", in.Name)
	case slices.Contains(s.experiments, in.Name):
		return nil, &fault{"RESOURCE_ALREADY_EXISTS", fmt.Sprintf("Experiment '%s' already exists.", in.Name)}
	}
	s.experiments = append(s.experiments, in.Name)
	return map[string]string{"experiment_id": fmt.Sprint(len(s.experiments))}, nil
}

// wire is a run as the API has it; of each metric its last point: the latest of
// those at the highest step.
func (r *Run) wire() any {
	last := map[string]Point{}
	for _, p := range r.Points {
		if old, ok := last[p.Key]; !ok || cmp.Or(cmp.Compare(p.Step, old.Step), cmp.Compare(p.Timestamp, old.Timestamp), cmp.Compare(p.Value, old.Value)) > 0 {
			last[p.Key] = p
		}
	}
	type pair struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	data := struct {
		Metrics []Point `json:"metrics,omitempty"`
		Params  []pair  `json:"params,omitempty"`
		Tags    []pair  `json:"tags,omitempty"`
	}{}
	for _, p := range last {
		data.Metrics = append(data.Metrics, p)
	}
	for key, value := range r.Params {
		data.Params = append(data.Params, pair{key, value})
	}
	for key, value := range r.Tags {
		data.Tags = append(data.Tags, pair{key, value})
	}
	info := map[string]any{"run_id": r.ID, "run_name": r.Name, "experiment_id": r.Experiment, "status": r.Status, "start_time": r.Start, "lifecycle_stage": "active"}
	if r.End > 0 {
		info["end_time"] = r.End
	}
	return map[string]any{"info": info, "data": data}
}
