package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/workers/local"
	"espalier/workers/mlflow/mlflowtest"
	"espalier/workflows"
)

// What has ended is told by the store alone, while no server runs.
func TestResultsAreWrittenFromTheStore(t *testing.T) {
	t.Parallel()
	spec, err := config.Parse("tiny.yaml", []byte(oneSecondSpec))
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, oneSecondSpec)
	store, err := dirstore.New(filepath.Join(l.home, "s3", local.Bucket))
	if err != nil {
		t.Fatal(err)
	}
	digest := checkpoint.Digest(strings.Repeat("a", 64))
	record := workflows.Record{
		Result: workflows.Result{Run: "tiny-1", Spec: *spec, Rows: []workflows.Row{{Accuracy: 0.5, Kept: true, Checkpoint: digest}}},
		Links:  []workflows.Link{{Key: "key", Checkpoint: digest}},
	}
	if err := (&checkpoint.Repo{Store: store}).PutJSON(t.Context(), "runs/tiny-1/result.json", record); err != nil {
		t.Fatal(err)
	}
	printed := command(t, l.args("results", "tiny-1")...).out.String()
	head, rest, _ := strings.Cut(printed, "\n")
	if !strings.HasPrefix(head, "run,sweep,trial,seed,state,why,pass,network,kept,accuracy_share,") || !strings.HasPrefix(rest, "tiny-1,,,1,done,,0,dense,true,0.5,") {
		t.Errorf("printed\n%s", printed)
	}
	if text := command(t, l.args("results", "tiny-1", "--json")...).out.String(); !strings.Contains(text, `"step_key":"key"`) {
		t.Errorf("JSON is\n%s", text)
	}
	for _, name := range []string{"a.csv", "a.json", "a.parquet"} {
		file := filepath.Join(l.home, name)
		out := command(t, l.args("results", "tiny-1", "-o", file)...).out.String()
		if !strings.Contains(out, "a."+name[2:]+": 1 rows of 33 columns") {
			t.Errorf("%s: %s", name, out)
		}
		if data, err := os.ReadFile(file); err != nil || len(data) < 100 || name == "a.csv" && string(data) != printed {
			t.Errorf("%s has %d bytes: %v", name, len(data), err)
		}
	}
	server := mlflowtest.New(t)
	for _, want := range []string{"1 runs (1 new) with 6 new points into tiny: ", "1 runs (0 new) with 0 new points into tiny: "} {
		if out := command(t, l.args("results", "tiny-1", "--mlflow", server.URL)...).out.String(); !strings.HasPrefix(out, "wrote "+want) {
			t.Errorf("printed %s, want %s", out, want)
		}
	}
	for _, m := range []mistake{
		{args: l.args("results", "tiny-1", "--mlflow", "localhost:5000"), code: exitUsage, want: []string{`espalier: --mlflow: "localhost:5000": the http or https address of a tracking server is allowed, .*`}},
		{args: l.args("results", "tiny-1", "--mlflow", server.URL, "--format", "csv"), code: exitUsage, want: []string{`espalier: --format and --mlflow exclude each other; .*`}},
		{args: l.args("results", "tiny-1", "--experiment", "e"), code: exitUsage, want: []string{`espalier: --experiment wants --mlflow`}},
		{args: l.args("results", "tiny-1", "--mlflow", server.URL), env: []string{"MLFLOW_TRACKING_USERNAME=me"}, code: exitUsage, want: []string{`espalier: environment: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD: only one .*`}},
		{args: l.args("results", "tiny-1", "--mlflow", server.URL+"/elsewhere"), code: exitError, want: []string{`espalier: MLflow: GET experiments/get-by-name: 404 Not Found; is this the address of a tracking server\?`}},
		{args: l.args("results", "tiny-2"), code: exitUsage, want: []string{`espalier: no such run: no result of tiny-2 is in .*, and no server is there to ask`}},
		{args: l.args("results", "tiny-1", "-o", filepath.Join(l.home, "a.csv")), code: exitUsage, want: []string{`espalier: .*a\.csv is there already; .*`}},
		{args: l.args("results", "tiny-1", "-o", "a.xlsx"), code: exitUsage, want: []string{`espalier: --out a\.xlsx: its end says no format; .*`}},
		{args: l.args("results", "tiny-1", "--format", "xml"), code: exitUsage, want: []string{`espalier: --format "xml": csv, json, parquet are allowed`}},
		{args: l.args("results", "tiny-1", "--format", "parquet"), code: exitUsage, want: []string{`espalier: parquet is no text; name the file with --out`}},
	} {
		m.check(t, l.home)
	}
}
