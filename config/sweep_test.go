package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

// swept is the small spec with a sweep.
func swept(sweep string) string { return small + "sweep: " + sweep + "\n" }

func TestASweepIsReadInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	got := parse(t, swept(`{search: {random: {trials: 9}}, seeds: [1, 2], stop: {median: 3}, budget: {time: 12h}, params: {
    train.optimizer: [adam, {sgd: {lr: 0.1}}, "adamw"],
    prune.method: [han, 'taylor'],
    prune.schedule.target.sparsity: {values: [50%, "90%"], when: {prune.method: [han, "taylor"]}},
    train.epochs: {min: 1, max: 5},
    train.l1.gamma: {min: 1e-5, max: 1e-3, scale: log}}}`)).Sweep
	want := &config.Sweep{
		Search: config.SweepSearch{Random: &config.SweepSequence{Trials: 9, Seed: 1}},
		Params: config.SweepParams{
			{Path: "train.optimizer", Values: []string{"adam", "{sgd: {lr: 0.1}}", "adamw"}},
			{Path: "prune.method", Values: []string{"han", "taylor"}},
			{Path: "prune.schedule.target.sparsity", Values: []string{"50%", "90%"}, When: []config.SweepCondition{{Path: "prune.method", Values: []string{"han", "taylor"}}}},
			{Path: "train.epochs", Min: 1, Max: 5, Step: 1},
			{Path: "train.l1.gamma", Min: 1e-5, Max: 1e-3, Log: true},
		},
		Seeds: []uint64{1, 2}, Objectives: []string{"accuracy", "bytes"},
		Stop:        config.SweepStop{Median: &config.SweepMedian{Trials: 3, From: 1}},
		Budget:      config.SweepBudget{Time: 12 * 3600e9},
		Concurrency: 4, File: "test.yaml",
	}
	got.Source = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sweep (-want +got):\n%s", diff)
	}
}

// A trial is the spec that the user would have written, and so has its ID.
func TestATrialIsTheSpecWithItsValues(t *testing.T) {
	t.Parallel()
	spec := parse(t, swept("{search: grid, params: {train.seed: [1]}}"))
	tests := map[string]struct {
		values   []config.Setting
		old, now string
	}{
		"nothing":               {nil, "name: x", "name: x"},
		"a number":              {[]config.Setting{{Path: "train.epochs", Value: "7"}}, "epochs: 3", "epochs: 7"},
		"a share":               {[]config.Setting{{Path: "prune.schedule.target.sparsity", Value: "50%"}}, "92%", "50%"},
		"another method":        {[]config.Setting{{Path: "prune.method", Value: "taylor"}}, "method: han", "method: taylor"},
		"a new key":             {[]config.Setting{{Path: "prune.finetune.epochs", Value: "2"}}, "method: han", "method: han, finetune: {epochs: 2}"},
		"a new section":         {[]config.Setting{{Path: "quantize", Value: "{method: shared, bits: {default: 5}}"}}, "name: x", "name: x\nquantize: {method: shared, bits: {default: 5}}"},
		"inside a bare word":    {[]config.Setting{{Path: "train.optimizer.adam.lr", Value: "0.01"}}, "optimizer: adam", "optimizer: {adam: {lr: 0.01}}"},
		"instead of the word":   {[]config.Setting{{Path: "train.optimizer", Value: "{sgd: {lr: 0.1}}"}}, "optimizer: adam", "optimizer: {sgd: {lr: 0.1}}"},
		"beside a bare number":  {[]config.Setting{{Path: "train.l1", Value: "1e-4"}, {Path: "train.l1.biases", Value: "2e-4"}}, "epochs: 3", "epochs: 3, l1: {weights: 1e-4, biases: 2e-4}"},
		"inside, named first":   {[]config.Setting{{Path: "train.schedule.final", Value: "10%"}, {Path: "train.schedule", Value: "cosine"}}, "epochs: 3", "epochs: 3, schedule: {kind: cosine, final: 0.1}"},
		"a name of the network": {[]config.Setting{{Path: "prune.schedule.target.layers.fc3", Value: "74%"}}, "92%", "92%, layers: {fc3: 74%}"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := spec.Trial(test.values)
			if err != nil {
				t.Fatal(err)
			}
			want := with(t, test.old, test.now)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("trial (-want +got):\n%s", diff)
			}
			if got.ID() != want.ID() {
				t.Errorf("ID %s, want %s", got.ID(), want.ID())
			}
		})
	}
}

// A sweep travels through histories as JSON, and its trials stay what they are.
func TestTrialsSurviveJSON(t *testing.T) {
	t.Parallel()
	spec := parse(t, swept("{search: grid, params: {prune.method: [han, taylor]}}"))
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var again config.Spec
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec, &again); diff != "" {
		t.Errorf("spec (-before +after JSON):\n%s", diff)
	}
	if trial, err := again.Trial([]config.Setting{{Path: "prune.method", Value: "taylor"}}); err != nil || trial.Prune.Method != "taylor" || trial.Sweep != nil {
		t.Errorf("Trial = %+v, %v", trial, err)
	}
}

func TestFaultsOfTrialsHaveThePlaceOfTheValue(t *testing.T) {
	t.Parallel()
	spec := parse(t, swept("\n  search: grid\n  params:\n    prune.method: [han, slimming]\n    train.batch: {min: 1, max: 9}"))
	for want, values := range map[string][]config.Setting{
		`test.yaml:9:25: prune.method: `:                    {{Path: "prune.method", Value: "slimming"}},
		`test.yaml:10:18: train.batch: 0 is not at least 1`: {{Path: "train.batch", Value: "0"}},
	} {
		_, err := spec.Trial(values)
		var faults *config.Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), want) {
			t.Errorf("Trial(%v) = %v, want a fault with %q", values, err, want)
		}
	}
	if _, err := parse(t, small).Trial(nil); err == nil {
		t.Error("a spec without a sweep has a trial")
	}
}

func TestSweepsKnowTheirFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := strings.Replace(small, "digits}", "digits}\nresources: {queue: a}", 1) +
		"sweep: {search: grid, params: {network.weights: [a.bin, b.bin], data.train: [100]}}\n"
	for name, data := range map[string]string{"x.yaml": text, "a.bin": "a", "b.bin": "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec, err := config.Load(filepath.Join(dir, "x.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, file := range []string{"a.bin", "b.bin"} {
		trial, err := spec.Trial([]config.Setting{{Path: "network.weights", Value: file}})
		if err != nil {
			t.Fatal(err)
		}
		if n := trial.Network; n.Weights != filepath.Join(dir, file) || len(n.FileDigest) != 64 {
			t.Errorf("network.weights %q has digest %q", n.Weights, n.FileDigest)
		}
		ids[trial.ID()] = true
	}
	if len(ids) != 2 {
		t.Errorf("two files give %d IDs", len(ids))
	}
	if _, err := spec.Trial([]config.Setting{{Path: "network.weights", Value: "c.bin"}}); err == nil || !strings.Contains(err.Error(), "is not known") {
		t.Errorf("a file of no trial: %v", err)
	}
}

func TestASweepsIDIsThatOfItsTrials(t *testing.T) {
	t.Parallel()
	id := func(sweep string) string { return parse(t, swept(sweep)).ID() }
	own := id("{search: grid, params: {train.seed: [1, 2]}}")
	if base := parse(t, small).ID(); own == base {
		t.Error("a sweep has the ID of the spec without it")
	}
	for _, same := range []string{
		"{search: {grid: {}}, params: {train.seed: [1, '2']}}", "{search: grid, params: {train.seed: [1, 2]}, concurrency: 9, budget: {trials: 7}, objectives: [accuracy, bytes]}",
	} {
		if id(same) != own {
			t.Errorf("%s has another ID", same)
		}
	}
	for _, other := range []string{
		"{search: grid, params: {train.seed: [1, 3]}}", "{search: {random: {trials: 2}}, params: {train.seed: [1, 2]}}", "{search: grid, params: {train.seed: [1, 2]}, objectives: [accuracy]}",
	} {
		if id(other) == own {
			t.Errorf("%s has the same ID", other)
		}
	}
}
