package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A machine with an empty HOME writes the page that the others' results gave.
func TestThePageOutlivesTheMachine(t *testing.T) {
	t.Parallel()
	_, page, args := workplace(t)
	reported(t, args)
	first, record := textOf(t, page), textOf(t, recordOf(page))
	elsewhere := append(args, "-home", t.TempDir())
	reported(t, elsewhere)
	if diff := cmp.Diff(first, textOf(t, page)); diff != "" {
		t.Errorf("the page of the record differs (-results +record):\n%s", diff)
	}
	if diff := cmp.Diff(record, textOf(t, recordOf(page))); diff != "" {
		t.Errorf("the record of the record differs:\n%s", diff)
	}
	// Seeds that are not asked for are not shown, and not lost.
	reported(t, append(elsewhere, "-seeds", "2"))
	if text := textOf(t, page); !strings.Contains(text, "| `regularization-l2-8x` | 0 of 1 |") {
		t.Errorf("the page of seed 2 shows runs of seed 1")
	}
	if diff := cmp.Diff(record, textOf(t, recordOf(page))); diff != "" {
		t.Errorf("the page of another seed costs the record:\n%s", diff)
	}
}

// What the record says of an experiment that is another today does not count,
// and neither does a seed that is not planned.
func TestTheRecordIsOfTodaysExperiments(t *testing.T) {
	t.Parallel()
	experiments, folder := experimentsOf(chaptersOf(t)), t.TempDir()
	path := filepath.Join(folder, "whole.jsonl")
	if err := realBook(t).writeRecord(path, experiments); err != nil {
		t.Fatal(err)
	}
	whole := textOf(t, path)
	const id = "regularization-l2-8x"
	line := regexp.MustCompile(`"experiment":"` + id + `","seed":1,"spec":"[0-9a-f]{12}"`).FindString(whole)
	tests := map[string]struct {
		line string
		runs int
	}{
		"as it was":                 {line, 1},
		"another spec":              {`"experiment":"` + id + `","seed":1,"spec":"000000000000"`, 0},
		"a seed that is not run":    {strings.Replace(line, `"seed":1`, `"seed":9`, 1), 0},
		"an experiment that is not": {strings.Replace(line, id, "regularization-l9-8x", 1), 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(folder, strings.ReplaceAll(name, " ", "-"))
			if err := os.WriteFile(path, []byte(strings.Replace(whole, line, test.line, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			b, err := (&runner{home: folder}).load(experiments, path)
			if err != nil || len(b.runs(id)) != test.runs || len(b.runs("regularization-l1-8x")) != 1 || len(b.benches) != 1 {
				t.Errorf("%d runs, %d of another experiment, %d benchmarks, want %d, 1 and 1: %v",
					len(b.runs(id)), len(b.runs("regularization-l1-8x")), len(b.benches), test.runs, err)
			}
			// Its checkpoint is on another machine.
			if b.results.first(id) != nil {
				t.Errorf("a recorded run counts as made here")
			}
		})
	}
}

func TestARecordThatIsNone(t *testing.T) {
	t.Parallel()
	_, page, args := workplace(t)
	if err := os.WriteFile(recordOf(page), []byte("{\"experiment\": \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := execute(context.Background(), append(args, "-report"), &out, &errs); code != 1 || !strings.Contains(errs.String(), recordOf(page)) {
		t.Errorf("code %d, %q, want 1 and the record's path", code, &errs)
	}
}
