package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/workers"
	"espalier/workers/bundle"
	"espalier/workflows"
)

// What a run ended with is made again from its bundle alone, with the same bits.
func TestBundleOfARunIsReproduced(t *testing.T) {
	t.Parallel()
	l := newLab(t, oneSecondSpec)
	run := l.finish(t).Run
	file := filepath.Join(t.TempDir(), "run.tar")
	command(t, l.args("bundle", run, "-o", file)...)
	elsewhere := lab{home: t.TempDir()}
	for _, flag := range []string{"--all=false", "--all"} {
		var r reproduction
		p := command(t, elsewhere.args("reproduce", file, "--json", flag)...)
		if err := json.Unmarshal(p.out.Bytes(), &r); err != nil {
			t.Fatalf("%v in %q", err, p.out.Bytes())
		}
		if want := map[string]int{"--all=false": 1, "--all": 9}[flag]; !r.Same || r.Run != run || len(r.Steps) != want {
			t.Errorf("reproduce %s: %+v, want %d steps", flag, r, want)
		}
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)/2]++
	folder := write(t, map[string]string{"run.tar": string(whole)})
	mistake{args: []string{"reproduce", "run.tar"}, code: exitError, want: []string{"espalier: run.tar: the bundle is corrupt: .*"}}.check(t, folder)
}

// bundledSpec has two trials that share the training of the dense network, and
// one that fails.
const bundledSpec = tinySpec + `sweep:
  search:
    list:
      trials:
        - {prune.schedule.target.sparsity: 50%}
        - {prune.schedule.target.sparsity: 90%}
        - {train.optimizer: {sgd: {lr: 1e20}}}
  concurrency: 1
`

// The bundle of a sweep has all that its trials stand on, what they share once,
// and any step of any trial is done again from it alone.
func TestBundleOfASweepIsReproduced(t *testing.T) {
	home := t.TempDir()
	p := newInProcess(t, home)
	p.work(t, workers.Options{Queue: "cpu"})
	_, id := p.submit(t, bundledSpec)
	trials := p.swept(t, id).Trials
	by := workflows.Control{Who: "tester"}
	for _, err := range []error{
		p.runs.Note(t.Context(), id, "for the paper", by), p.runs.Note(t.Context(), trials[1].Run, "the best", by),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "sweep.tar")
	var wrote bundled
	told(t, &wrote, "bundle", id, "-o", file, "--home", home, "--json")
	if wrote.Trials != 2 || wrote.Run != id {
		t.Errorf("%+v, want two trials of %s", wrote, id)
	}
	files := filesOf(t, file)
	for name, want := range map[string]string{
		"log.json": "for the paper", "logs/" + trials[1].Run + ".json": "the best", "spec.json": `"sweep"`,
		"trials.csv": ",failed,", "runs/" + id + "/result.json": `"objectives"`,
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s is %.400q, want %q in it", name, files[name], want)
		}
	}

	var m bundle.Manifest
	if err := json.Unmarshal([]byte(files["manifest.json"]), &m); err != nil {
		t.Fatal(err)
	}
	// The trials have the initial network, the dense one and its numbers in
	// common; each prunes, trains and measures twice.
	if len(m.Trials) != 2 || len(m.Trials[0].Steps) != 9 || len(m.Trials[1].Steps) != 9 || len(m.AllSteps()) != 3+2*6 || wrote.Steps != 15 {
		t.Fatalf("the manifest has %d trials and %d steps, %d were said", len(m.Trials), len(m.AllSteps()), wrote.Steps)
	}
	second := m.Trials[1]
	for _, test := range []struct {
		args []string
		want int
	}{
		{nil, 2}, // the numbers of both final networks
		{[]string{"--all"}, 15},
		{[]string{"--step", second.Steps[3].Key[:16]}, 3}, // its first pruning, and what that stands on
		{[]string{"--step", second.Steps[8].Key}, 1},      // its last evaluation: the final network is inside
	} {
		var r reproduction
		told(t, &r, append([]string{"reproduce", file, "--json", "--home", t.TempDir()}, test.args...)...)
		if !r.Same || r.Run != id || len(r.Steps) != test.want {
			t.Errorf("reproduce %q: %+v, want %d steps, all the same", test.args, r, test.want)
		}
		for _, o := range r.Steps {
			if len(test.args) == 2 && o.Run != second.Run {
				t.Errorf("reproduce %q did a step for %s, want %s", test.args, o.Run, second.Run)
			}
		}
	}
	text := command(t, "reproduce", file, "--home", t.TempDir()).out.String()
	if at := strings.Index(text, m.Trials[0].Run+"\nsame  "); at != 0 || !strings.Contains(text, "\n"+second.Run+"\nsame  ") {
		t.Errorf("it says\n%s", text)
	}
}

// Trials that rules ended early, and those that went on from a rung, are bundled
// as they ended.
func TestBundleOfTrialsThatEndedEarly(t *testing.T) {
	home := t.TempDir()
	p := newInProcess(t, home)
	p.work(t, workers.Options{Queue: "cpu"})
	_, id := p.submit(t, halvingSpec)
	p.swept(t, id)
	file := filepath.Join(t.TempDir(), "sweep.tar")
	var wrote bundled
	told(t, &wrote, "bundle", id, "-o", file, "--home", home, "--json")
	var r reproduction
	told(t, &r, "reproduce", file, "--all", "--json", "--home", t.TempDir())
	if wrote.Trials != 4 || !r.Same || len(r.Steps) != wrote.Steps || wrote.Steps <= 3+4*3 {
		t.Errorf("wrote %+v, reproduced %+v; want all steps of four trials, of which some have two passes", wrote, r)
	}
}

// told is the JSON answer of a command.
func told(t *testing.T, into any, args ...string) {
	t.Helper()
	p := command(t, args...)
	if err := json.Unmarshal(p.out.Bytes(), into); err != nil {
		t.Fatalf("%v in %q", err, p.out.Bytes())
	}
}

// filesOf are the files of a tar file, each of which is there once.
func filesOf(t *testing.T, file string) map[string]string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	files := map[string]string{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := files[h.Name]; twice {
			t.Errorf("%s is there twice", h.Name)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(data)
	}
}
