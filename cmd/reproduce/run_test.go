package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// workplace is a home with the real results of testdata, and what a command
// line for it begins with. Its espalier is no program: whoever runs it fails.
func workplace(t *testing.T) (home, page string, args []string) {
	t.Helper()
	home, page = t.TempDir(), filepath.Join(t.TempDir(), "page.md")
	if err := os.CopyFS(filepath.Join(home, "results"), os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	return home, page, []string{"-home", home, "-page", page, "-examples", "../../examples", "-data", home, "-espalier", filepath.Join(home, "none")}
}

// reported writes the page from what is there.
func reported(t *testing.T, args []string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(context.Background(), append(args, "-report"), &out, &errs); code != 0 || out.Len() > 0 {
		t.Fatalf("code %d\n%s%s", code, &out, &errs)
	}
}

func textOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestARunThatFailsDoesNotEndTheOthers(t *testing.T) {
	t.Parallel()
	_, page, args := workplace(t)
	var out, errs bytes.Buffer
	code := execute(context.Background(), append(args, "-only", "^(apoz|han)-"), &out, &errs)
	if lines := strings.Count(out.String(), "failed: "); code != 1 || lines != 9 {
		t.Errorf("code %d, %d lines of failure, want 1 and 9:\n%s%s", code, lines, &out, &errs)
	}
	if text := textOf(t, page); !strings.Contains(text, "| `apoz-5` | 0 of 3 |") {
		t.Errorf("the page does not say that apoz-5 is missing")
	}
}

func TestAResultIsKeptUntilItsSpecDiffers(t *testing.T) {
	t.Parallel()
	home, _, args := workplace(t)
	const id = "regularization-l2-8x"
	chapters := chaptersOf(t)
	kept := filepath.Join(home, "results", id+"-1.json")
	for _, e := range experimentsOf(chapters) {
		if e.id != id {
			continue
		}
		spec, err := e.write(specData{Seed: 1, Data: home}, sample)
		if err != nil {
			t.Fatal(err)
		}
		if err := keep(filepath.Join(home, "results", id+"-1.yaml"), []byte(spec)); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	args = append(args, "-only", "^"+id+"$", "-seeds", "1")
	if code := execute(context.Background(), args, &out, &errs); code != 0 || !strings.Contains(out.String(), "1/1 "+id+" seed 1") {
		t.Fatalf("a kept result: code %d\n%s%s", code, &out, &errs)
	}
	if err := os.WriteFile(filepath.Join(home, "results", id+"-1.yaml"), []byte("name: other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := execute(context.Background(), args, &out, &errs); code != 1 {
		t.Errorf("a spec that differs: code %d, want 1, of the program that is none", code)
	}
	if _, err := os.Stat(kept); !os.IsNotExist(err) {
		t.Errorf("the result of another spec is still there: %v", err)
	}
}

func TestTheReportRunsNothing(t *testing.T) {
	t.Parallel()
	_, page, args := workplace(t)
	reported(t, args)
	if text := textOf(t, page); !strings.HasPrefix(text, "# ") {
		t.Errorf("no page: %.100q", text)
	}
}

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"a word":          {"all"},
		"no expression":   {"-only", "("},
		"no seeds":        {"-seeds", "1,x"},
		"an unknown flag": {"-fast"},
		"a negative seed": {"-seeds", "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			if code := execute(context.Background(), args, &out, &errs); code != 2 || errs.Len() == 0 {
				t.Errorf("execute(%q) = %d, %q, want 2 and a reason", args, code, &errs)
			}
		})
	}
}
