package results_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/workers/mlflow"
	"espalier/workers/mlflow/mlflowtest"
	"espalier/workers/results"
	"espalier/workflows"
	"espalier/workflows/search"
)

// export writes what an id names to the server.
func export(t *testing.T, s results.Source, to *mlflowtest.Server, id string) mlflow.Exported {
	t.Helper()
	name, all, err := s.Tracked(t.Context(), "v1", id)
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&mlflow.Client{URL: to.URL}).Export(t.Context(), name, all)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestARunIsTracked(t *testing.T) {
	t.Parallel()
	text, _, _ := strings.Cut(sweepSpec, "sweep:")
	spec := parsed(t, strings.Replace(text, "name: digits, train: 600, test: 200", "name: mnist, path: /home/me/mnist", 1))
	s := stored(t, map[string]any{"tiny-1": workflows.Record{
		Result: workflows.Result{Run: "tiny-1", Spec: *spec, Rows: []workflows.Row{
			{Pass: 0, Accuracy: 0.75, Weights: 100, Kept: true, Checkpoint: digest("a"), Metrics: map[string]float64{"top@5": 0.5}},
			{Pass: 1, Accuracy: 0.5, Weights: 100, NonZero: 20, Checkpoint: digest("b"), Latency: 0.25},
		}},
		Links: []workflows.Link{{Key: "k0", Checkpoint: digest("a")}}, DataDigest: "dd",
	}})
	server := mlflowtest.New(t)
	if e := export(t, s, server, "tiny-1"); e.Experiment != "tiny" || e.Created != 1 {
		t.Errorf("wrote %+v", e)
	}
	got := server.Runs()[0]
	wantTags := map[string]string{
		"mlflow.runName": "tiny-1", "espalier.id": "tiny-1", "espalier.run": "tiny-1", "espalier.state": "done", "espalier.version": "v1",
		"espalier.data_sha256": "dd", "espalier.seed": "5", "espalier.checkpoint": string(digest("a")), "espalier.step_key": "k0",
	}
	if diff := cmp.Diff(wantTags, got.Tags); diff != "" {
		t.Errorf("tags (-want +got)\n%s", diff)
	}
	for name, want := range map[string]string{"network.arch": "mlp", "data.path": "mnist", "prune.schedule.target.sparsity": "0.8", "name": ""} {
		if got.Params[name] != want {
			t.Errorf("param %s is %q, want %q", name, got.Params[name], want)
		}
	}
	points := map[string]float64{}
	for _, p := range got.Points {
		points[fmt.Sprint(p.Key, " ", p.Step)] = p.Value
	}
	for name, want := range map[string]float64{"accuracy_share 0": 0.75, "accuracy_share 1": 0.5, "nonzero_weights 1": 20, "trainer/top_5 0": 0.5, "latency_seconds 1": 0.25} {
		if points[name] != want {
			t.Errorf("%s is %g, want %g", name, points[name], want)
		}
	}
	if _, ok := points["pass 0"]; ok || got.Status != mlflow.StatusFinished {
		t.Errorf("%v, %s", points, got.Status)
	}
}

// A trial has the same parameters whether it has ended or not, so that the
// export of a sweep that goes on can be repeated.
func TestASweepIsTrackedAsItGoesOn(t *testing.T) {
	t.Parallel()
	spec := parsed(t, sweepSpec)
	state, err := workflows.NewSweep(spec)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := state.Trial(1)
	if err != nil {
		t.Fatal(err)
	}
	made, err := workflows.TrialSpec(spec, chosen)
	if err != nil {
		t.Fatal(err)
	}
	first := workflows.Row{Pass: 0, Accuracy: 0.5, Kept: true, Checkpoint: digest("a")}
	sweep := workflows.SweepRecord{Spec: spec, SweepResult: workflows.SweepResult{
		Run: "tiny-f", Name: "tiny", State: workflows.StateRunning, Objectives: []string{"accuracy"}, Made: 2,
		Trials: []workflows.SweptTrial{
			{Trial: 0, Run: "tiny-f-0", State: workflows.StateFailed, Why: "no disk", Values: values(t, state, 0)},
			{Trial: 1, Run: "tiny-f-1", State: workflows.StateRunning, Last: &first, Values: chosen.Values},
		},
	}}
	server := mlflowtest.New(t)
	if e := export(t, stored(t, map[string]any{"tiny-f": sweep}), server, "tiny-f"); e.Runs != 3 || e.Created != 3 {
		t.Errorf("wrote %+v", e)
	}
	sweep.State = workflows.StateDone
	sweep.Trials[1].State, sweep.Trials[1].Run = workflows.StateDone, "tiny-f-1-retry-1"
	ended := stored(t, map[string]any{"tiny-f": sweep, "tiny-f-1-retry-1": workflows.Record{
		Result: workflows.Result{Run: "tiny-f-1-retry-1", Spec: *made, Rows: []workflows.Row{first, {Pass: 1, Accuracy: 0.25, Kept: true, Checkpoint: digest("b")}}},
	}})
	for _, want := range []bool{true, false} {
		if e := export(t, ended, server, "tiny-f"); e.Runs != 3 || e.Created != 0 || e.Points > 0 != want {
			t.Errorf("wrote %+v", e)
		}
	}
	var got []string
	for _, r := range server.Runs() {
		got = append(got, fmt.Sprint(r.Status, " ", r.Tags["espalier.run"], " ", r.Tags["espalier.trial"], " ", r.Tags["espalier.why"], " ", r.Tags["mlflow.parentRunId"] != ""))
	}
	if diff := cmp.Diff([]string{"FINISHED tiny-f   false", "FAILED tiny-f-0 0 no disk true", "FINISHED tiny-f-1-retry-1 1  true"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func values(t *testing.T, s *search.State, number int) []search.Setting {
	t.Helper()
	chosen, err := s.Trial(number)
	if err != nil {
		t.Fatal(err)
	}
	return chosen.Values
}
