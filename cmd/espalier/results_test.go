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
	for _, m := range []mistake{
		{args: l.args("results", "tiny-2"), code: exitUsage, want: []string{`espalier: no such run: no result of tiny-2 is in .*, and no server is there to ask`}},
		{args: l.args("results", "tiny-1", "-o", filepath.Join(l.home, "a.csv")), code: exitUsage, want: []string{`espalier: .*a\.csv is there already; .*`}},
		{args: l.args("results", "tiny-1", "-o", "a.xlsx"), code: exitUsage, want: []string{`espalier: --out a\.xlsx: its end says no format; .*`}},
		{args: l.args("results", "tiny-1", "--format", "xml"), code: exitUsage, want: []string{`espalier: --format "xml": csv, json, parquet are allowed`}},
		{args: l.args("results", "tiny-1", "--format", "parquet"), code: exitUsage, want: []string{`espalier: parquet is no text; name the file with --out`}},
	} {
		m.check(t, l.home)
	}
}
