package main

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

func chaptersOf(t *testing.T) []chapter {
	t.Helper()
	chapters, err := allChapters(os.DirFS("../../examples"))
	if err != nil {
		t.Fatal(err)
	}
	return chapters
}

// sample stands for the result of an experiment that another one needs.
func sample(string) (*result, error) {
	return &result{Final: strings.Repeat("0a", 32), Rows: []row{{MACs: 300}, {Pass: 1, MACs: 100, Kept: true}}}, nil
}

func specOf(t *testing.T, e experiment) *config.Spec {
	t.Helper()
	text, err := e.write(specData{Seed: 2, Data: "/data"}, sample)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := config.Parse(e.id, []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return spec
}

func TestEverySpecIsOne(t *testing.T) {
	t.Parallel()
	for _, e := range experimentsOf(chaptersOf(t)) {
		t.Run(e.id, func(t *testing.T) {
			t.Parallel()
			spec := specOf(t, e)
			if spec.Train.Seed != 2 || !strings.HasPrefix(spec.Data.Path, "/data/") {
				t.Errorf("seed %d, data %s; want those of the run", spec.Train.Seed, spec.Data.Path)
			}
		})
	}
}

// A dense network is trained once for all experiments only if they all train it
// in the same way.
func TestMethodsOfANetworkShareItsTraining(t *testing.T) {
	t.Parallel()
	chapters := chaptersOf(t)
	for _, n := range []cifarNet{resnet20, vgg16} {
		var dense *config.Spec
		for _, e := range experimentsOf(chapters) {
			if !regexp.MustCompile("^(controls-)?cifar-" + n.id + "-").MatchString(e.id) {
				continue
			}
			spec := specOf(t, e)
			if dense == nil {
				dense = spec
			}
			spec.Name, spec.Prune = dense.Name, dense.Prune
			if diff := cmp.Diff(dense, spec); diff != "" {
				t.Errorf("%s differs from the dense training by more than prune (-dense +spec):\n%s", e.id, diff)
			}
		}
	}
}

func TestTheCommandOfATablePicksItsExperiments(t *testing.T) {
	t.Parallel()
	chapters := chaptersOf(t)
	for _, c := range chapters {
		for _, table := range c.tables {
			var want, got []string
			for _, e := range table.experiments {
				want = append(want, e.id)
			}
			only := regexp.MustCompile(table.only())
			for _, e := range experimentsOf(chapters) {
				if only.MatchString(e.id) {
					got = append(got, e.id)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("table %s, %s (-want +got):\n%s", table.id, only, diff)
			}
		}
	}
}

func TestEveryLineIsOfAnExperiment(t *testing.T) {
	t.Parallel()
	chapters, known := chaptersOf(t), map[string]bool{}
	for _, e := range experimentsOf(chapters) {
		known[e.id] = true
	}
	look := func(table, id string) {
		if !known[id] {
			t.Errorf("table %s shows %q, which is no experiment", table, id)
		}
	}
	for _, c := range chapters {
		for _, table := range c.tables {
			for _, l := range table.listings {
				for _, line := range l.lines {
					look(table.id, line.of)
				}
			}
			for _, g := range table.grids {
				for _, l := range g.lines {
					if len(l.cells) != len(g.heads)-1 {
						t.Errorf("table %s: %q has %d cells under %d heads", table.id, l.label, len(l.cells), len(g.heads)-1)
					}
					for _, cell := range l.cells {
						if cell != (ref{}) {
							look(table.id, cell.of)
						}
					}
				}
			}
			for _, claim := range table.claims {
				if len(claim.pairs) == 0 {
					t.Errorf("table %s: %q compares nothing", table.id, claim.text)
				}
			}
			for _, b := range table.benches {
				look(table.id, b.dense)
				look(table.id, b.small)
			}
		}
	}
}

func TestWhatIsNeededComesFirst(t *testing.T) {
	t.Parallel()
	all := []experiment{{id: "c", needs: []string{"b"}}, {id: "d"}, {id: "b", needs: []string{"a"}}, {id: "a"}}
	var ids []string
	for _, e := range chosen(all, regexp.MustCompile("^[cb]$")) {
		ids = append(ids, e.id)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, ids); diff != "" {
		t.Errorf("chosen (-want +got):\n%s", diff)
	}
}

func TestSpecsSayWhatOthersCameTo(t *testing.T) {
	t.Parallel()
	missing := errors.New("missing")
	tests := map[string]struct {
		e     experiment
		other func(string) (*result, error)
		want  string // or part of the error
	}{
		"as much computation": {experiment{id: "x", needs: []string{"y"}, spec: `{{final "y"}} {{longer "y" 10}}`}, sample, "name: x\n" + strings.Repeat("0a", 32) + " 30"},
		"not needed":          {experiment{id: "x", spec: `{{final "y"}}`}, sample, "x does not need y"},
		"not there":           {experiment{id: "x", needs: []string{"y"}, spec: `{{longer "y" 10}}`}, func(string) (*result, error) { return nil, missing }, "missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.e.write(specData{}, test.other)
			if err != nil {
				got = err.Error()
			}
			if got != test.want && (err == nil || !strings.Contains(got, test.want)) {
				t.Errorf("write = %q, want %q", got, test.want)
			}
		})
	}
}
